/** Single steps of the methods, on objectives that are known in closed form. */
import { describe, expect, it } from "vitest";
import { METHODS, type Method, type MethodName, methodNamed } from "../../src/solve/methods.js";
import type { FlowPoint, ProfiledLoss } from "../../src/solve/objective.js";
import { apart } from "../support/workspaces.js";

it("methods have their names and limits", () => {
  const limits = Object.fromEntries(
    METHODS.map((name) => [methodNamed(name).name, methodNamed(name).defaultIterations]),
  );
  expect(limits).toEqual({
    "gauss-newton": 100,
    lbfgs: 500,
    "preconditioned-gradient": 1000,
    "gradient-flow": 5000,
  });
});

/**
 * J = 1 + k·u²/2 of a number u, as a flat objective over tangents (0, u) at e₁; `model` is the curvature that
 * Gauss–Newton sees, `metric` the link's H. Line searches that begin at a point of `blocked` fail.
 */
function parabola(k: number, model: number, metric: number, blocked = 0) {
  const state = { u: 0, direction: 0, searches: 0, steps: [] as number[] };
  const pointAt = (u: number): FlowPoint =>
    ({
      basis: Float64Array.of(1, 0),
      gradient: Float64Array.of(0, k * u),
      gradientMoment: Float64Array.of(metric),
      gradientNorm: Math.abs(k * u),
      loss: 1 + (k * u * u) / 2,
      u,
    }) as unknown as FlowPoint;
  const objective = {
    dim: 2,
    rank: 1,
    along: async (point: { u: number }, direction: Float64Array) => {
      state.u = point.u;
      state.direction = direction[1];
      state.steps.push(direction[1]);
      state.searches++;
      return Number.POSITIVE_INFINITY;
    },
    trial: async (t: number) =>
      state.searches <= blocked ? { loss: Number.POSITIVE_INFINITY } : pointAt(state.u + t * state.direction),
    accept: async (link: unknown) => link,
    gaussNewtonProduct: async (_: unknown, v: Float64Array) => v.map((x) => model * x),
  } as unknown as ProfiledLoss;
  return { objective, pointAt, state };
}
const uOf = (point: unknown): number => (point as { u: number }).u;

/** Steps from u = 1. */
async function walk(name: MethodName, { objective, pointAt }: ReturnType<typeof parabola>, count: number) {
  const method = methodNamed(name);
  let [point, memory] = [pointAt(1), method.begin(pointAt(1))];
  const out: { u: number; stepSize: number }[] = [];
  for (let k = 0; k < count; k++) {
    const moved = await method.step(objective, point, memory);
    if (!moved) break;
    ({ point, memory } = moved);
    out.push({ u: uOf(point), stepSize: moved.stepSize });
  }
  return { steps: out, memory };
}

describe("preconditioned gradient", () => {
  it("steps by grad J over the metric, and remembers nothing", async () => {
    const { steps, memory } = await walk("preconditioned-gradient", parabola(2, 2, 4), 2);
    expect(steps.map(({ stepSize }) => stepSize)).toEqual([1, 1]);
    expect(
      apart(
        steps.map(({ u }) => u),
        [0.5, 0.25],
      ),
    ).toBeLessThan(1e-5);
    expect(memory).toBeUndefined();
  });

  it("halves a step that goes too far", async () => {
    // u − 2u/0.5 = −3u is worse than u, half of it −u no better, a quarter is 0.
    const { steps } = await walk("preconditioned-gradient", parabola(2, 2, 0.5), 1);
    expect(steps[0].stepSize).toBe(0.25);
    expect(Math.abs(steps[0].u)).toBeLessThan(1e-5);
  });
});

describe("limited-memory BFGS", () => {
  it("begins like the preconditioned gradient and knows the curvature after one step", async () => {
    const { steps, memory } = await walk("lbfgs", parabola(2, 2, 4), 2);
    expect(steps[0].u).toBeCloseTo(0.5, 5);
    expect(Math.abs(steps[1].u)).toBeLessThan(1e-12);
    expect(memory).toHaveLength(2);
  });

  it("forgets its pairs when the line search fails with them, and ends when it fails without", async () => {
    const pairs = [{ s: Float64Array.of(0, 1), y: Float64Array.of(0, 4), curvature: 4 }];
    const method = methodNamed("lbfgs") as Method<unknown>;
    const once = parabola(2, 2, 4, 1);
    const moved = await method.step(once.objective, once.pointAt(1), pairs);
    expect(once.state.searches).toBe(2);
    expect(uOf(moved?.point)).toBeCloseTo(0.5, 5);
    expect(moved?.memory).toHaveLength(1);
    const always = parabola(2, 2, 4, 9);
    expect(await method.step(always.objective, always.pointAt(1), pairs)).toBeUndefined();
    expect(always.state.searches).toBe(2);
    const none = parabola(2, 2, 4, 9);
    expect(await method.step(none.objective, none.pointAt(1), [])).toBeUndefined();
    expect(none.state.searches).toBe(1);
  });
});

