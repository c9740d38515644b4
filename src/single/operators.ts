/** Measurement operators: Gaussian, coded diffraction, user's own. */
import { allocateDoubles, checkInteger, checkOptions, describe } from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { InputError, LeapflowError, OptionError } from "../base/errors.js";
import { checkSeed, createRng, drawSeed } from "../base/rng.js";
import { Fourier2d } from "../math/fourier.js";

/** A complex vector as two arrays of one length. */
export interface ComplexVector {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** A complex vector as a caller may give it. */
export interface ComplexLike {
  readonly re: ArrayLike<number>;
  readonly im: ArrayLike<number>;
}

/** A linear map from signals (`dim` complex numbers) to fields (`measurements`); what is measured is |forward(v)|². */
export interface MeasurementOperator {
  readonly dim: number;
  readonly measurements: number;
  /** Av, a new vector. */
  forward(v: ComplexVector): ComplexLike | Promise<ComplexLike>;
  /** Aᴴu, a new vector. */
  adjoint(u: ComplexVector): ComplexLike | Promise<ComplexLike>;
}

/** An operator of this package: its products are there at once. */
export interface MadeOperator extends MeasurementOperator {
  forward(v: ComplexVector): ComplexVector;
  adjoint(u: ComplexVector): ComplexVector;
}

/** A dense operator drawn from a seed. */
export interface GaussianOperator extends MadeOperator {
  readonly seed: number;
}

/** Masks times a Fourier transform. */
export interface CodedDiffraction extends MadeOperator {
  readonly rows: number;
  readonly columns: number;
  /** rows·columns entries each, row-major. */
  readonly masks: readonly ComplexVector[];
  /** Of the masks; undefined when they were given. */
  readonly seed: number | undefined;
}

/** What `gaussianOperator` draws. */
export interface GaussianOptions {
  readonly dim: number;
  readonly measurements: number;
  readonly seed?: number;
}

/** What `codedDiffraction` measures. */
export interface DiffractionOptions {
  readonly rows: number;
  readonly columns: number;
  /** Complex masks of rows·columns entries, row-major, or how many octanary ones to draw. */
  readonly masks: number | readonly ComplexLike[];
  readonly seed?: number;
}

/**
 * Rows a_i with independent entries CN(0, 1), stored densely: (Av)_i = Σ_j a_ij v_j, so that (1/n)AᴴA is near I.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 * @throws {MemoryError} `TOO_LARGE` before anything is drawn
 * Cost: 8·dim·measurements flops a product, 16 bytes an entry.
 */
export function gaussianOperator(options: GaussianOptions): GaussianOperator {
  const given = checkOptions(options, ["dim", "measurements", "seed"], "gaussianOperator");
  const dim = checkInteger(given.dim, "dim", { min: 1 });
  const measurements = checkInteger(given.measurements, "measurements", { min: 1 });
  const seed = readSeed(given.seed);
  const what = `the operator (${measurements}×${dim}, complex)`;
  const hint = "Use a structured operator such as codedDiffraction.";
  const entries = allocateDoubles(2 * measurements * dim, what, hint);
  const rng = createRng(seed, "gaussian-operator");
  for (let k = 0; k < entries.length; k++) entries[k] = rng.normal() * Math.SQRT1_2;
  return {
    dim,
    measurements,
    seed,
    forward(v) {
      const { re, im } = vectorOf(v, dim, "v");
      const out = complexZeros(measurements);
      for (let i = 0, at = 0; i < measurements; i++) {
        let a = 0;
        let b = 0;
        for (let j = 0; j < dim; j++, at += 2) {
          a += entries[at] * re[j] - entries[at + 1] * im[j];
          b += entries[at] * im[j] + entries[at + 1] * re[j];
        }
        out.re[i] = a;
        out.im[i] = b;
      }
      return out;
    },
    adjoint(u) {
      const { re, im } = vectorOf(u, measurements, "u");
      const out = complexZeros(dim);
      for (let i = 0, at = 0; i < measurements; i++) {
        const a = re[i];
        const b = im[i];
        for (let j = 0; j < dim; j++, at += 2) {
          out.re[j] += entries[at] * a + entries[at + 1] * b;
          out.im[j] += entries[at] * b - entries[at + 1] * a;
        }
      }
      return out;
    },
  };
}

/**
 * Coded diffraction patterns: A_l v = FFT₂(mask_l ∘ v) for every mask, fields in mask order, each rows×columns row-major.
 *
 * A number of masks draws octanary ones: a fourth root of unity times √½ (chance 4/5) or √3 (1/5), for which (1/n)AᴴA is
 * near I. Any size works; powers of two are fastest.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; {InputError} `SHAPE`, `NOT_FINITE` for masks
 * Source: Candès, Li & Soltanolkotabi, arXiv 1407.1065 §4. Cost: one two-dimensional FFT a mask and product.
 */
export function codedDiffraction(options: DiffractionOptions): CodedDiffraction {
  const given = checkOptions(options, ["rows", "columns", "masks", "seed"], "codedDiffraction");
  const rows = checkInteger(given.rows, "rows", { min: 1 });
  const columns = checkInteger(given.columns, "columns", { min: 1 });
  const dim = rows * columns;
  const drawn = typeof given.masks === "number";
  const seed = drawn ? readSeed(given.seed) : undefined;
  const masks = drawn ? octanaryMasks(given.masks, dim, seed as number) : readMasks(given.masks, dim);
  const measurements = masks.length * dim;
  const fourier = new Fourier2d(rows, columns);
  return {
    rows,
    columns,
    masks,
    seed,
    dim,
    measurements,
    forward(v) {
      const { re, im } = vectorOf(v, dim, "v");
      const out = complexZeros(measurements);
      masks.forEach((mask, l) => {
        const a = out.re.subarray(l * dim, (l + 1) * dim);
        const b = out.im.subarray(l * dim, (l + 1) * dim);
        for (let k = 0; k < dim; k++) {
          a[k] = mask.re[k] * re[k] - mask.im[k] * im[k];
          b[k] = mask.re[k] * im[k] + mask.im[k] * re[k];
        }
        fourier.forward(a, b);
      });
      return out;
    },
    adjoint(u) {
      const fields = vectorOf(u, measurements, "u");
      const out = complexZeros(dim);
      masks.forEach((mask, l) => {
        const a = fields.re.slice(l * dim, (l + 1) * dim);
        const b = fields.im.slice(l * dim, (l + 1) * dim);
        fourier.adjoint(a, b);
        for (let k = 0; k < dim; k++) {
          out.re[k] += mask.re[k] * a[k] + mask.im[k] * b[k];
          out.im[k] += mask.re[k] * b[k] - mask.im[k] * a[k];
        }
      });
      return out;
    },
  };
}

function octanaryMasks(count: unknown, dim: number, seed: number): ComplexVector[] {
  const masks = checkInteger(count, "masks", { min: 1, max: 10_000, or: "a list of masks { re, im }" });
  return Array.from({ length: masks }, (_, l) => {
    const rng = createRng(seed, "octanary", l);
    const mask = complexZeros(dim);
    for (let k = 0; k < dim; k++) {
      const root = rng.integer(4);
      const size = rng.uniform() < 0.8 ? Math.SQRT1_2 : Math.sqrt(3);
      if (root % 2 === 0) mask.re[k] = root === 0 ? size : -size;
      else mask.im[k] = root === 1 ? size : -size;
    }
    return mask;
  });
}

function readMasks(given: unknown, dim: number): ComplexVector[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw new OptionError(
      "TYPE",
      `masks is ${describe(given)}; expected how many to draw, or a list of at least one mask { re, im }.`,
      { details: { option: "masks" } },
    );
  }
  return given.map((mask, l) => copyComplex(mask, dim, `masks[${l}]`));
}

