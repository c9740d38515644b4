/** Standardizing and whitening of the inputs, and the way back to raw coordinates. */
import { NumericalError } from "../base/errors.js";
import type { Standardization } from "../kernel/blocks.js";
import { columnLargest, columnSums, secondMoment } from "../kernel/columns.js";
import type { Workspace } from "../kernel/workspace.js";
import { multiply, multiplyTransposed, symmetricEigenSteps } from "../math/dense.js";
import { leadingEigenpairs, type SymmetricOperator } from "../math/krylov.js";

export type Whitening = "full" | "scale" | "none";

/**
 * The linear map between raw inputs x (d) and the coordinates in which the subspace moves (k ≤ d):
 * x̂ = Tᵀ((x − center)·inverseScale). A basis W (k×r) acts on standardized columns as TW.
 */
export interface InputMap extends Standardization {
  readonly kind: Whitening;
  readonly columns: number;
  /** k, coordinates that are left. */
  readonly dim: number;
  /** T, d×k row-major; absent when it is the identity. */
  readonly map?: Float64Array;
  /** d×k, x̃ = inverse·x̂ on the kept coordinates; absent when it is the identity. */
  readonly inverse?: Float64Array;
  /** Variances of the kept principal components over the largest, descending; absent unless `kind` is "full". */
  readonly eigenvalues?: Float64Array;
  /** Standard deviation of every raw column. */
  readonly columnScale: Float64Array;
  /** Largest eigenvalue of the correlation matrix over what independent columns would show. */
  readonly correlationExcess: number;
}

/** Columns whose spread is below this part of their size are constant to working precision. */
const CONSTANT_COLUMN = 1e-13;
/** Eigenvalues of the correlation matrix below this part of the largest are dropped by full whitening. */
const EIGENVALUE_FLOOR = 1e-6;
/** Independent columns keep λ_max of their sample correlation below this times (1 + √(d/n))². */
const INDEPENDENCE_MARGIN = 1.15;

/**
 * Means and standard deviations of the columns, safe for any scale a double can hold.
 * @throws {NumericalError} `OVERFLOW` with the column whose deviation is so small that its inverse is no double
 */
export async function columnStatistics(workspace: Workspace): Promise<{ mean: Float64Array; sd: Float64Array }> {
  const d = workspace.layout.shape.columns;
  const n = workspace.weightSum;
  const unit = await extremeScale(workspace);
  await workspace.standardize({ center: new Float64Array(d), inverseScale: unit });
  const mean = (await columnSums(workspace, 1)).map((s) => s / n);
  const center = mean.map((m, j) => m / unit[j]);
  await workspace.standardize({ center, inverseScale: unit });
  const sd = (await columnSums(workspace, 2)).map((s) => Math.sqrt(s / n));
  for (let j = 0; j < d; j++) {
    if (!(sd[j] > CONSTANT_COLUMN * Math.abs(mean[j]))) sd[j] = 0;
    sd[j] /= unit[j];
    if (sd[j] > 0 && 1 / sd[j] === Number.POSITIVE_INFINITY) {
      throw new NumericalError(
        "OVERFLOW",
        `X column ${j} has a standard deviation of ${sd[j]}, too little for doubles; give it in a smaller unit.`,
        { details: { column: j } },
      );
    }
  }
  return { mean: center, sd };
}

/** Powers of two that bring columns of extreme size near 1; exactly 1 for ordinary columns. */
async function extremeScale(workspace: Workspace): Promise<Float64Array> {
  const largest = await columnLargest(workspace);
  return largest.map((size) => {
    if (size === 0 || (size < 1e100 && size > 1e-100)) return 1;
    let scale = 1;
    for (let s = size; s >= 1e50; s *= 2 ** -64) scale *= 2 ** -64;
    for (let s = size; s <= 1e-50; s *= 2 ** 64) scale *= 2 ** 64;
    return scale;
  });
}

/**
 * Chooses and builds the map. `"auto"` only scales when the correlation matrix cannot be told from the identity,
 * since whitening independent columns adds noise; otherwise it whitens through the principal components.
 * Source: `math/learner` §1. Cost: one pass of n·d² flops and a d×d eigenproblem.
 */
