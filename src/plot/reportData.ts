/** What a report is drawn from: the fit, its rows, and the numbers taken from them once. */
import { checkOptions, describe } from "../base/assert.js";
import { InputError, OptionError } from "../base/errors.js";
import { createRng } from "../base/rng.js";
import type { MatrixLike, VectorLike } from "../base/types.js";
import { type Fit, rSquared } from "../index.js";

/** What a report reads of a link, whatever its family. */
export interface ReportedLink {
  readonly family: string;
  readonly rank: number;
  readonly degree: number | null;
  readonly featureCount?: number;
  readonly coefficients?: ArrayLike<number>;
  readonly tail?: { readonly kind: string; readonly radius: number };
  evaluateMany(Z: ArrayLike<number>, n: number): { readonly values: ArrayLike<number> };
}

/** Number of functions that the link is a sum of. */
export const featureCountOf = (link: ReportedLink): number => link.featureCount ?? link.coefficients?.length ?? 1;

/** Rows, with what they are called. */
export interface ReportRows {
  /** n×d, in the columns of the fit. */
  readonly X: MatrixLike;
  /** n. */
  readonly y: VectorLike;
}

/** What `fitReport` is given besides the fit. */
export interface ReportOptions extends ReportRows {
  /** Rows that the fit has not seen: metrics and figures show them beside the training rows. */
  readonly test?: ReportRows;
  /** Name of the response; default: that of the model, or "y". */
  readonly target?: string;
  /** Where the rows come from, such as a file name. */
  readonly source?: string;
  /** The command line that made the fit; without it the report shows a call of the library. */
  readonly command?: string;
  /** Level of the prediction interval, where the fit has one; default 0.9. */
  readonly interval?: number;
}

/** One set of rows as a report sees it. */
export interface RowView {
  readonly label: "training rows" | "held-out rows";
  readonly samples: number;
  readonly y: Float64Array;
  readonly predicted: Float64Array;
  readonly residuals: Float64Array;
  /** Ends of the prediction interval. */
  readonly lower?: Float64Array;
  readonly upper?: Float64Array;
  readonly r2: number;
  readonly rmse: number;
  /** Rows that figures show, ascending. */
  readonly shown: Int32Array;
}

/** Everything that sections and figures draw on. */
export interface ReportData {
  readonly fit: Fit;
  readonly link: ReportedLink;
  readonly target: string;
  readonly columns: readonly string[];
  readonly source?: string;
  readonly command?: string;
  readonly train: RowView;
  readonly test?: RowView;
  /** Projections of the shown training rows, by direction. */
  readonly z: readonly Float64Array[];
  /** Columns of the directions by mean squared slope, steepest first. */
  readonly order: readonly number[];
  /** By direction: its weights per standard deviation of the inputs, scaled to length 1. */
  readonly loadings: readonly Float64Array[];
  /** What raw directions were divided by to that end, by direction. */
  readonly lengths: readonly number[];
  /** Share of every input in the mean squared slope, per standard deviation. */
  readonly importance: Float64Array;
  /** Inputs by importance. */
  readonly inputs: readonly number[];
  /** Variance of the training response. */
  readonly variance: number;
  readonly level: number;
}

/** Rows in one figure; more would hide each other and make the page slow. */
const MAX_SHOWN = 1500;
/** Rows with the largest residuals, which are shown whatever the draw. */
const ALWAYS_SHOWN = 20;

const KEYS = ["X", "y", "test", "target", "source", "command", "interval"] as const;

/**
 * Checks what `fitReport` was given and takes the numbers from it.
 * @throws {InputError} `TYPE`, `SHAPE`, `NOT_FINITE`, `EMPTY`. @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 */
export function readReport(fit: Fit, options: ReportOptions): ReportData {
  if (typeof fit?.model?.predict !== "function" || fit.diagnostics === undefined) {
    throw new InputError("TYPE", `fit is ${describe(fit)}; expected the result of fitMultiIndex.`);
  }
  const given = checkOptions(options, KEYS, "fitReport") as Partial<ReportOptions>;
  for (const key of ["target", "source", "command"] as const) {
    const value: unknown = given[key];
    if (value !== undefined && typeof value !== "string")
      throw new OptionError("TYPE", `${key} is ${describe(value)}; expected text.`, { details: { option: key } });
  }
  const level = given.interval ?? 0.9;
  if (!(typeof level === "number" && level > 0 && level < 1))
    throw new OptionError("RANGE", `interval is ${describe(level)}; expected a number between 0 and 1.`);
  const { model } = fit;
  const train = readRows(fit, given as ReportOptions, "training rows", level, "");
  const test = given.test === undefined ? undefined : readRows(fit, given.test, "held-out rows", level, "test.");
  const projected = model.project((given as ReportOptions).X);
  const moment = model.data.gradientMoment;
  const importance = model.importance("standardized");
  const { directions } = model;
  const scaled = Array.from({ length: model.rank }, (_, k) =>
    Float64Array.from(model.data.columnScale, (scale, j) => directions.get(j, k) * scale),
  );
  const lengths = scaled.map((column) => lengthOf(column) || 1);
  return {
    fit,
    link: model.link,
    target: given.target ?? model.target ?? "y",
    columns: model.columns ?? Array.from({ length: model.dim }, (_, j) => `x${j + 1}`),
    ...(given.source === undefined ? {} : { source: given.source }),
    ...(given.command === undefined ? {} : { command: given.command }),
    train,
    ...(test === undefined ? {} : { test }),
    z: Array.from({ length: model.rank }, (_, k) => Float64Array.from(train.shown, (i) => projected.get(i, k))),
    order: Array.from({ length: model.rank }, (_, k) => k).sort((a, b) => moment[b][b] - moment[a][a] || a - b),
    loadings: scaled.map((column, k) => column.map((value) => value / lengths[k])),
    lengths,
    importance,
    inputs: Array.from(importance.keys()).sort((a, b) => importance[b] - importance[a] || a - b),
    variance: varianceOf(train.y),
    level,
  };
}

