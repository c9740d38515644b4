/** Frames from moments of the data: leading eigenvectors of matrices that see different kinds of links. */
import { weightedSum } from "../kernel/columns.js";
import type { Workspace } from "../kernel/workspace.js";
import { multiply, transpose } from "../math/dense.js";
import { complementOf, orthonormalize } from "../math/grassmann.js";
import { leadingEigenpairs, type SymmetricOperator } from "../math/krylov.js";
import { hessian, sliceOperator } from "../solve/initialize.js";
import { fromColumns } from "../solve/inputMap.js";
import type { Candidate } from "./candidate.js";
import { type Study, withWorkspace } from "./study.js";

/** Ordered orthonormal directions, best first: their first r columns are a frame of rank r. */
export interface Frames {
  readonly name: string;
  /** k×count row-major. */
  readonly vectors: Float64Array;
  readonly count: number;
}

/** Transforms τ(y) of the standardized response whose Hessians Σ τ(yᵢ)(x̂x̂ᵀ − I)/n see links that others are blind to. */
const TRANSFORMS: Readonly<Record<string, (y: Float64Array) => Float64Array>> = {
  ranks,
  clip: (y) => y.map((t) => Math.max(-2.5, Math.min(2.5, t))),
  square: (y) => y.map((t) => (t * t - 1) / (t * t + 1)),
  low: (y) => bounded(y, (t, low) => t - low, 0.2),
  high: (y) => bounded(y, (t, _, high) => high - t, 0.2),
  mid: (y) => bounded(y, (t, _low, _high, middle) => Math.abs(t - middle), 0.3),
};

/** (a − 1)/(a + shift) for a ≥ 0 relative to its mean. */
function bounded(
  y: Float64Array,
  size: (t: number, low: number, high: number, middle: number) => number,
  shift: number,
): Float64Array {
  const sorted = Float64Array.from(y).sort();
  const [low, high, middle] = [sorted[0], sorted[y.length - 1], sorted[y.length >> 1]];
  const a = y.map((t) => size(t, low, high, middle));
  const mean = a.reduce((sum, v) => sum + v, 0) / y.length || 1;
  return a.map((v) => (v / mean - 1) / (v / mean + shift));
}

/** Centred ranks in [−1, 1]; equal responses share theirs. */
function ranks(y: Float64Array): Float64Array {
  const n = y.length;
  const order = Int32Array.from({ length: n }, (_, i) => i).sort((a, b) => y[a] - y[b] || a - b);
  const out = new Float64Array(n);
  for (let first = 0; first < n; ) {
    let last = first;
    while (last + 1 < n && y[order[last + 1]] === y[order[first]]) last++;
    for (let k = first; k <= last; k++) out[order[k]] = (first + last + 1 - n) / n;
    first = last + 1;
  }
  return out;
}

/** Directions computed at once: most searches end below this rank, and larger ones ask again. */
const FIRST_COUNT = 4;
const TOLERANCE = 1e-3;
/** Directions that stand out of the noise are found by then; which of the others come next does not matter to a start. */
const RESTARTS = 2;
const krylovOf = (workspace: Workspace) => ({
  tolerance: TOLERANCE,
  restarts: RESTARTS,
  breathe: () => workspace.breathe(),
});

/**
 * The portfolio of moment frames of a study, each computed when it is first asked for: most searches see two starts agree
 * long before they come to the last.
 * Source: `math/learner` §2. Cost: one or two passes of n·d² flops and a d×d eigenproblem a frame.
 */
export class MomentFrames {
  /** In the order in which they are tried. */
  static readonly NAMES: readonly string[] = [
    "slices",
    "hessian ranks",
    "linear + hessian ranks",
    "hessian clip",
    "linear + hessian clip",
    "linear",
    "hessian square",
    "hessian low",
    "hessian high",
    "hessian mid",
  ];
  readonly #study: Study;
  readonly #known = new Map<string, Frames>();

  constructor(study: Study) {
    this.#study = study;
  }

