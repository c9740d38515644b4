/** How the subspace moves: one pure step (point, memory) → (point, memory) for every method. */
import { retractPolar } from "../math/grassmann.js";
import {
  gaussNewtonSolve,
  inverseMetric,
  type Metric,
  type Pairs,
  preconditionedGradient,
  quasiNewton,
  rememberPair,
} from "./directions.js";
import type { FlowPoint, ProfiledLoss } from "./objective.js";
import { armijo } from "./stepSize.js";

export const METHODS = ["gauss-newton", "lbfgs", "preconditioned-gradient", "gradient-flow"] as const;
export type MethodName = (typeof METHODS)[number];

/** A step taken; `undefined` instead of it means that no step lowers the loss by more than rounding. */
export interface Moved<Memory> {
  readonly point: FlowPoint;
  /** t of the line search, or flow time of the step. */
  readonly stepSize: number;
  readonly memory: Memory;
}

/** A method is its memory at the start and its step. */
export interface Method<Memory> {
  readonly name: MethodName;
  readonly defaultIterations: number;
  begin(point: FlowPoint): Memory;
  step(objective: ProfiledLoss, point: FlowPoint, memory: Memory): Promise<Moved<Memory> | undefined>;
}

async function search<Memory>(
  objective: ProfiledLoss,
  point: FlowPoint,
  direction: Float64Array,
  remember: (next: FlowPoint, t: number) => Memory,
): Promise<Moved<Memory> | undefined> {
  const step = await armijo(objective, point, direction, 1);
  if (!step) return undefined;
  const next = await objective.accept(step.link);
  return { point: next, stepSize: step.t, memory: remember(next, step.t) };
}

const preconditionedGradientMethod: Method<undefined> = {
  name: "preconditioned-gradient",
  defaultIterations: 1000,
  begin: () => undefined,
  step: (objective, point) => search(objective, point, preconditionedGradient(objective, point), () => undefined),
};

/** A quasi-Newton step: the pairs correct what the first metric leaves out. */
async function quasiNewtonStep(
  objective: ProfiledLoss,
  point: FlowPoint,
  pairs: Pairs,
  metric: Metric,
  scaled: boolean,
): Promise<Moved<Pairs> | undefined> {
  const direction = await quasiNewton(objective, point, pairs, metric, scaled);
  const moved = await search(objective, point, direction, (next, t) => {
    const displacement = direction.map((v) => t * v);
    return rememberPair(objective, pairs, point, displacement, next);
  });
  // A failed line search may be the fault of old curvature; it counts only without any.
  return moved ?? (pairs.length > 0 ? quasiNewtonStep(objective, point, [], metric, scaled) : undefined);
}

const lbfgsMethod: Method<Pairs> = {
  name: "lbfgs",
  defaultIterations: 500,
  begin: () => [],
  step: (objective, point, pairs) =>
    quasiNewtonStep(objective, point, pairs, inverseMetric(point, objective.rank), true),
};

interface GaussNewtonMemory {
  readonly firstNorm: number;
  /** ‖grad J‖ after the last step over that before it. */
  readonly contraction: number;
  readonly pairs: Pairs;
}

/** Inner iterations stop at this relative residual, or earlier as the outer ones converge. */
const FORCING = 0.1;
/** A Gauss–Newton step that leaves more than this part of the gradient was slow. */
const SLOW = 0.12;

/**
 * Gauss–Newton, with secant pairs for the second-order term that it drops. That term is as large as the residual: with
 * noise, or a link that is no polynomial, plain Gauss–Newton converges linearly, and the pairs make it superlinear. They
 * are used only once a step was slow, since pairs of inexact steps hold back a fast one.
 */
const gaussNewtonMethod: Method<GaussNewtonMemory> = {
  name: "gauss-newton",
  defaultIterations: 100,
  begin: (point) => ({ firstNorm: point.gradientNorm, contraction: 0, pairs: [] }),
  async step(objective, point, { firstNorm, contraction, pairs }) {
    const forcing = Math.min(FORCING, Math.sqrt(point.gradientNorm / firstNorm));
    const metric: Metric = (rhs) => gaussNewtonSolve(objective, point, rhs, forcing);
    const used = contraction > SLOW ? pairs : [];
    const moved = await quasiNewtonStep(objective, point, used, metric, false);
    if (!moved) return undefined;
    const ratio = moved.point.gradientNorm / point.gradientNorm;
    return { ...moved, memory: { firstNorm, contraction: ratio, pairs: moved.memory } };
  },
};

/** Local error of the flow per step, relative to ‖W‖ = 1 a column. */
const FLOW_TOLERANCE = 1e-3;
const FLOW_MAX_REJECTIONS = 60;

/**
 * The gradient flow Ẇ = −grad J with the link solved at every stage: Bogacki–Shampine 3(2) with local error control.
 * Stages are taken in the ambient space and brought back by the polar factor, which keeps the order. A step that would
 * raise the loss is halved, so J falls along every trajectory, as it does along the exact flow.
 */
const gradientFlowMethod: Method<number> = {
  name: "gradient-flow",
  defaultIterations: 5000,
  begin: (point) => (point.gradientNorm > 0 ? Math.min(1, 0.1 / point.gradientNorm) : 1),
  async step(objective, point, suggested) {
    const { dim, rank } = objective;
    const { basis } = point;
    const at = (h: number, ...terms: [number, FlowPoint][]): Float64Array => {
      const sum = new Float64Array(basis.length);
      for (const [a, stage] of terms) for (let k = 0; k < sum.length; k++) sum[k] -= a * stage.gradient[k];
      return retractPolar(basis, sum, h, dim, rank);
    };
    let h = suggested;
    for (let rejections = 0; rejections < FLOW_MAX_REJECTIONS; rejections++) {
      const second = await objective.at(at(h, [1 / 2, point]));
      const third = await objective.at(at(h, [3 / 4, second]));
      const next = await objective.at(at(h, [2 / 9, point], [1 / 3, second], [4 / 9, third]));
      let error = 0;
      for (let k = 0; k < basis.length; k++) {
        const e =
          (-5 / 72) * point.gradient[k] +
          (1 / 12) * second.gradient[k] +
          (1 / 9) * third.gradient[k] -
          (1 / 8) * next.gradient[k];
        error += e * e;
      }
      const ratio = (h * Math.sqrt(error)) / FLOW_TOLERANCE;
      if (next.loss < point.loss && ratio <= 1) {
        const growth = ratio > 0 ? Math.min(2, 0.9 / cubeRoot(ratio)) : 2;
        return { point: next, stepSize: h, memory: h * Math.max(growth, 0.5) };
      }
      if (h * point.gradientNorm < Number.EPSILON) return undefined;
      h *= ratio > 1 ? Math.max(0.2, Math.min(0.5, 0.9 / cubeRoot(ratio))) : 0.5;
    }
    return undefined;
  },
};

/** Cube root of x > 0 by Newton's method: the engine's own differs between engines in the last bit, and steps depend on it. */
function cubeRoot(x: number): number {
  let scale = 1;
  while (x * scale * scale * scale > 8) scale /= 2;
  while (x * scale * scale * scale < 1) scale *= 2;
  const target = x * scale * scale * scale;
  let root = 1.5;
  for (let k = 0; k < 6; k++) root = (2 * root + target / (root * root)) / 3;
  return root / scale;
}

/** The method of a name, its memory type hidden. */
export function methodNamed(name: MethodName): Method<unknown> {
  const all = [gaussNewtonMethod, preconditionedGradientMethod, lbfgsMethod, gradientFlowMethod];
  return all.find((method) => method.name === name) as Method<unknown>;
}
