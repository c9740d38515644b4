/** Immutable fitted model: predict, toJSON, fromJSON. */
import { checkOptions } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import type { DenseRows, MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { VERSION } from "../base/version.js";
import { readBlocks, readMatrix, readVector } from "../data/input.js";
import { isRowSource } from "../data/rows.js";
import { type Matrix, toMatrix } from "../math/dense.js";
import { type ErrorLaw, errorLawOf, halfWidth } from "./errorLaw.js";
import { type CheckedData, MODEL_FORMAT, MODEL_VERSION, type ModelData, readModelData, wrong } from "./modelData.js";
import { type ModelLink, readLink, recordOf } from "./modelLink.js";

/** Rows whose link values are computed at once, which bounds the memory beside the result. */
const CHUNK_ROWS = 2048;

/** What a fit knows about a model besides its link; flat arrays are row-major and copied in. */
export interface ModelParts {
  /** Subtracted from the inputs, d. */
  readonly center: ArrayLike<number>;
  /** d×r: z = directionsᵀ(x − center). */
  readonly directions: ArrayLike<number>;
  /** d×r with orthonormal columns, same span. */
  readonly basis: ArrayLike<number>;
  /** r×r mean of ∇f(z)∇f(z)ᵀ over the training rows. */
  readonly gradientMoment: ArrayLike<number>;
  /** Standard deviation of every input over the training rows, d. */
  readonly columnScale: ArrayLike<number>;
  readonly columns?: readonly string[];
  readonly target?: string;
  /** Errors on new rows, for prediction intervals. */
  readonly errors?: ErrorLaw;
}

/** Predictions with the ends of their intervals, n numbers each. */
export interface PredictionIntervals {
  readonly mean: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/**
 * A learned model y ≈ f(directionsᵀ(x − center)). Inputs are raw: no scaling by the caller.
 *
 * `data` is the whole model as plain frozen records, JSON-safe and structured-clonable; `MultiIndexModel.fromJSON` gives the
 * methods back on the other side of a worker or a file, and predicts the same bits there.
 */
export class MultiIndexModel {
  /** The model as plain data; what `JSON.stringify(model)` writes. */
  readonly data: ModelData;
  readonly #link: ModelLink;
  readonly #center: Float64Array;
  readonly #directions: Float64Array;

  /** @param parts - trusted; outside data come in through `fromJSON` */
  constructor(parts: ModelParts, link: ModelLink) {
    const dim = parts.center.length;
    const rank = link.rank;
    this.#link = link;
    this.#center = Float64Array.from(parts.center);
    this.#directions = Float64Array.from(parts.directions);
    this.data = Object.freeze({
      format: MODEL_FORMAT,
      version: MODEL_VERSION,
      release: VERSION,
      dim,
      rank,
      degree: link.degree,
      ...(parts.columns === undefined ? {} : { columns: Object.freeze([...parts.columns]) }),
      ...(parts.target === undefined ? {} : { target: parts.target }),
      center: frozenList(parts.center),
      columnScale: frozenList(parts.columnScale),
      directions: frozenRows(parts.directions, dim, rank),
      basis: frozenRows(parts.basis, dim, rank),
      gradientMoment: frozenRows(parts.gradientMoment, rank, rank),
      ...(parts.errors === undefined ? {} : { errors: parts.errors }),
      link: recordOf(link),
    });
  }

  /** Number of inputs, d. */
  get dim(): number {
    return this.data.dim;
  }
  /** Number of directions, r. */
  get rank(): number {
    return this.data.rank;
  }
  /** Total degree of the Hermite link; null for a family without one. */
  get degree(): number | null {
    return this.data.degree;
  }
  /** f, a function of z; `link.family` says of which kind. */
  get link(): ModelLink {
    return this.#link;
  }
  /** What is subtracted from the inputs, d; a copy. */
  get center(): Float64Array {
    return this.#center.slice();
  }
  /** d×r: z = directionsᵀ(x − center); a copy. */
  get directions(): Matrix {
    return toMatrix(this.#directions, this.dim, this.rank);
  }
  /** d×r, orthonormal columns that span the directions; a copy. */
  get basis(): Matrix {
    return toMatrix(this.data.basis.flat(), this.dim, this.rank);
  }
  /** Names of the inputs, when the training data had names. */
  get columns(): readonly string[] | undefined {
    return this.data.columns;
  }
  /** Name of the response, when the training data had one. */
  get target(): string | undefined {
    return this.data.target;
  }

  /**
   * f(directionsᵀ(x − center)) for every row; no rows give no values.
   * @throws {InputError} `SHAPE` naming both widths, `NOT_FINITE`, `OVERFLOW` with the row whose value is no longer a number
   * Cost: O(n·r·(d + featureCount)).
   */
  predict(X: MatrixLike): Float64Array;
  /**
   * The same with intervals that hold a new response with probability `interval`, as wide everywhere.
   * @throws {OptionError} `RANGE` for a level that the number of known errors cannot give
   */
  predict(X: MatrixLike, options: { readonly interval: number }): PredictionIntervals;
  /**
   * The same for rows that come in blocks: the predictions of every block as it is read, so that memory holds one block.
   * @throws as above, at the block concerned; {InputError} `SHAPE`, `CHANGED`, `SOURCE` for a source that breaks its word
   */
  predict(X: RowSource): AsyncGenerator<Float64Array>;
  predict(X: RowSource, options: { readonly interval: number }): AsyncGenerator<PredictionIntervals>;
  predict(
    X: MatrixLike | RowSource,
    options?: { readonly interval?: number },
  ): Float64Array | PredictionIntervals | AsyncGenerator<Float64Array | PredictionIntervals> {
    const { interval } = checkOptions(options, ["interval"], "predict");
    const half = interval === undefined ? undefined : halfWidth(this.data.errors, interval);
    return isRowSource(X) ? this.#predictBlocks(X, half) : this.#predict(this.#read(X), half);
  }

  async *#predictBlocks(
    X: RowSource,
    half: number | undefined,
  ): AsyncGenerator<Float64Array | PredictionIntervals, undefined> {
    let first = 0;
    for await (const rows of readBlocks(X, "X")) {
      this.#checkWidth(rows);
      yield this.#predict(rows, half, first);
      first += rows.rows;
    }
  }

  /** @param first - number of the first row, for messages */
  #predict(rows: DenseRows, half: number | undefined, first = 0): Float64Array | PredictionIntervals {
    const mean = new Float64Array(rows.rows);
    this.#forChunks(rows, false, (from, { values }) => mean.set(values, from));
    checkDoubles(mean, 1, "prediction", first);
    return half === undefined ? mean : { mean, lower: mean.map((v) => v - half), upper: mean.map((v) => v + half) };
  }

  /**
   * z = directionsᵀ(x − center) for every row, n×r. Sums run over the inputs in order.
   * @throws {InputError} as `predict`
   */
  project(X: MatrixLike): Matrix {
    const rows = this.#read(X);
    const { rank } = this;
    return toMatrix(checkDoubles(this.#projectRows(rows, 0, rows.rows), rank, "projection"), rows.rows, rank);
  }

  /**
   * ∇ₓ of the prediction for every row, n×d: directions·∇f(z).
   * @throws {InputError} as `predict`
   */
  gradient(X: MatrixLike): Matrix {
    const rows = this.#read(X);
    const { dim, rank } = this;
    const W = this.#directions;
    const out = new Float64Array(rows.rows * dim);
    this.#forChunks(rows, true, (from, { gradients = new Float64Array(0) }) => {
      for (let i = 0; i * rank < gradients.length; i++) {
        for (let j = 0; j < dim; j++) {
          let sum = 0;
          for (let k = 0; k < rank; k++) sum += W[j * rank + k] * gradients[i * rank + k];
          out[(from + i) * dim + j] = sum;
        }
      }
    });
    return toMatrix(checkDoubles(out, dim, "gradient"), rows.rows, dim);
  }

  /**
   * Share of every input in the mean squared gradient over the training rows, d numbers that sum to 1 (all 0 for a constant).
   *
   * @param kind - `"raw"`: change of y per unit of the input; `"standardized"`: per standard deviation of the input, which
   * compares inputs of different units
   */
  importance(kind: "raw" | "standardized" = "raw"): Float64Array {
    const { dim, rank } = this;
    const { gradientMoment, columnScale } = this.data;
    const rows = Array.from({ length: dim }, (_, j) => {
      const scale = kind === "standardized" ? columnScale[j] : 1;
      return Array.from({ length: rank }, (_, k) => this.#directions[j * rank + k] * scale);
    });
    // Directions of badly scaled inputs reach 1e±200, whose squares are no doubles: shares only need ratios.
    const largest = rows.flat().reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const moment = gradientMoment.flat().reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const out = new Float64Array(dim);
    if (largest === 0 || moment === 0) return out;
    let total = 0;
    for (let j = 0; j < dim; j++) {
      let sum = 0;
      for (let a = 0; a < rank; a++) {
        for (let b = 0; b < rank; b++)
          sum += (rows[j][a] / largest) * (gradientMoment[a][b] / moment) * (rows[j][b] / largest);
      }
      out[j] = Math.max(0, sum);
      total += out[j];
    }
    return total > 0 ? out.map((value) => value / total) : out;
  }

  /**
   * R² = 1 − Σ(y − prediction)² / Σ(y − mean y)²; for constant y, 1 when exact and 0 otherwise.
   * @throws {InputError} as `predict`; `EMPTY` without rows, `SHAPE` when X and y disagree
   */
  score(X: MatrixLike, y: VectorLike): number {
    const predicted = this.predict(X);
    const actual = readVector(y, "y", predicted.length);
    if (actual.length === 0) throw new InputError("EMPTY", "X has no rows; a score needs at least one.");
    return rSquared(predicted, actual);
  }

  /**
   * The same model with intervals from rows that it was not fitted to: a new response of their law lies inside with at
   * least the probability asked for, whatever the number of rows (split conformal).
   * @throws {InputError} as `score`
   */
  calibrated(X: MatrixLike, y: VectorLike): MultiIndexModel {
    const predicted = this.predict(X);
    const actual = readVector(y, "y", predicted.length);
    if (actual.length === 0) throw new InputError("EMPTY", "X has no rows; intervals need at least one.");
    const errors = errorLawOf(
      actual.map((v, i) => v - predicted[i]),
      "split",
    );
    return new MultiIndexModel({ ...partsOf(this.data), errors }, this.#link);
  }

  /** The prediction as a function of one row, an array of d numbers that is not checked. */
  toFunction(): (x: ArrayLike<number>) => number {
    const { dim, rank } = this;
    const link = this.#link;
    const z = new Float64Array(rank);
    return (x) => {
      this.#projectRow(x, 0, z, 0, dim, rank);
      return link.evaluateMany(z, 1).values[0];
    };
  }

  /**
   * The model as plain data.
   * @throws {InputError} `TYPE` when the link consists of the user's functions, which cannot be stored
   */
  toJSON(): ModelData {
    return this.#link.family === "custom" ? this.#link.toJSON() : this.data;
  }

  /**
   * A model from what `toJSON` gave, after JSON or a structured clone.
   * @throws {FormatError} `FORMAT` with the path and the reason, `VERSION` when a newer release wrote it
   */
  static fromJSON(json: unknown): MultiIndexModel {
    const { link: linkData, ...data } = readModelData(json);
    const link = readLink(linkData, "$.link");
    for (const key of ["rank", "degree"] as const) {
      if (link[key] !== data[key]) throw wrong(`$.link.${key}`, `is ${link[key]}, but $.${key} is ${data[key]}`);
    }
    return new MultiIndexModel(partsOf(data), link);
  }

  #read(X: MatrixLike): DenseRows {
    const rows = readMatrix(X, "X", { allowEmpty: true });
    this.#checkWidth(rows);
    return rows;
  }

  #checkWidth(rows: DenseRows): void {
    if (rows.columns === this.dim || rows.rows === 0) return;
    throw new InputError("SHAPE", `X has ${rows.columns} columns; the model takes ${this.dim}.`, {
      details: { columns: rows.columns, expected: this.dim },
    });
  }

  #forChunks(
    rows: DenseRows,
    gradient: boolean,
    visit: (from: number, result: { values: Float64Array; gradients?: Float64Array }) => void,
  ): void {
    for (let from = 0; from < rows.rows; from += CHUNK_ROWS) {
      const to = Math.min(rows.rows, from + CHUNK_ROWS);
      visit(from, this.#link.evaluateMany(this.#projectRows(rows, from, to), to - from, { gradient }));
    }
  }

  #projectRows(rows: DenseRows, from: number, to: number): Float64Array {
    const { dim, rank } = this;
    const z = new Float64Array((to - from) * rank);
    for (let i = from; i < to; i++) this.#projectRow(rows.data, i * dim, z, (i - from) * rank, dim, rank);
    return z;
  }

  #projectRow(x: ArrayLike<number>, at: number, z: Float64Array, to: number, dim: number, rank: number): void {
    const W = this.#directions;
    const center = this.#center;
    for (let k = 0; k < rank; k++) z[to + k] = 0;
    for (let j = 0; j < dim; j++) {
      const centered = x[at + j] - center[j];
      for (let k = 0; k < rank; k++) z[to + k] += centered * W[j * rank + k];
    }
  }
}