  /** k×rank row-major, or undefined where a frame has fewer directions. */
  async frame(name: string, rank: number): Promise<Float64Array | undefined> {
    const { dim } = this.#study.inputs;
    let frames = this.#known.get(name);
    if (frames === undefined || (frames.count < Math.min(rank, dim) && name !== "linear")) {
      const count = Math.min(Math.max(rank, FIRST_COUNT), dim);
      frames = await withWorkspace(this.#study, 1, 1, (workspace) => this.#compute(workspace, name, count));
      this.#known.set(name, frames);
    }
    return frameOf(frames, dim, rank);
  }

  async #compute(workspace: Workspace, name: string, count: number): Promise<Frames> {
    const { inputs, y, weights } = this.#study;
    const k = inputs.dim;
    const pairs = async (apply: SymmetricOperator): Promise<Frames> => {
      const { vectors, values } = await leadingEigenpairs(apply, k, count, "magnitude", krylovOf(workspace));
      return { name, vectors, count: values.length };
    };
    if (name === "slices") return pairs(await sliceOperator(workspace, inputs, y));
    const tau = TRANSFORMS[name.split(" ").pop() as string]?.(y) ?? TRANSFORMS.clip(y);
    const mean = (): Promise<Float64Array> =>
      meanVector(workspace, this.#study, weights ? tau.map((t, i) => t * weights[i]) : tau);
    if (name === "linear") return { name, vectors: orthonormalize(await mean(), k, 1).basis, count: 1 };
    const apply = await hessian(workspace, inputs, tau);
    if (!name.startsWith("linear")) return pairs(apply);
    const v = await mean();
    const weight = Math.max(1, k / 10);
    return pairs((block, b) => {
      const moved = apply(apply(block, b), b);
      addOuter(moved, v, block, b, weight);
      return moved;
    });
  }
}

/** The first r directions, or undefined when there are fewer. */
function frameOf({ vectors, count }: Frames, dim: number, rank: number): Float64Array | undefined {
  if (count < rank) return undefined;
  if (count === rank) return vectors;
  const out = new Float64Array(dim * rank);
  for (let i = 0; i < dim; i++) for (let k = 0; k < rank; k++) out[i * rank + k] = vectors[i * count + k];
  return out;
}

/** Σ τᵢx̂ᵢ/n. */
async function meanVector(workspace: Workspace, { inputs }: Study, tau: Float64Array): Promise<Float64Array> {
  const sum = await weightedSum(workspace, tau);
  return fromColumns(inputs, sum, 1).map((v) => v / workspace.weightSum);
}

function addOuter(out: Float64Array, m: Float64Array, block: Float64Array, b: number, share: number): void {
  for (let c = 0; c < b; c++) {
    let overlap = 0;
    for (let j = 0; j < m.length; j++) overlap += m[j] * block[j * b + c];
    for (let j = 0; j < m.length; j++) out[j * b + c] += share * overlap * m[j];
  }
}

/** Share of the residuals clipped at each end before they choose a direction. */
const CLIPPED = 0.005;

/**
 * Frames of rank r + 1 that extend a basis by the direction in which its residuals still vary: the leading one of the
 * first moments with {1, z, h₂(z)}, the leading one of both, and the two leading eigenvectors of the residual Hessian.
 * @param wanted - how many of the four
 */
export async function growingFrames(
  study: Study,
  { basis, rank: r, residuals, projections: z }: Candidate,
  wanted = 4,
): Promise<Frames[]> {
  const { inputs, weights } = study;
  const k = inputs.dim;
  const c = k - r;
  if (c === 0) return [];
  const rho = clipped(residuals);
  const outside = complementOf(basis, k, r);
  const back = transpose(outside, k, c);
  return withWorkspace(study, 1, 1, async (workspace) => {
    const n = rho.length;
    const columns: Float64Array[] = [];
    const functions: ((i: number) => number)[] = [() => 1];
    for (let l = 0; l < r; l++) {
      functions.push((i) => z[i * r + l]);
      functions.push((i) => (z[i * r + l] ** 2 - 1) / Math.SQRT2);
    }
    for (const f of functions) {
      const tau = Float64Array.from({ length: n }, (_, i) => rho[i] * f(i) * (weights ? weights[i] : 1));
      columns.push(multiply(back, await meanVector(workspace, study, tau), c, k, 1));
    }
    const apply = await hessian(workspace, inputs, rho);
    const inside: SymmetricOperator = (block, b) =>
      multiply(back, apply(multiply(outside, block, k, c, b), b), c, k, b);
    const second: SymmetricOperator = (block, b) => inside(inside(block, b), b);
    const first: SymmetricOperator = (block, b) => withOuters(new Float64Array(c * b), columns, block, b);
    const both: SymmetricOperator = (block, b) => withOuters(second(block, b), columns, block, b);
    const leading = (apply: SymmetricOperator, count: number) => leadingColumns(workspace, apply, c, count);
    const byMoments = await leading(first, 1);
    const byHessian = wanted > 2 ? await leading(second, Math.min(2, c)) : [];
    const byBoth = await leading(both, 1);
    const extended = (name: string, direction: Float64Array): Frames => {
      const v = multiply(outside, direction, k, c, 1);
      const joined = new Float64Array(k * (r + 1));
      for (let i = 0; i < k; i++) {
        for (let l = 0; l < r; l++) joined[i * (r + 1) + l] = basis[i * r + l];
        joined[i * (r + 1) + r] = v[i];
      }
      return { name, vectors: orthonormalize(joined, k, r + 1, 0).basis, count: r + 1 };
    };
    return [
      extended("grown by moments", byMoments[0]),
      extended("grown by both", byBoth[0]),
      ...byHessian.map((v, i) => extended(`grown by Hessian ${i + 1}`, v)),
    ];
  });
}

/** out + Σ v vᵀ·block over some vectors. */
function withOuters(out: Float64Array, vectors: readonly Float64Array[], block: Float64Array, b: number): Float64Array {
  for (const v of vectors) addOuter(out, v, block, b, 1);
  return out;
}

/** Eigenvectors of the largest eigenvalues. */
async function leadingColumns(
  workspace: Workspace,
  apply: SymmetricOperator,
  n: number,
  count: number,
): Promise<Float64Array[]> {
  const { vectors } = await leadingEigenpairs(apply, n, count, "value", krylovOf(workspace));
  return Array.from({ length: count }, (_, k) => Float64Array.from({ length: n }, (_, i) => vectors[i * count + k]));
}

function clipped(residuals: Float64Array): Float64Array {
  const sorted = Float64Array.from(residuals).sort();
  const cut = Math.floor(CLIPPED * sorted.length);
  const [low, high] = [sorted[cut], sorted[sorted.length - 1 - cut]];
  return residuals.map((v) => Math.max(low, Math.min(high, v)));
}