describe("Gauss–Newton", () => {
  it("takes the whole step of its model, and notes how much of the gradient is left", async () => {
    const problem = parabola(2, 4, 1e-9);
    const { steps, memory } = await walk("gauss-newton", problem, 1);
    expect(steps[0]).toEqual({ u: expect.closeTo(0.5, 8), stepSize: 1 });
    expect(memory).toMatchObject({ firstNorm: 2, contraction: expect.closeTo(0.5, 8) });
    expect((memory as { pairs: unknown[] }).pairs).toHaveLength(1);
    expect(methodNamed("gauss-newton").begin(problem.pointAt(3))).toEqual({ firstNorm: 6, contraction: 0, pairs: [] });
  });

  it("uses secant pairs only once a step was slow", async () => {
    // The model's curvature is 1/0.9 of the true one: every step leaves a tenth of the gradient, which is quick.
    const quick = await walk("gauss-newton", parabola(2, 2 / 0.9, 1e-9), 3);
    expect(
      apart(
        quick.steps.map(({ u }) => u),
        [0.1, 0.01, 0.001],
      ),
    ).toBeLessThan(1e-6);
    // With 1/0.87 it leaves 0.13, which is slow; the pair then gives the true curvature.
    const slow = await walk("gauss-newton", parabola(2, 2 / 0.87, 1e-9), 2);
    expect(slow.steps[0].u).toBeCloseTo(0.13, 8);
    expect(Math.abs(slow.steps[1].u)).toBeLessThan(1e-10);
  });

  it("drops pairs after one quick step", async () => {
    const method = methodNamed("gauss-newton") as Method<unknown>;
    const pairs = [{ s: Float64Array.of(0, 1), y: Float64Array.of(0, 2), curvature: 2 }];
    const { objective, pointAt } = parabola(2, 4, 1e-9);
    const reached = async (contraction: number) =>
      uOf((await method.step(objective, pointAt(1), { firstNorm: 2, contraction, pairs }))?.point);
    expect(await reached(0.13)).toBeCloseTo(0, 10);
    expect(await reached(0.11)).toBeCloseTo(0.5, 6);
  });

  it("solves its system better as the outer iterations converge", async () => {
    const method = methodNamed("gauss-newton") as Method<unknown>;
    /** Products spent on a gradient of this size, when the first one was 1; curvatures between 1 and 2.5. */
    const inner = async (size: number) => {
      let count = 0;
      const { objective } = parabola(1, 1, 1);
      const point = {
        basis: Float64Array.of(1, 0, 0, 0, 0, 0),
        gradient: Float64Array.of(0, size, size, size, size, size).map((v) => v / Math.sqrt(5)),
        gradientMoment: Float64Array.of(1e-9),
        gradientNorm: size,
        loss: 1,
        u: 0,
      };
      const spread = {
        ...objective,
        dim: 6,
        trial: async () => point,
        gaussNewtonProduct: async (_: unknown, v: Float64Array) => {
          count++;
          return v.map((x, k) => x * (1 + 0.3 * k));
        },
      } as unknown as ProfiledLoss;
      await method.step(spread, point as unknown as FlowPoint, { firstNorm: 1, contraction: 0, pairs: [] });
      return count;
    };
    expect(await inner(1)).toBeLessThan(await inner(1e-6));
  });

  it("ends when no step lowers the loss", async () => {
    const { objective, pointAt } = parabola(2, 2, 1, 9);
    const method = methodNamed("gauss-newton") as Method<unknown>;
    expect(await method.step(objective, pointAt(1), method.begin(pointAt(1)))).toBeUndefined();
  });
});

/** J = 1 − cos 2θ of the angle θ of a line in the plane: the flow is θ̇ = −2 sin 2θ, so tan θ(t) = tan θ(0)·e^(−4t). */
function circle(scale = 1) {
  const stages: FlowPoint[] = [];
  const pointAt = (basis: Float64Array): FlowPoint => {
    const theta = Math.atan2(basis[1], basis[0]);
    const slope = 2 * scale * Math.sin(2 * theta);
    const point = {
      basis,
      loss: scale * (1 - Math.cos(2 * theta)),
      gradient: Float64Array.of(-Math.sin(theta) * slope, Math.cos(theta) * slope),
      gradientNorm: Math.abs(slope),
    } as unknown as FlowPoint;
    stages.push(point);
    return point;
  };
  const objective = { dim: 2, rank: 1, at: async (basis: Float64Array) => pointAt(basis) } as unknown as ProfiledLoss;
  return { objective, stages, start: (theta: number) => pointAt(Float64Array.of(Math.cos(theta), Math.sin(theta))) };
}
const angleOf = ({ basis }: FlowPoint): number => Math.atan2(basis[1], basis[0]);
const exact = (theta: number, t: number): number => Math.atan(Math.tan(theta) * Math.exp(-4 * t));

