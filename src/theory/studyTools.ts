/** What studies share: options, progress, checks. */
import { checkCallback, checkInteger, checkSignal, describe } from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { OptionError } from "../base/errors.js";
import { checkSeed, drawSeed } from "../base/rng.js";
import { checkLink } from "../model/checkLink.js";
import type { Link } from "../model/link.js";

/** How far a study is; told after each run. */
export interface StudyProgress {
  /** What is being run, in words. */
  readonly phase: string;
  readonly done: number;
  readonly total: number;
}

/** What every study takes. */
export interface StudyOptions {
  /** 0…2⁵³−1; drawn and reported when missing. */
  readonly seed?: number;
  /** Aborts the study; it rejects with the signal's own reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StudyProgress) => void;
}

/** Names of the options of every study. */
export const STUDY_OPTIONS = ["seed", "signal", "onProgress"] as const;

/** The checked common options of a study. */
export interface StudyRun {
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly control: RunControl;
  report(phase: string, done: number, total: number): void;
}

/**
 * Checks what all studies take.
 *
 * @throws {OptionError} `TYPE`, `RANGE`; the signal's reason when it has been aborted
 */
export function startStudy(given: Readonly<Record<string, unknown>>): StudyRun {
  if (given.seed !== undefined) checkSeed(given.seed);
  const signal = given.signal === undefined ? undefined : checkSignal(given.signal);
  const onProgress =
    given.onProgress === undefined ? undefined : checkCallback<[StudyProgress]>(given.onProgress, "onProgress");
  const control = new RunControl({ signal });
  control.throwIfAborted();
  return {
    seed: (given.seed as number | undefined) ?? drawSeed(),
    signal,
    control,
    report: (phase, done, total) => onProgress?.({ phase, done, total }),
  };
}

/** @throws {InputError} `TYPE` unless a link; {OptionError} `RANGE` when it has no variables or is constant */
export function checkStudyLink(link: Link): void {
  checkLink(link);
  if (link.coefficients.subarray(1).some((c) => c !== 0)) return;
  throw new OptionError("RANGE", "The link is constant: there is nothing to learn and no time to measure.", {
    details: { option: "link", rank: link.rank, degree: link.degree },
  });
}

/**
 * Ascending dimensions.
 *
 * @throws {OptionError} `TYPE` unless an array, `RANGE` unless whole numbers ≥ `min` that rise
 */
export function checkDims(dims: unknown, min: number): readonly number[] {
  const list = ArrayBuffer.isView(dims) && !(dims instanceof DataView) ? Array.from(dims as Float64Array) : dims;
  if (!Array.isArray(list) || list.length === 0) {
    throw new OptionError("TYPE", `dims is ${describe(dims)}; expected an array of dimensions such as [100, 1000].`, {
      details: { option: "dims" },
    });
  }
  list.forEach((dim, i) => {
    checkInteger(dim, `dims[${i}]`, { min });
    if (i === 0 || dim > list[i - 1]) return;
    throw new OptionError("RANGE", `dims[${i}] is ${dim} after ${list[i - 1]}; dimensions must rise.`, {
      details: { option: "dims", index: i },
    });
  });
  return list.slice();
}

/** ‖f − E f‖². */
export function variance(link: Link): number {
  return link.coefficients.reduce((sum, c, j) => (j === 0 ? 0 : sum + c * c), 0);
}