function readSeed(seed: unknown): number {
  if (seed === undefined) return drawSeed();
  checkSeed(seed);
  return seed;
}

/** Zeros of this length. @throws {MemoryError} `TOO_LARGE` */
export function complexZeros(n: number): ComplexVector {
  const what = "a complex vector";
  const hint = "Use a smaller signal or fewer measurements.";
  return { re: allocateDoubles(n, what, hint), im: allocateDoubles(n, what, hint) };
}

/** Shape check of an argument of a product; entries are taken as they are. */
function vectorOf(v: ComplexVector, n: number, name: string): ComplexVector {
  if (v?.re?.length === n && v.im?.length === n) return v;
  throw notComplex(v, n, name);
}

/**
 * A copy of a complex vector of known length.
 *
 * @throws {InputError} `TYPE`, `SHAPE`, `NOT_FINITE` with the position
 */
export function copyComplex(given: unknown, n: number, name: string): ComplexVector {
  const { re, im } = (typeof given === "object" && given !== null ? given : {}) as Partial<ComplexLike>;
  if (re?.length !== n || im?.length !== n) throw notComplex(given, n, name);
  const out = complexZeros(n);
  for (const part of ["re", "im"] as const) {
    const from = part === "re" ? re : im;
    const to = out[part];
    for (let k = 0; k < n; k++) {
      const value: unknown = from[k];
      if (typeof value === "number" && Number.isFinite(value)) {
        to[k] = value;
        continue;
      }
      throw new InputError(
        typeof value === "number" ? "NOT_FINITE" : "TYPE",
        `${name}.${part}[${k}] is ${describe(value)}; all entries must be finite numbers.`,
        { details: { index: k } },
      );
    }
  }
  return out;
}

function notComplex(given: unknown, n: number, name: string): InputError {
  const { re, im } = (typeof given === "object" && given !== null ? given : {}) as Partial<ComplexLike>;
  if (typeof re?.length !== "number" || typeof im?.length !== "number") {
    return new InputError(
      "TYPE",
      `${name} is ${describe(given)}; expected a complex vector { re, im } of length ${n}.`,
    );
  }
  return new InputError(
    "SHAPE",
    `${name} has ${re.length} real and ${im.length} imaginary parts; expected ${n} of each.`,
    { details: { re: re.length, im: im.length, expected: n } },
  );
}