/**
 * R² = 1 − Σ(y − p)² / Σ(y − mean y)², safe for values of any size; for constant y, 1 when exact and 0 otherwise.
 * @throws {InputError} `TYPE`, `SHAPE`, `NOT_FINITE` with the index
 */
export function rSquared(predicted: ArrayLike<number>, actual: ArrayLike<number>): number {
  const n = readVector(actual, "actual").length;
  readVector(predicted, "predicted", n, "actual");
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(actual[i]), Math.abs(predicted[i]));
  if (largest === 0) return 1;
  // Around one of them: the mean of equal ones is exact.
  const origin = actual[0] / largest;
  let mean = origin;
  for (let i = 0; i < n; i++) mean += (actual[i] / largest - origin) / n;
  let residual = 0;
  let total = 0;
  for (let i = 0; i < n; i++) {
    residual += (actual[i] / largest - predicted[i] / largest) ** 2;
    total += (actual[i] / largest - mean) ** 2;
  }
  if (total === 0) return residual === 0 ? 1 : 0;
  return 1 - residual / total;
}

/** What a model is built from, out of its data. */
function partsOf(data: Omit<CheckedData, "link">): ModelParts {
  const { directions, basis, gradientMoment } = data;
  return { ...data, directions: directions.flat(), basis: basis.flat(), gradientMoment: gradientMoment.flat() };
}

/**
 * The values, `width` a row, when all of them are finite.
 * @throws {InputError} `OVERFLOW` with the row
 */
function checkDoubles(values: Float64Array, width: number, what: string, first = 0): Float64Array {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values;
  const row = first + Math.floor(bad / width);
  throw new InputError(
    "OVERFLOW",
    `The ${what} for X[${row}] is ${values[bad]}: the row lies too far from the training data for a double.`,
    { details: { row } },
  );
}

function frozenList(values: ArrayLike<number>): readonly number[] {
  return Object.freeze(Array.from(values));
}

function frozenRows(values: ArrayLike<number>, rows: number, columns: number): readonly (readonly number[])[] {
  return Object.freeze(
    Array.from({ length: rows }, (_, i) =>
      frozenList(Array.from({ length: columns }, (_, k) => values[i * columns + k])),
    ),
  );
}
