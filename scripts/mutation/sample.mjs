/** Names of mutants, and which of them a sample takes: the same for the runner, which skips the others, and for the score. */
import { createHash } from "node:crypto";

/** Lines and columns counted from 1. */
export const keyOf = (file, line, column, end, mutator, replacement) =>
  `${file}:${line}:${column}-${end.line}:${end.column} ${mutator} ${replacement}`;

/**
 * True for a share `rate` of all mutants, chosen by a hash of the seed and the mutant's name.
 *
 * @param sample - `{ rate, seed }`; undefined takes all
 */
export function isSampled(sample, key) {
  if (!sample) return true;
  const hash = createHash("sha256").update(`${sample.seed} ${key}`).digest();
  return hash.readUInt32BE(0) < sample.rate * 2 ** 32;
}