/** An operator whose every product is checked, with the number of products made. What it returns is good until the next call. */
export interface CheckedOperator {
  readonly dim: number;
  readonly measurements: number;
  products: number;
  forward(v: ComplexVector): Promise<ComplexVector>;
  adjoint(u: ComplexVector): Promise<ComplexVector>;
}

/** ⟨Av, u⟩ and ⟨v, Aᴴu⟩ may differ by this part of ‖Av‖‖u‖. */
const ADJOINT_TOLERANCE = 1e-6;

/**
 * Wraps an operator so that what it returns is checked, and tries ⟨Av, u⟩ = ⟨v, Aᴴu⟩ on one random pair.
 *
 * @throws {InputError} `TYPE` for what is no operator, `SHAPE`, `NOT_FINITE` for what it returns, `CALLBACK` when it throws (the error
 * is kept as `cause`) or when its adjoint is none
 */
export async function checkOperator(
  given: unknown,
  testAdjoint: boolean,
  control = new RunControl(),
): Promise<CheckedOperator> {
  const operator = (typeof given === "object" && given !== null ? given : {}) as Partial<MeasurementOperator>;
  if (typeof operator.forward !== "function" || typeof operator.adjoint !== "function") {
    throw new InputError(
      "TYPE",
      `operator is ${describe(given)}; expected { dim, measurements, forward(v), adjoint(u) } or what gaussianOperator and codedDiffraction make.`,
    );
  }
  const dim = checkInteger(operator.dim, "operator.dim", { min: 1 });
  const measurements = checkInteger(operator.measurements, "operator.measurements", { min: 1 });
  const answer = async (name: "forward" | "adjoint", v: ComplexVector): Promise<unknown> => {
    try {
      return await (operator as MeasurementOperator)[name](v);
    } catch (cause) {
      if (cause instanceof LeapflowError) throw cause;
      throw new InputError("CALLBACK", `operator.${name} threw: ${String(cause)}`, { cause });
    }
  };
  const call = async (name: "forward" | "adjoint", v: ComplexVector, n: number): Promise<ComplexVector> => {
    checked.products++;
    // The answer may be long in coming, or never come.
    const out = await control.race(answer(name, v));
    return isPlain(out, n) ? out : copyComplex(out, n, `what operator.${name} returned`);
  };
  const checked: CheckedOperator = {
    dim,
    measurements,
    products: 0,
    forward: (v) => call("forward", v, measurements),
    adjoint: (u) => call("adjoint", u, dim),
  };
  if (testAdjoint) await assertAdjoint(checked);
  return checked;
}

/** Two Float64Arrays of this length whose entries are finite: the common case, taken without a copy. */
function isPlain(out: unknown, n: number): out is ComplexVector {
  const { re, im } = (typeof out === "object" && out !== null ? out : {}) as Partial<ComplexVector>;
  if (!(re instanceof Float64Array && im instanceof Float64Array) || re.length !== n || im.length !== n) return false;
  let sum = 0;
  for (let k = 0; k < n; k++) sum += Math.abs(re[k]) + Math.abs(im[k]);
  return Number.isFinite(sum);
}

async function assertAdjoint(operator: CheckedOperator): Promise<void> {
  const rng = createRng(0, "adjoint-test");
  const draw = (n: number): ComplexVector => {
    const v = complexZeros(n);
    for (let k = 0; k < n; k++) {
      v.re[k] = rng.normal();
      v.im[k] = rng.normal();
    }
    return v;
  };
  const v = draw(operator.dim);
  const u = draw(operator.measurements);
  const image = await operator.forward(v);
  const back = await operator.adjoint(u);
  const left = innerProduct(u, image);
  const right = innerProduct(back, v);
  const size = Math.sqrt(squaredNorm(image) * squaredNorm(u));
  const gap = Math.max(Math.abs(left.re - right.re), Math.abs(left.im - right.im));
  if (gap <= ADJOINT_TOLERANCE * size) return;
  throw new InputError(
    "CALLBACK",
    `operator.adjoint is not the adjoint of operator.forward: ⟨u, Av⟩ = ${left.re} + ${left.im}i but ⟨Aᴴu, v⟩ = ${right.re} + ${right.im}i for one random pair. Conjugate and transpose; an inverse FFT also divides by its size.`,
    { details: { forward: [left.re, left.im], adjoint: [right.re, right.im] } },
  );
}

/** Σ conj(a_k) b_k. */
export function innerProduct(a: ComplexVector, b: ComplexVector): { re: number; im: number } {
  let re = 0;
  let im = 0;
  for (let k = 0; k < a.re.length; k++) {
    re += a.re[k] * b.re[k] + a.im[k] * b.im[k];
    im += a.re[k] * b.im[k] - a.im[k] * b.re[k];
  }
  return { re, im };
}

/** Σ |a_k|². */
export function squaredNorm(a: ComplexVector): number {
  let sum = 0;
  for (let k = 0; k < a.re.length; k++) sum += a.re[k] * a.re[k] + a.im[k] * a.im[k];
  return sum;
}
