/** The result of a fit, as data and as text. */
import { LeapflowError } from "../base/errors.js";
import type { KernelReport, MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { type Matrix, toMatrix } from "../math/dense.js";
import type { ModelData } from "../model/modelData.js";
import { MultiIndexModel } from "../model/multiIndexModel.js";
import type { Gaussianity, Warning } from "./diagnostics.js";
import type { Whitening } from "./inputMap.js";
import type { MethodName } from "./methods.js";
import type { FitOptions } from "./options.js";
import type { DirectionErrors } from "./standardErrors.js";
import type { StopReason } from "./stopping.js";
import type { TailChoice } from "./tail.js";

/** One entry per iteration of the run that gave the result; entry 0 is its start. */
export interface FitHistory {
  /** Profiled loss J, in the units of y². */
  readonly loss: Float64Array;
  /** ‖grad J‖, in the units of y² per unit of the whitened inputs. */
  readonly gradientNorm: Float64Array;
  /** t of the line search, or flow time of the step; 0 at the start. */
  readonly stepSize: Float64Array;
  readonly elapsedMs: Float64Array;
}

/** A rank and degree that the search looked at. */
export interface TriedModel {
  readonly rank: number;
  /** null for a link family without one. */
  readonly degree: number | null;
  readonly family: string;
  /** Mean squared leave-one-out error, in the units of y². */
  readonly score: number;
  /** R² that goes with the score. */
  readonly r2: number;
  readonly degreesOfFreedom: number;
}

/** Permutation test of a rank: what the same search gains in residuals put in another order. */
export interface RankTest {
  readonly rank: number;
  readonly degree: number;
  /** Rank of the model whose residuals were permuted; 0 is the constant. */
  readonly against: number;
  /** Score over that of that model. */
  readonly ratio: number;
  /** The same ratio for every permutation drawn. */
  readonly nullRatios: readonly number[];
  readonly confirmed: boolean;
}

/** How the data chose rank and degree. */
export interface LearnedChoice {
  /** Everything that was scored, in the order it was tried; empty when rank and degree were given. */
  readonly ranks: readonly TriedModel[];
  readonly tests: readonly RankTest[];
  /**
   * Mean squared errors, in the units of y², on rows left out when the candidates compared there were fitted again, each from its
   * own directions, which had seen all rows; absent where leave-one-out errors decide alone, as they do unless there are several
   * hundred inputs.
   */
  readonly heldOut?: readonly { readonly rank: number; readonly degree: number; readonly meanSquare: number }[];
  /** `"no-reduction"`: the model is accurate, but uses at least half as many directions as there are inputs. */
  readonly information?: "no-reduction";
}

/** Why the fit looks as it does: what was tried and what won. */
export interface FitSelection extends LearnedChoice {
  readonly rankBy: "given" | "leave-one-out";
  readonly degreeBy: "given" | "leave-one-out";
  readonly family: string;
  readonly method: MethodName;
  readonly whiten: Whitening;
  /** Every start with its loss after screening, best first; empty when there was one start and nothing to choose. */
  readonly starts: readonly { readonly name: string; readonly loss: number }[];
  readonly start: string;
  /** Rows of the samples that led to the start before all rows took over, ascending; empty when all rows did. */
  readonly batches: readonly number[];
  /** Relative ridge in use, and whether GCV chose it. */
  readonly ridge: number;
  readonly ridgeBy: "gcv" | "given";
  readonly tail: TailChoice;
}

export interface FitDiagnostics {
  /** Estimate of the error on new rows, in the units of y², and the same by generalized cross-validation. */
  readonly heldOut: {
    readonly method: "leave-one-out" | "gcv";
    readonly meanSquare: number;
    readonly r2: number;
    readonly gcv: number;
    /** Leave-one-out error of every row the choice was made on, in the units of y; absent with `"gcv"`. */
    readonly errors?: Float64Array;
  };
  readonly selection: FitSelection;
  /** Condition number of the link's normal equations, ridge included. */
  readonly condition: number;
  readonly degreesOfFreedom: number;
  readonly gaussianity: Gaussianity;
  /** Of the directions; absent where they have too many entries for it, or the fit is constant. */
  readonly standardErrors?: DirectionErrors;
  /** Eigenvalues of the mean of ∇f∇fᵀ, descending, in the units of y². */
  readonly principalValues: Float64Array;
  readonly leaps: LeapSummary;
  readonly warnings: readonly Warning[];
}

/** Information exponent and leaps of the fitted link. */
export interface LeapSummary {
  readonly informationExponent: number | undefined;
  readonly leap: number | undefined;
  readonly steps: readonly { readonly exponent: number; readonly dimensions: number }[];
  /** Coefficients below this relative size were taken as noise. */
  readonly tolerance: number;
}

export interface FitParts {
  readonly model: MultiIndexModel;
  readonly stop: { readonly reason: StopReason; readonly converged: boolean; readonly iterations: number };
  readonly history: FitHistory;
  readonly diagnostics: FitDiagnostics;
  readonly kernel: KernelReport;
  readonly seed: number;
  readonly version: string;
  readonly samples: number;
  /** R² on the training rows. */
  readonly r2Train: number;
  readonly elapsedMs: number;
}

/** A matrix as plain data, row-major. */
interface MatrixRecord {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** A whole fit as plain data, structured-clonable: what `Fit.toData` gives and `Fit.fromData` takes. */
export interface FitRecord extends Omit<FitParts, "model" | "diagnostics"> {
  readonly model: ModelData;
  readonly diagnostics: Omit<FitDiagnostics, "standardErrors"> & {
    readonly standardErrors?: { readonly directions: MatrixRecord; readonly basis?: MatrixRecord };
  };
}

/** Fits other data with the choices of a fit: rank, degree, link family and whitening are given, the start is its basis. */
export type Refit = (X: MatrixLike | RowSource, y: VectorLike, options?: FitOptions) => Promise<Fit>;

/** What `fitMultiIndex` gives. */
export class Fit implements FitParts {
  readonly #refit: Refit | undefined;
  readonly model: MultiIndexModel;
  readonly stop: FitParts["stop"];
  readonly history: FitHistory;
  readonly diagnostics: FitDiagnostics;
  readonly kernel: KernelReport;
  readonly seed: number;
  readonly version: string;
  readonly samples: number;
  readonly r2Train: number;
  readonly elapsedMs: number;

  constructor(parts: FitParts, refit?: Refit) {
    this.#refit = refit;
    this.model = parts.model;
    this.stop = parts.stop;
    this.history = parts.history;
    this.diagnostics = parts.diagnostics;
    this.kernel = parts.kernel;
    this.seed = parts.seed;
    this.version = parts.version;
    this.samples = parts.samples;
    this.r2Train = parts.r2Train;
    this.elapsedMs = parts.elapsedMs;
  }

  /**
   * Fits other rows of the same columns with the choices made here: no search, and the descent begins at this basis.
   * @param options - take precedence over those choices
   * @throws as `fitMultiIndex`; {LeapflowError} `UNAVAILABLE` for a fit that came out of another thread
   */
  refit(X: MatrixLike | RowSource, y: VectorLike, options?: FitOptions): Promise<Fit> {
    if (this.#refit) return this.#refit(X, y, options);
    throw new LeapflowError(
      "UNAVAILABLE",
      "This fit is a copy that cannot start another one: call fitMultiIndex with its rank, degree and basis.",
    );
  }

  /** The fit as plain data, for another thread or a store of structured clones. */
  toData(): FitRecord {
    const { model, diagnostics, stop, history, kernel, seed, version, samples, r2Train, elapsedMs } = this;
    const { standardErrors, ...rest } = diagnostics;
    const errors = standardErrors && {
      directions: recordOf(standardErrors.directions),
      ...(standardErrors.basis ? { basis: recordOf(standardErrors.basis) } : {}),
    };
    return {
      model: model.data,
      diagnostics: { ...rest, ...(errors ? { standardErrors: errors } : {}) },
      ...{ stop, history, kernel, seed, version, samples, r2Train, elapsedMs },
    };
  }

  /**
   * The fit with its methods again, except `refit`.
   * @throws {FormatError} as `MultiIndexModel.fromJSON`
   */
  static fromData({ model, diagnostics, ...rest }: FitRecord): Fit {
    const { standardErrors, ...others } = diagnostics;
    const errors = standardErrors && {
      directions: matrixOf(standardErrors.directions),
      ...(standardErrors.basis ? { basis: matrixOf(standardErrors.basis) } : {}),
    };
    return new Fit({
      ...rest,
      model: MultiIndexModel.fromJSON(model),
      diagnostics: { ...others, ...(errors ? { standardErrors: errors } : {}) },
    });
  }

  /** A readable summary of a few lines. */
  toString(): string {
    const { model, stop, diagnostics, kernel } = this;
    const { heldOut, selection, warnings } = diagnostics;
    const degree = model.degree === null ? "" : `, degree ${model.degree}`;
    const lines = [
      `Multi-index model of rank ${model.rank}${degree}: ${this.samples} rows, ${model.dim} inputs`,
      `  R² on the training rows ${this.r2Train.toFixed(4)}, estimated on new rows ${heldOut.r2.toFixed(4)} (${heldOut.method === "gcv" ? "generalized cross-validation" : "leave-one-out"})`,
      `  stopped: ${stop.reason} after ${stop.iterations} iterations (${selection.method} from start "${selection.start}"), ${Math.round(this.elapsedMs)} ms`,
      `  inputs: whiten "${selection.whiten}"; relative ridge ${selection.ridge.toExponential(1)} (${selection.ridgeBy}); kernel ${kernel.name}${kernel.simd ? " (SIMD)" : ""}; seed ${this.seed}`,
    ];
    if (model.rank > 0) {
      const values = Array.from(diagnostics.principalValues, (v) => v.toPrecision(3)).join(", ");
      lines.push(`  mean squared slope along the principal directions: ${values}`);
      const importance = Array.from(model.importance("standardized"), (share, j) => ({ share, j }))
        .sort((a, b) => b.share - a.share)
        .slice(0, 5)
        .map(({ share, j }) => `${model.columns?.[j] ?? `x${j + 1}`} ${(100 * share).toFixed(1)} %`);
      lines.push(`  inputs by importance: ${importance.join(", ")}`);
    }
    for (const warning of warnings) lines.push(`  warning ${warning.code}: ${warning.message}`);
    return lines.join("\n");
  }
}

const recordOf = (matrix: Matrix): MatrixRecord => ({
  rows: matrix.rows,
  columns: matrix.columns,
  data: Float64Array.from(matrix.to1DArray()),
});
const matrixOf = ({ data, rows, columns }: MatrixRecord): Matrix => toMatrix(data, rows, columns);
