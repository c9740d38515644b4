/** The stored form of a model and its strict reader. */
import { describe } from "../base/assert.js";
import { FormatError } from "../base/errors.js";
import { type ErrorLaw, readErrorLaw } from "./errorLaw.js";
import type { ModelLinkData } from "./modelLink.js";
import { own, StoredReader } from "./stored.js";

export const MODEL_FORMAT = "leapflow-model";
/** Version of the stored form; grows only when an older release could not read it rightly. */
export const MODEL_VERSION = 1;
/** ‖basisᵀ·basis − I‖ allowed in a stored model, entry by entry. */
const ORTHONORMAL_TOLERANCE = 1e-8;

const reader = new StoredReader("model");

/** The error for a bad place in a stored model. */
export const wrong = (path: string, reason: string): FormatError => reader.wrong(path, reason);

/** A model as plain records: JSON-safe, structured-clonable, frozen. Matrices are lists of rows. */
export interface ModelData {
  readonly format: typeof MODEL_FORMAT;
  readonly version: typeof MODEL_VERSION;
  /** The leapflow release that wrote it; every later one reads it. */
  readonly release: string;
  readonly dim: number;
  readonly rank: number;
  /** null for a link family without a degree. */
  readonly degree: number | null;
  readonly columns?: readonly string[];
  readonly target?: string;
  readonly center: readonly number[];
  readonly columnScale: readonly number[];
  readonly directions: readonly (readonly number[])[];
  readonly basis: readonly (readonly number[])[];
  readonly gradientMoment: readonly (readonly number[])[];
  readonly link: ModelLinkData;
  /** Errors on new rows; absent in a model that was not fitted. */
  readonly errors?: ErrorLaw;
}

/** A stored model with everything checked but the link. */
export type CheckedData = Omit<ModelData, "link" | "release"> & { readonly link: object };

/**
 * Checks everything about a stored model but its link. Only own properties are read, so keys such as `__proto__` do nothing.
 * @throws {FormatError} `FORMAT` with path and reason, `VERSION` when a newer release wrote it
 */
export function readModelData(json: unknown): CheckedData {
  const model = own(json, "data") !== undefined && own(json, "format") === undefined ? own(json, "data") : json;
  if (typeof model !== "object" || model === null || Array.isArray(model)) {
    throw wrong("$", `is ${describe(model)}; expected a model object`);
  }
  const format = own(model, "format");
  if (format !== MODEL_FORMAT)
    throw wrong("$.format", `is ${describe(format)}; expected "${MODEL_FORMAT}": this is not a leapflow model`);
  const version = own(model, "version");
  if (typeof version === "number" && version > MODEL_VERSION) {
    const release = own(model, "release");
    const newer =
      typeof release === "string" ? `leapflow ${release}, which wrote it,` : "the leapflow release that wrote it";
    throw new FormatError(
      "VERSION",
      `The model has format version ${version}, newer than ${MODEL_VERSION}, the last one this release reads. Use ${newer} or a later one.`,
      { details: { version, supported: MODEL_VERSION, release } },
    );
  }
  if (version !== MODEL_VERSION) throw wrong("$.version", `is ${describe(version)}; expected ${MODEL_VERSION}`);

  const dim = reader.count(model, "dim", "$", 1);
  const rank = reader.count(model, "rank", "$");
  if (rank > dim) throw wrong("$.rank", `is ${rank}, above dim = ${dim}`);
  const degree = own(model, "degree") === null ? null : reader.count(model, "degree", "$");
  const columns = own(model, "columns");
  if (
    columns !== undefined &&
    !(Array.isArray(columns) && columns.length === dim && columns.every((name) => typeof name === "string"))
  ) {
    throw wrong("$.columns", `must be ${dim} strings`);
  }
  const target = own(model, "target");
  if (target !== undefined && typeof target !== "string")
    throw wrong("$.target", `is ${describe(target)}; expected a string`);
  const basis = reader.rows(model, "basis", "$", rank, dim);
  checkOrthonormal(basis, rank);
  const columnScale = reader.list(own(model, "columnScale"), "$.columnScale", dim);
  const negative = columnScale.findIndex((value) => value < 0);
  if (negative >= 0) throw wrong(`$.columnScale[${negative}]`, `is ${columnScale[negative]}; a spread is ≥ 0`);
  const link = own(model, "link");
  if (typeof link !== "object" || link === null) throw wrong("$.link", `is ${describe(link)}; expected an object`);
  const errors = own(model, "errors");
  return {
    format: MODEL_FORMAT,
    version: MODEL_VERSION,
    ...(errors === undefined ? {} : { errors: readErrorLaw(reader, errors, "$.errors") }),
    dim,
    rank,
    degree,
    ...(columns === undefined ? {} : { columns: columns as string[] }),
    ...(target === undefined ? {} : { target }),
    center: reader.list(own(model, "center"), "$.center", dim),
    columnScale,
    directions: reader.rows(model, "directions", "$", rank, dim),
    basis,
    gradientMoment: reader.rows(model, "gradientMoment", "$", rank, rank),
    link,
  };
}

function checkOrthonormal(basis: readonly (readonly number[])[], rank: number): void {
  for (let a = 0; a < rank; a++) {
    for (let b = a; b < rank; b++) {
      let sum = 0;
      for (const row of basis) sum += row[a] * row[b];
      const off = Math.abs(sum - (a === b ? 1 : 0));
      if (!(off <= ORTHONORMAL_TOLERANCE)) {
        throw wrong("$.basis", `has columns ${a} and ${b} that are not orthonormal (off by ${off.toExponential(2)})`);
      }
    }
  }
}
