/**
 * Properties are checked on the same cases everywhere, so that a commit which passed once does not fail elsewhere;
 * LEAPFLOW_SEED=random draws others, LEAPFLOW_SEED=<integer> those that a failure named.
 */
import * as fc from "fast-check";

const wanted = process.env.LEAPFLOW_SEED ?? "20261129";
if (wanted !== "random") {
  const seed = Number(wanted);
  if (!Number.isInteger(seed)) throw new Error(`LEAPFLOW_SEED is "${wanted}", neither an integer nor "random"`);
  fc.configureGlobal({ seed });
}
