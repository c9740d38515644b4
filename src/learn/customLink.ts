/** Links over a user's feature map: coefficients by ridge, directions refined with the map's own derivatives. */
import type { Arena } from "../kernel/arena.js";
import type { LinkFeatures } from "../kernel/featureRows.js";
import type { Machine } from "../kernel/machine.js";
import { type Address, BLOCK_ROWS as B } from "../kernel/ops.js";
import { CustomLink, FeatureCalls, type FeatureMap } from "../model/customLink.js";
import { fitFeatures } from "./featureFit.js";
import { type LinkProblem, meanOf, type RefinedLink, scored } from "./refinedLink.js";
import { noiseOf } from "./reluLink.js";

/** Ridge weight of the constant. */
const LIGHT = 1e-3;

/** φ(z) of the user, then 1. */
class CustomFeatures implements LinkFeatures {
  readonly count: number;
  readonly slots = {};
  readonly calls: FeatureCalls;
  readonly #values: Float64Array;
  readonly #derivatives: Float64Array;

  constructor(calls: FeatureCalls) {
    this.calls = calls;
    this.count = calls.count + 1;
    this.#values = new Float64Array(B * calls.count);
    this.#derivatives = new Float64Array(B * calls.count * calls.rank);
  }

  load(): void {}

  settle(): void {}

  values(arena: Arena<string>, machine: Machine, z: Address, rows: number, phi: Address): void {
    const { count } = this.calls;
    const values = this.#values;
    this.#points(machine, z, rows).forEach((point, i) => {
      this.calls.valuesInto(point, 0, values, i * count);
    });
    // The user's functions may have let another fit into the machine.
    const f = arena.enter().f64;
    f.fill(0, phi / 8, phi / 8 + count * B);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < count; j++) f[phi / 8 + j * B + i] = values[i * count + j];
    }
    f.fill(1, phi / 8 + count * B, phi / 8 + (count + 1) * B);
  }

  slopes(arena: Arena<string>, machine: Machine, z: Address, rows: number, out: Address): void {
    const { count, rank: r } = this.calls;
    const derivatives = this.#derivatives;
    this.#points(machine, z, rows).forEach((point, i) => {
      this.calls.derivativesInto(point, 0, derivatives, i * count * r);
    });
    const m = arena.enter();
    const c = arena.view(m, "c");
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < r; k++) {
        let sum = 0;
        for (let j = 0; j < count; j++) sum += c[j] * derivatives[(i * count + j) * r + k];
        m.f64[out / 8 + k * B + i] = sum;
      }
    }
  }

  #points(machine: Machine, z: Address, rows: number): Float64Array[] {
    const { rank } = this.calls;
    return Array.from({ length: rows }, (_, i) =>
      Float64Array.from({ length: rank }, (_value, k) => machine.f64[z / 8 + k * B + i]),
    );
  }
}

/**
 * Fits y = c·φ(Wᵀx) + const + noise over a user's feature map φ with derivatives ∂φ/∂z. W stays orthonormal in the
 * whitened coordinates and starts at w0; its frame is part of the fit, since φ need not be rotation invariant. Ridge by
 * GCV relative to each feature's mean square.
 *
 * @returns undefined when the deadline leaves no time or the features are singular
 * @throws {LeapflowError} `CALLBACK` when the map throws; {InputError} `SHAPE`, `TYPE`, `NOT_FINITE` for what it gives
 * Cost: some dozen passes of n(q + kr)² flops and as many calls of the map per row.
 */
export async function fitCustomLink(
  problem: LinkProblem,
  map: FeatureMap,
): Promise<RefinedLink<CustomLink> | undefined> {
  const { k, w0 } = problem;
  const r = w0.length / k;
  const calls = new FeatureCalls(map, r);
  const features = new CustomFeatures(calls);
  const fit = await fitFeatures(problem, features, (squares) => {
    const weights = squares.map((square) => (square > 0 ? square : 1));
    weights[calls.count] = LIGHT;
    return weights;
  });
  if (fit === undefined) return undefined;
  const { basis, coefficients: c, sums, score, weightSum, evaluations } = fit;
  const identity = Float64Array.from({ length: r * r }, (_, at) => (at % (r + 1) === 0 ? 1 : 0));
  return {
    ...scored(score, basis, identity, k, r),
    basis,
    link: new CustomLink(calls, c.slice(0, calls.count), c[calls.count]),
    meanSquare: sums.sumSquares / weightSum,
    residuals: sums.residuals,
    gradientMoment: meanOf(sums.gradientMoment, weightSum),
    noise: noiseOf(sums.sumSquares, weightSum, score.degreesOfFreedom),
    evaluations,
  };
}
