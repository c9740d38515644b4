/** Which mutants of a file a sample takes: the same ones for the runner, which skips the others, and for the score. */
import { createHash } from "node:crypto";

/**
 * True for a share `rate` of all mutants, chosen by a hash of seed, file and number of the mutant.
 *
 * @param sample - `{ rate, seed }`; undefined takes all
 */
export function isSampled(sample, file, id) {
  if (sample === undefined) return true;
  const hash = createHash("sha256").update(`${sample.seed} ${file} ${id}`).digest();
  return hash.readUInt32BE(0) < sample.rate * 2 ** 32;
}
