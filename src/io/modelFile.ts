/** Model files: JSON, saved completely or not at all. Node only. */
import { describe } from "../base/assert.js";
import { FormatError, InputError } from "../base/errors.js";
import type { MultiIndexModel } from "../index.js";
import { readText, writeText } from "./files.js";

/**
 * Saves a model as JSON; an earlier file of this name stays as it is unless the new one is complete.
 * @throws {FormatError} `FILE`; {InputError} `TYPE` for what is no model, such as a whole fit
 */
export async function saveModel(path: string, model: MultiIndexModel): Promise<void> {
  if (typeof model?.predict !== "function" || typeof model.toJSON !== "function")
    throw new InputError("TYPE", `model is ${describe(model)}; expected a MultiIndexModel, the model of a fit.`);
  await writeText(path, `${JSON.stringify(model)}\n`);
}

/**
 * Loads a model that `saveModel` (or `JSON.stringify`) wrote; it predicts the same bits.
 * @throws {FormatError} `FILE`, `FORMAT` or `VERSION`, naming the file
 */
export async function loadModel(path: string): Promise<MultiIndexModel> {
  const text = await readText(path);
  const { MultiIndexModel } = await import("../index.js");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FormatError("FORMAT", `${path} is not a model: it is not complete JSON (${(cause as Error).message}).`, {
      cause,
      details: { path },
    });
  }
  try {
    return MultiIndexModel.fromJSON(json);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(cause.code, `${path}: ${cause.message}`, { cause, details: { ...cause.details, path } });
  }
}
