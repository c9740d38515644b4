/** The profiled loss J(W): the link is solved out at every basis, and its envelope gradient moves the subspace. */
import type { Workspace } from "../kernel/workspace.js";
import { multiplyTransposed, symmetricEigen } from "../math/dense.js";
import { innerProduct, norm, projectTangent, retractPolar, toTangent } from "../math/grassmann.js";
import { derivativeCoefficients } from "../math/multiIndex.js";
import { fromColumns, type InputMap, toColumns } from "./inputMap.js";
import { type Penalty, solveLink } from "./linkSolve.js";

/** The link solved exactly at one basis. */
export interface LinkPoint {
  /** W, k×r row-major, orthonormal columns. */
  readonly basis: Float64Array;
  /** c, p coefficients. */
  readonly coefficients: Float64Array;
  /** J(W) = (1/2n)Σwρ² + ½cᵀ diag(penalty) c. */
  readonly loss: number;
  /** Σwρ²/n. */
  readonly meanSquare: number;
  /** H = Σw ∇f∇fᵀ/n, r×r. */
  readonly gradientMoment: Float64Array;
}

/** A link point with the gradient of J there. */
export interface FlowPoint extends LinkPoint {
  /** ∇_W J, k×r. */
  readonly euclidean: Float64Array;
  /** grad J = (I − WWᵀ)∇_W J, k×r. */
  readonly gradient: Float64Array;
  readonly gradientNorm: number;
}

/** Iterations after which Z is recomputed from X rather than updated. */
const REFRESH = 20;
/** ‖tΔ‖₂ never exceeds this: beyond it a step leaves the neighbourhood that its model knows. */
const STEP_CAP = 1.5;

/**
 * J(W) = min_c (1/2n)‖y − Φ(XW)c‖² + ½cᵀDc on the Grassmannian, over one workspace.
 *
 * The objective keeps the Z of the last accepted point. `along` prepares a search line from it, `trial` moves on that
 * line without reading X, `accept` makes the trial the new point.
 * Source: [MI §7.1, §7.2].
 */
export class ProfiledLoss {
  readonly workspace: Workspace;
  readonly inputs: InputMap;
  readonly penalty: Penalty;
  readonly dim: number;
  readonly rank: number;
  #line: { point: FlowPoint; direction: Float64Array; values: Float64Array; vectors: Float64Array } | undefined;
  #sinceRefresh = 0;

  constructor(workspace: Workspace, inputs: InputMap, penalty: Penalty) {
    this.workspace = workspace;
    this.inputs = inputs;
    this.penalty = penalty;
    this.dim = inputs.dim;
    this.rank = workspace.layout.shape.rank;
  }

  /** The link solved at a basis, with the gradient; one pass for Z and the normal equations, one for the gradient. */
  async at(basis: Float64Array): Promise<FlowPoint> {
    const { workspace, rank } = this;
    await workspace.projectTrial(toColumns(this.inputs, basis, rank));
    const { link, transposed } = await this.#solve(basis, true);
    workspace.acceptTrial();
    this.#sinceRefresh = 0;
    return this.#withGradient(link, transposed as Float64Array);
  }

  /** Prepares W(t) = (W + tΔ)(I + t²ΔᵀΔ)^(−1/2) for a tangent Δ: one half pass over X. @returns the largest t allowed */
  async along(point: FlowPoint, direction: Float64Array): Promise<number> {
    const { dim, rank } = this;
    const { values, vectors } = symmetricEigen(multiplyTransposed(direction, direction, dim, rank, rank), rank);
    await this.workspace.projectDirection(toColumns(this.inputs, direction, rank));
    this.#line = { point, direction, values, vectors };
    const largest = Math.sqrt(Math.max(values[rank - 1], 0));
    return largest > 0 ? STEP_CAP / largest : Number.POSITIVE_INFINITY;
  }

  /** The link solved at W(t) on the prepared line; X is not read. Cost: O(n·(p² + r²)). */
  async trial(t: number): Promise<LinkPoint> {
    if (!this.#line) throw new Error("trial() needs a line: call along() first");
    const { point, direction, values, vectors } = this.#line;
    const { dim, rank: r } = this;
    const mixing = new Float64Array(r * r);
    for (let l = 0; l < r; l++) {
      const factor = 1 / Math.sqrt(1 + t * t * Math.max(values[l], 0));
      for (let i = 0; i < r; i++) {
        for (let j = 0; j < r; j++) mixing[i * r + j] += vectors[i * r + l] * factor * vectors[j * r + l];
      }
    }
    await this.workspace.combineTrial(t, mixing);
    const { link } = await this.#solve(retractPolar(point.basis, direction, t, dim, r), false);
    return link;
  }

  /** Makes the last trial the current point and gives its gradient: one half pass over X. */
  async accept(link: LinkPoint): Promise<FlowPoint> {
    this.#line = undefined;
    this.#sinceRefresh++;
    if (this.#sinceRefresh >= REFRESH) return this.at(link.basis);
    this.workspace.acceptTrial();
    return this.#withGradient(link, await this.workspace.residualGradient());
  }

  /** (1/n)JacᵀJacΔ, horizontal: the Gauss–Newton matrix of variable projection applied to Δ ([MI §7.5]). */
  async gaussNewtonProduct(point: FlowPoint, delta: Float64Array): Promise<Float64Array> {
    const { dim, rank, workspace } = this;
    const product = await workspace.gaussNewtonProduct(toColumns(this.inputs, delta, rank));
    return toTangent(point.basis, divide(fromColumns(this.inputs, product, rank), workspace.weightSum), dim, rank);
  }

  async #solve(basis: Float64Array, transposed: boolean): Promise<{ link: LinkPoint; transposed?: Float64Array }> {
    const { workspace, penalty, rank } = this;
    const coefficients = solveLink(workspace, penalty);
    const ck = derivativeCoefficients(coefficients, rank, workspace.layout.shape.degree);
    const sums = await workspace.residualsOfTrial(coefficients, ck, transposed);
    const n = workspace.weightSum;
    const meanSquare = sums.sumSquares / n;
    const loss = meanSquare / 2 + penalty.energy(coefficients);
    const gradientMoment = divide(sums.gradientSquares, n);
    const link = { basis, coefficients, loss, meanSquare, gradientMoment };
    return sums.transposed ? { link, transposed: sums.transposed } : { link };
  }

  #withGradient(link: LinkPoint, transposed: Float64Array): FlowPoint {
    const { dim, rank, inputs, workspace } = this;
    const euclidean = divide(fromColumns(inputs, transposed, rank), -workspace.weightSum);
    const gradient = projectTangent(link.basis, euclidean, dim, rank);
    // Spelt out: a spread costs as much as a pass over a block.
    const { basis, coefficients, loss, meanSquare, gradientMoment } = link;
    const gradientNorm = norm(gradient);
    return { basis, coefficients, loss, meanSquare, gradientMoment, euclidean, gradient, gradientNorm };
  }
}

/** a ← a/n. A loop in place, since typed arrays' own `map` costs more than these passes of small fits. */
function divide(a: Float64Array, n: number): Float64Array {
  for (let k = 0; k < a.length; k++) a[k] /= n;
  return a;
}

/** ⟨grad J, Δ⟩, the slope of J along Δ. */
export const slopeAlong = (point: FlowPoint, direction: Float64Array): number =>
  innerProduct(point.gradient, direction);
