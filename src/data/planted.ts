/** Samples from a known multi-index model. */
import { allocateDoubles, checkChoice, checkInteger, checkNumber, checkOptions, describe } from "../base/assert.js";
import { InputError, OptionError } from "../base/errors.js";
import { createRng, drawSeed, type Rng } from "../base/rng.js";
import { type Matrix, toMatrix } from "../math/dense.js";
import { randomBasis } from "../math/grassmann.js";

/** What sampling needs of a link. */
export interface PlantedLink {
  readonly rank: number;
  evaluateMany(Z: Float64Array, n: number): { readonly values: Float64Array };
}

/** Laws of the inputs' entries, all of mean 0 and variance 1; "student" has 5 degrees of freedom. */
export const INPUT_LAWS = ["gaussian", "uniform", "rademacher", "student"] as const;
/** Name of a law of the inputs. */
export type InputLaw = (typeof INPUT_LAWS)[number];

/** What to draw. */
export interface SampleOptions {
  /** Number of inputs d, at least the link's rank. */
  readonly dim: number;
  /** Number of rows n. */
  readonly samples: number;
  /** Standard deviation of the Gaussian noise added to y; default 0. */
  readonly noiseStd?: number;
  /** 0…2⁵³−1; drawn and reported when missing. */
  readonly seed?: number;
  /** Default "gaussian". */
  readonly inputs?: InputLaw;
}

/** Rows, responses and the truth behind them. */
export interface PlantedSample {
  /** n×d row-major. */
  readonly X: { readonly data: Float64Array; readonly rows: number; readonly columns: number };
  /** f + noise, n. */
  readonly y: Float64Array;
  /** Noise-free responses f(basisᵀx), n. */
  readonly f: Float64Array;
  /** d×r, orthonormal columns, Haar-distributed. */
  readonly basis: Matrix;
  readonly seed: number;
}

/** Rows whose projections are held at once. */
const CHUNK_ROWS = 4096;

/**
 * Draws rows y = f(Wᵀx) + noiseStd·g with a random basis W and independent inputs of mean 0 and variance 1.
 *
 * Basis, inputs and noise come from separate streams of the seed: other `inputs` or `noiseStd` leave the basis as it is.
 * Same seed, same bits, on every platform.
 *
 * @param link - `Link`, or anything with `rank` and `evaluateMany`
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; `RANGE` when dim < rank
 * @throws {MemoryError} `TOO_LARGE` before anything is drawn, with the bytes wanted and allowed
 * @throws {InputError} `OVERFLOW` when heavy-tailed inputs take the link beyond the largest double
 * Cost: O(n·d·r + n·N).
 * @example
 * ```ts
 * import { Link, sampleMultiIndex } from "leapflow";
 * const { X, y, basis } = sampleMultiIndex(Link.parse("z1*z2"), { dim: 10, samples: 50, noiseStd: 0.1, seed: 1 });
 * console.log(X.rows, y.length, basis.columns); // 50 50 2
 * ```
 */
export function sampleMultiIndex(link: PlantedLink, options: SampleOptions): PlantedSample {
  if (typeof link !== "object" || link === null || typeof link.evaluateMany !== "function") {
    throw new InputError("TYPE", `link is ${describe(link)}; expected a Link.`);
  }
  const given = checkOptions(options, ["dim", "samples", "noiseStd", "seed", "inputs"], "sampleMultiIndex");
  const dim = checkInteger(given.dim, "dim", { min: 1 });
  const samples = checkInteger(given.samples, "samples", { min: 1 });
  const noiseStd = given.noiseStd === undefined ? 0 : checkNumber(given.noiseStd, "noiseStd", { min: 0 });
  const inputs = given.inputs === undefined ? "gaussian" : checkChoice(given.inputs, "inputs", INPUT_LAWS);
  const { rank } = link;
  if (dim < rank) {
    throw new OptionError("RANGE", `dim is ${dim}, but the link has ${rank} variables; dim must be at least ${rank}.`, {
      details: { option: "dim", value: dim, rank },
    });
  }
  const seed = given.seed === undefined ? drawSeed() : (given.seed as number);
  const rng = createRng(seed, "planted");
  const data = allocateDoubles(samples * dim, `X (${samples}×${dim})`, "Draw fewer rows at a time.");

  const basis = randomBasis(dim, rank, rng.split("basis"));
  const draw = drawer(inputs, rng.split("inputs"));
  const noise = rng.split("noise");
  const f = new Float64Array(samples);
  for (let i = 0; i < data.length; i++) data[i] = draw();
  for (let from = 0; from < samples; from += CHUNK_ROWS) {
    const rows = Math.min(CHUNK_ROWS, samples - from);
    f.set(link.evaluateMany(projectRows(data, from, rows, dim, basis, rank), rows).values, from);
  }
  const bad = f.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new InputError(
      "OVERFLOW",
      `The link is ${f[bad]} at sample ${bad}: its inputs are too far out for its degree.`,
      {
        details: { row: bad },
      },
    );
  }
  const y = Float64Array.from(f, (value) => (noiseStd > 0 ? value + noiseStd * noise.normal() : value));
  return { X: { data, rows: samples, columns: dim }, y, f, basis: toMatrix(basis, dim, rank), seed };
}

function projectRows(
  data: Float64Array,
  from: number,
  rows: number,
  dim: number,
  basis: Float64Array,
  rank: number,
): Float64Array {
  const z = new Float64Array(rows * rank);
  for (let i = 0; i < rows; i++) {
    const row = (from + i) * dim;
    for (let j = 0; j < dim; j++) {
      const x = data[row + j];
      for (let k = 0; k < rank; k++) z[i * rank + k] += x * basis[j * rank + k];
    }
  }
  return z;
}

function drawer(law: InputLaw, rng: Rng): () => number {
  switch (law) {
    case "gaussian":
      return rng.normal;
    case "uniform":
      return () => Math.sqrt(12) * (rng.uniform() - 0.5);
    case "rademacher":
      return () => (rng.uniform() < 0.5 ? -1 : 1);
    case "student":
      return () => {
        let square = 0;
        for (let i = 0; i < 5; i++) {
          const g = rng.normal();
          square += g * g;
        }
        // t₅ = g/√(χ²/5) has variance 5/3.
        return (rng.normal() / Math.sqrt(square / 5)) * Math.sqrt(3 / 5);
      };
  }
}