export async function chooseInputMap(workspace: Workspace, choice: Whitening | "auto"): Promise<InputMap> {
  const { columns: d, samples } = workspace.layout.shape;
  const { mean, sd } = await columnStatistics(workspace);
  const inverseScale = sd.map((s) => (s > 0 ? 1 / s : 0));
  await workspace.standardize({ center: mean, inverseScale });
  const correlation = (await secondMoment(workspace, workspace.rowWeights())).map((s) => s / workspace.weightSum);
  const apply: SymmetricOperator = (block, b) => multiply(correlation, block, d, d, b);
  const largest = Math.max(
    (await leadingEigenpairs(apply, d, 1, "value", { breathe: () => workspace.breathe() })).values[0],
    0,
  );
  const varying = sd.reduce((count, s) => count + (s > 0 ? 1 : 0), 0);
  const bound = (1 + Math.sqrt(d / samples)) ** 2;
  const common = { columns: d, columnScale: sd, correlationExcess: largest / bound };
  if (choice === "none") {
    const identity = { center: new Float64Array(d), inverseScale: new Float64Array(d).fill(1) };
    await workspace.standardize(identity);
    return { kind: "none", dim: d, ...identity, ...common };
  }
  if (choice === "scale" || (choice === "auto" && largest < INDEPENDENCE_MARGIN * bound)) {
    const map = varying === d ? undefined : selection(sd, varying);
    return {
      kind: "scale",
      dim: varying,
      center: mean,
      inverseScale,
      ...(map ? { map, inverse: map } : {}),
      ...common,
    };
  }
  const steps = symmetricEigenSteps(correlation, d);
  let step = steps.next();
  for (; !step.done; step = steps.next()) await workspace.breathe();
  const { values, vectors } = step.value;
  const kept: number[] = [];
  for (let c = d - 1; c >= 0; c--) if (values[c] > EIGENVALUE_FLOOR * largest && values[c] > 0) kept.push(c);
  const k = kept.length;
  const map = new Float64Array(d * k);
  const inverse = new Float64Array(d * k);
  kept.forEach((from, c) => {
    const root = Math.sqrt(values[from]);
    for (let j = 0; j < d; j++) {
      map[j * k + c] = vectors[j * d + from] / root;
      inverse[j * k + c] = vectors[j * d + from] * root;
    }
  });
  const eigenvalues = Float64Array.from(kept, (c) => values[c] / largest);
  return { kind: "full", dim: k, center: mean, inverseScale, map, inverse, eigenvalues, ...common };
}

/** The same map with the first k principal components only. */
export function truncated(inputs: InputMap, k: number): InputMap {
  const { map, inverse, eigenvalues, columns, dim } = inputs;
  if (!map || !inverse || !eigenvalues || k >= dim) return inputs;
  const cut = (a: Float64Array): Float64Array => {
    const out = new Float64Array(columns * k);
    for (let j = 0; j < columns; j++) out.set(a.subarray(j * dim, j * dim + k), j * k);
    return out;
  };
  return { ...inputs, dim: k, map: cut(map), inverse: cut(inverse), eigenvalues: eigenvalues.slice(0, k) };
}

/** 0/1 matrix that leaves constant columns out. */
function selection(sd: Float64Array, varying: number): Float64Array {
  const map = new Float64Array(sd.length * varying);
  let c = 0;
  sd.forEach((s, j) => {
    if (s > 0) map[j * varying + c++] = 1;
  });
  return map;
}

/** TW: a k×r basis as weights of the standardized columns, d×r. */
export function toColumns(inputs: InputMap, basis: Float64Array, r: number): Float64Array {
  return inputs.map ? multiply(inputs.map, basis, inputs.columns, inputs.dim, r) : basis;
}

/** TᵀG: a d×r product with the columns, as a k×r one in the whitened coordinates. */
export function fromColumns(inputs: InputMap, g: Float64Array, r: number): Float64Array {
  return inputs.map ? multiplyTransposed(inputs.map, g, inputs.columns, inputs.dim, r) : g;
}

/** diag(inverseScale)·TW: a basis as directions of the raw inputs, z = directionsᵀ(x − center), d×r. */
export function toRawDirections(inputs: InputMap, basis: Float64Array, r: number): Float64Array {
  const out = Float64Array.from(toColumns(inputs, basis, r));
  for (let j = 0; j < inputs.columns; j++) {
    for (let l = 0; l < r; l++) out[j * r + l] *= inputs.inverseScale[j];
  }
  return out;
}

/** A span given in raw coordinates (z = Bᵀx, d×r) as a k×r matrix in the whitened ones; columns as they come. */
export function fromRawDirections(inputs: InputMap, b: Float64Array, r: number): Float64Array {
  const { columns: d, inverseScale, inverse, dim } = inputs;
  const scaled = new Float64Array(d * r);
  for (let j = 0; j < d; j++) {
    for (let l = 0; l < r; l++) scaled[j * r + l] = inverseScale[j] === 0 ? 0 : b[j * r + l] / inverseScale[j];
  }
  return inverse ? multiplyTransposed(inverse, scaled, d, dim, r) : scaled;
}

/**
 * ±1 by column of a k×r basis: what makes the largest loading of every direction, on standardized columns, positive.
 * The sign rule of all models whose link does not fix the signs itself.
 */
export function loadingSigns(inputs: InputMap, basis: Float64Array, r: number): Float64Array {
  const loadings = toColumns(inputs, basis, r);
  return Float64Array.from({ length: r }, (_, k) => {
    let largest = 0;
    for (let at = k; at < loadings.length; at += r)
      if (Math.abs(loadings[at]) > Math.abs(largest)) largest = loadings[at];
    return largest < 0 ? -1 : 1;
  });
}