function readRows(fit: Fit, rows: ReportRows, label: RowView["label"], level: number, path: string): RowView {
  const { X, y } = (rows ?? {}) as Partial<ReportRows>;
  if (X === undefined || y === undefined)
    throw new InputError("TYPE", `${path === "" ? "options" : "test"} has no ${path}X or no ${path}y.`);
  const { mean: predicted, lower, upper } = predictRows(fit, X, level, path);
  const actual = readResponse(y, `${path}y`, predicted.length);
  if (actual.length === 0) throw new InputError("EMPTY", `${path}X has no rows; a report needs at least one.`);
  const residuals = actual.map((value, i) => value - predicted[i]);
  return {
    label,
    samples: actual.length,
    y: actual,
    predicted,
    residuals,
    ...(lower === undefined || upper === undefined ? {} : { lower, upper }),
    r2: rSquared(predicted, actual),
    rmse: lengthOf(residuals) / Math.sqrt(residuals.length),
    shown: shownRows(residuals),
  };
}

/** Predictions, with their intervals where the model knows errors enough for the level. */
function predictRows(fit: Fit, X: MatrixLike, level: number, path: string) {
  const { model } = fit;
  const known = model.data.errors?.count ?? 0;
  const hasInterval = Math.ceil(level * (known + 1)) <= known;
  try {
    if (hasInterval) return model.predict(X, { interval: level });
    return { mean: model.predict(X), lower: undefined, upper: undefined };
  } catch (error) {
    // The model calls every matrix X.
    if (path === "" || !(error instanceof InputError)) throw error;
    const { code, details } = error;
    throw new InputError(code, error.message.replace(/\bX\b/, `${path}X`), { details, cause: error });
  }
}

/** A response in any of the accepted forms. */
function readResponse(y: VectorLike, name: string, rows: number): Float64Array {
  const given = y as {
    readonly length?: number;
    readonly rows?: number;
    readonly data?: ArrayLike<number>;
    get?(i: number, j?: number): number;
  };
  const length = given.length ?? given.rows;
  if (typeof length !== "number" || typeof y === "string")
    throw new InputError("TYPE", `${name} is ${describe(y)}; expected the response, one number a row.`);
  if (length !== rows) throw new InputError("SHAPE", `${name} has ${length} entries and X has ${rows} rows.`);
  const at = (i: number): unknown => {
    if (typeof given.get === "function") return given.length === undefined ? given.get(i, 0) : given.get(i);
    const value = (given.data ?? (y as ArrayLike<unknown>))[i];
    return Array.isArray(value) ? value[0] : value;
  };
  return Float64Array.from({ length: rows }, (_, i) => {
    const value = at(i);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new InputError(typeof value === "number" ? "NOT_FINITE" : "TYPE", `${name}[${i}] is ${describe(value)}.`, {
      details: { index: i },
    });
  });
}

/** All rows when they are few; else a seeded draw without repetition, and the rows with the largest residuals. */
function shownRows(residuals: Float64Array): Int32Array {
  const n = residuals.length;
  if (n <= MAX_SHOWN) return Int32Array.from({ length: n }, (_, i) => i);
  const rng = createRng(0, "report rows");
  const chosen = new Set<number>();
  let left = MAX_SHOWN - ALWAYS_SHOWN;
  // Each row is taken with the probability that makes every selection equally likely (Knuth 3.4.2, S).
  for (let i = 0; i < n; i++) {
    if (rng.uniform() * (n - i) >= left) continue;
    chosen.add(i);
    left--;
  }
  const sizes = residuals.map(Math.abs).sort();
  const bound = sizes[n - ALWAYS_SHOWN];
  for (let i = 0; i < n && chosen.size < MAX_SHOWN; i++) if (Math.abs(residuals[i]) >= bound) chosen.add(i);
  return Int32Array.from(chosen).sort();
}

function varianceOf(y: Float64Array): number {
  let mean = 0;
  for (const value of y) mean += value / y.length;
  let sum = 0;
  for (const value of y) sum += (value - mean) ** 2 / y.length;
  return sum;
}

/** Euclidean length, safe for entries of any size. */
function lengthOf(values: Float64Array): number {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest === 0 ? 0 : largest * Math.sqrt(values.reduce((sum, value) => sum + (value / largest) ** 2, 0));
}