describe("gradient flow", () => {
  const flow = methodNamed("gradient-flow") as Method<unknown>;

  it("begins with a tenth of a radian", () => {
    const begin = (gradientNorm: number) => flow.begin({ gradientNorm } as FlowPoint);
    expect(begin(2)).toBe(0.05);
    expect(begin(0.01)).toBe(1);
    expect(begin(0)).toBe(1);
  });

  it("follows the flow to third order", async () => {
    const errors: number[] = [];
    for (const h of [0.02, 0.01, 0.005]) {
      const { objective, start } = circle();
      const moved = await flow.step(objective, start(0.2), h);
      expect(moved?.stepSize).toBe(h);
      errors.push(Math.abs(angleOf(moved?.point as FlowPoint) - exact(0.2, h)));
    }
    // One step of a method of third order is off by h⁴.
    for (const k of [1, 2]) expect(errors[k - 1] / errors[k]).toBeCloseTo(16, 0);
    expect(errors[0]).toBeLessThan(3e-7);
  });

  it("asks next for the step whose second-order error is 10⁻³", async () => {
    // Doubling where the error is far below, and no less than half of it.
    for (const h of [1e-3, 0.03, 0.06, 0.08]) {
      const { objective, stages, start } = circle();
      const from = start(0.6);
      const moved = await flow.step(objective, from, h);
      const [first, second, third, next] = stages.map(({ gradient }) => gradient);
      // Between the third-order solution and the embedded one of second order with weights 7/24, 1/4, 1/3, 1/8.
      const error = first.map(
        (v, k) => (2 / 9 - 7 / 24) * v + (1 / 3 - 1 / 4) * second[k] + (4 / 9 - 1 / 3) * third[k] - (1 / 8) * next[k],
      );
      const ratio = (h * Math.hypot(...error)) / 1e-3;
      expect(ratio).toBeLessThan(1);
      const wanted = h * Math.max(0.5, Math.min(2, 0.9 / Math.cbrt(ratio)));
      expect((moved?.memory as number) / wanted).toBeCloseTo(1, 10);
      expect(moved?.stepSize).toBe(h);
    }
  });

  it("takes a smaller step where the error is larger, never below a fifth at once", async () => {
    const { objective, stages, start } = circle();
    const moved = await flow.step(objective, start(0.6), 0.6);
    const rejected = (stages.length - 1) / 3 - 1;
    expect(rejected).toBeGreaterThan(0);
    const size = moved?.stepSize as number;
    expect(size).toBeLessThanOrEqual(0.6 * 0.5 ** rejected + 1e-15);
    expect(size).toBeGreaterThanOrEqual(0.6 * 0.2 ** rejected - 1e-15);
    expect(Math.abs(angleOf(moved?.point as FlowPoint) - exact(0.6, size))).toBeLessThan(1e-3);
  });

  it("never raises the loss: it halves, and ends where nothing moves any more", async () => {
    // At the maximum of J nothing lowers it in floating point.
    const { objective, stages } = circle();
    const flat = {
      ...(stages[0] ?? {}),
      basis: Float64Array.of(1, 0),
      loss: 0,
      gradient: Float64Array.of(0, 1e-3),
      gradientNorm: 1e-3,
    } as unknown as FlowPoint;
    const same = { ...objective, at: async () => flat } as unknown as ProfiledLoss;
    expect(await flow.step(same, flat, 1)).toBeUndefined();
    // h·‖grad J‖ < 2⁻⁵² is where it gives up: 2⁻ᵏ·10⁻³ for k = 43.
    let asked = 0;
    const counting = {
      ...objective,
      at: async () => {
        asked++;
        return flat;
      },
    } as unknown as ProfiledLoss;
    expect(await flow.step(counting, flat, 1)).toBeUndefined();
    expect(asked).toBe(3 * 44);
    // A gradient that stays large is given up after sixty halvings.
    asked = 0;
    const steep = { ...flat, gradientNorm: 1e9 } as unknown as FlowPoint;
    expect(await flow.step(counting, steep, 1)).toBeUndefined();
    expect(asked).toBe(3 * 60);
  });

  it("an error of zero doubles the step", async () => {
    const { objective } = circle();
    const from = { basis: Float64Array.of(1, 0), loss: 1, gradient: new Float64Array(2), gradientNorm: 0 };
    const lower = { ...from, loss: 0.5 };
    const still = { ...objective, at: async () => lower } as unknown as ProfiledLoss;
    expect(await flow.step(still, from as unknown as FlowPoint, 0.25)).toMatchObject({ stepSize: 0.25, memory: 0.5 });
  });
});
