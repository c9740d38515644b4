/** Measurement operators and the transform under them: plain sums, adjointness, refusals. */
import { describe, expect, test } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { type ComplexVector, codedDiffraction, gaussianOperator } from "../../src/index.js";
import { Fourier2d } from "../../src/math/fourier.js";
import { checkOperator, innerProduct, squaredNorm } from "../../src/single/operators.js";
import { errorOf } from "../faults/problem.js";

function random(n: number, seed: number): ComplexVector {
  const rng = createRng(seed, "vector", n);
  return { re: Float64Array.from({ length: n }, rng.normal), im: Float64Array.from({ length: n }, rng.normal) };
}

/** The two-dimensional DFT as its defining double sum. */
function plainTransform({ re, im }: ComplexVector, rows: number, columns: number): ComplexVector {
  const out = { re: new Float64Array(re.length), im: new Float64Array(re.length) };
  for (let k = 0; k < rows; k++) {
    for (let l = 0; l < columns; l++) {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const angle = -2 * Math.PI * ((i * k) / rows + (j * l) / columns);
          const [c, s] = [Math.cos(angle), Math.sin(angle)];
          const at = i * columns + j;
          out.re[k * columns + l] += re[at] * c - im[at] * s;
          out.im[k * columns + l] += re[at] * s + im[at] * c;
        }
      }
    }
  }
  return out;
}

const worst = (a: ComplexVector, b: ComplexVector): number => {
  expect([a.re.length, a.im.length]).toEqual([b.re.length, b.im.length]);
  let most = 0;
  for (let k = 0; k < a.re.length; k++) most = Math.max(most, Math.abs(a.re[k] - b.re[k]), Math.abs(a.im[k] - b.im[k]));
  return most / Math.sqrt(squaredNorm(b));
};
const copy = ({ re, im }: ComplexVector): ComplexVector => ({ re: re.slice(), im: im.slice() });

describe("Fourier2d", () => {
  const sizes = [
    [1, 1],
    [1, 8],
    [8, 1],
    [2, 2],
    [8, 16],
    [5, 8],
    [6, 10],
    [7, 7],
    [1, 31],
    [12, 3],
  ];
  test.each(sizes)("%i×%i: the double sum, its adjoint and Parseval", (rows, columns) => {
    const x = random(rows * columns, 1);
    const transform = new Fourier2d(rows, columns);
    const image = copy(x);
    transform.forward(image.re, image.im);
    expect(worst(image, plainTransform(x, rows, columns))).toBeLessThan(1e-14 * rows * columns);
    expect(squaredNorm(image) / squaredNorm(x)).toBeCloseTo(rows * columns, 10);
    const back = copy(image);
    transform.adjoint(back.re, back.im);
    const scaled = { re: back.re.map((v) => v / (rows * columns)), im: back.im.map((v) => v / (rows * columns)) };
    expect(worst(scaled, x)).toBeLessThan(1e-14);
  });
  test("a prime length of 1009 keeps its digits", () => {
    const n = 1009;
    const x = random(n, 2);
    const image = copy(x);
    new Fourier2d(1, n).forward(image.re, image.im);
    let [re, im] = [0, 0];
    for (let j = 0; j < n; j++) {
      const angle = (-2 * Math.PI * ((j * 500) % n)) / n;
      re += x.re[j] * Math.cos(angle) - x.im[j] * Math.sin(angle);
      im += x.re[j] * Math.sin(angle) + x.im[j] * Math.cos(angle);
    }
    expect(Math.abs(image.re[500] - re)).toBeLessThan(1e-11);
    expect(Math.abs(image.im[500] - im)).toBeLessThan(1e-11);
  });
});

describe("codedDiffraction", () => {
  test("is mask then transform, in mask order, and its adjoint is one", () => {
    const [rows, columns] = [4, 6];
    const masks = [random(24, 3), random(24, 4), random(24, 5)];
    const operator = codedDiffraction({ rows, columns, masks });
    expect([operator.dim, operator.measurements, operator.seed]).toEqual([24, 72, undefined]);
    const x = random(24, 6);
    const fields = operator.forward(x);
    masks.forEach((mask, l) => {
      const product = {
        re: x.re.map((a, k) => a * mask.re[k] - x.im[k] * mask.im[k]),
        im: x.re.map((a, k) => a * mask.im[k] + x.im[k] * mask.re[k]),
      };
      const part = { re: fields.re.slice(24 * l, 24 * (l + 1)), im: fields.im.slice(24 * l, 24 * (l + 1)) };
      expect(worst(part, plainTransform(product, rows, columns))).toBeLessThan(1e-13);
    });
    const u = random(72, 7);
    const kept = copy(u);
    const [a, b] = [innerProduct(u, fields), innerProduct(operator.adjoint(u), x)];
    expect(Math.hypot(a.re - b.re, a.im - b.im)).toBeLessThan(1e-12 * Math.hypot(a.re, a.im));
    expect(u).toEqual(kept);
  });
  test("draws octanary masks from the seed, with (1/n)AᴴA near I", () => {
    const operator = codedDiffraction({ rows: 32, columns: 32, masks: 20, seed: 1 });
    expect(codedDiffraction({ rows: 32, columns: 32, masks: 20, seed: 1 }).masks).toEqual(operator.masks);
    let square = 0;
    let large = 0;
    for (const { re, im } of operator.masks) {
      for (let k = 0; k < 1024; k++) {
        const s = re[k] ** 2 + im[k] ** 2;
        expect(Math.min(Math.abs(s - 0.5), Math.abs(s - 3))).toBeLessThan(1e-12);
        expect(Math.abs(re[k] * im[k])).toBe(0);
        square += s / 20480;
        large += (s > 1 ? 1 : 0) / 20480;
      }
    }
    expect(Math.abs(square - 1)).toBeLessThan(0.03);
    expect(Math.abs(large - 0.2)).toBeLessThan(0.012);
  });
  test.each([
    ["no rows", { rows: 0, columns: 2, masks: 1 }, "RANGE"],
    ["no masks", { rows: 2, columns: 2, masks: [] }, "TYPE"],
    ["masks 0", { rows: 2, columns: 2, masks: 0 }, "RANGE"],
    ["masks missing", { rows: 2, columns: 2 }, "TYPE"],
    ["a mask of another size", { rows: 2, columns: 2, masks: [random(3, 1)] }, "SHAPE"],
    ["a real mask", { rows: 2, columns: 2, masks: [[1, 1, 1, 1]] }, "TYPE"],
    ["NaN in a mask", { rows: 1, columns: 1, masks: [{ re: [Number.NaN], im: [0] }] }, "NOT_FINITE"],
    ["a misspelled option", { rows: 2, colums: 2, masks: 1 }, "UNKNOWN"],
    ["a bad seed", { rows: 2, columns: 2, masks: 1, seed: -1 }, "RANGE"],
  ])("refuses %s", async (_, options, code) => {
    expect(await errorOf(() => codedDiffraction(options as never))).toMatchObject({ code });
  });
  test("products refuse vectors of another length", async () => {
    const operator = codedDiffraction({ rows: 2, columns: 2, masks: 1, seed: 1 });
    expect(await errorOf(() => operator.forward(random(3, 1)))).toMatchObject({ code: "SHAPE" });
    expect(await errorOf(() => operator.adjoint(undefined as never))).toMatchObject({ code: "TYPE" });
  });
});

describe("gaussianOperator", () => {
  test("has entries CN(0, 1), read off column by column, and its adjoint is one", () => {
    const [dim, measurements] = [30, 80];
    const operator = gaussianOperator({ dim, measurements, seed: 3 });
    const entries: number[] = [];
    const x = random(dim, 8);
    const wanted = { re: new Float64Array(measurements), im: new Float64Array(measurements) };
    for (let j = 0; j < dim; j++) {
      const unit = { re: new Float64Array(dim), im: new Float64Array(dim) };
      unit.re[j] = 1;
      const column = operator.forward(unit);
      entries.push(...column.re, ...column.im);
      for (let i = 0; i < measurements; i++) {
        wanted.re[i] += column.re[i] * x.re[j] - column.im[i] * x.im[j];
        wanted.im[i] += column.re[i] * x.im[j] + column.im[i] * x.re[j];
      }
    }
    expect(worst(operator.forward(x), wanted)).toBeLessThan(1e-14);
    const variance = entries.reduce((s, v) => s + v * v, 0) / entries.length;
    expect(Math.abs(variance - 0.5)).toBeLessThan(0.04);
    const u = random(measurements, 9);
    const [a, b] = [innerProduct(u, wanted), innerProduct(operator.adjoint(u), x)];
    expect(Math.hypot(a.re - b.re, a.im - b.im)).toBeLessThan(1e-12 * Math.hypot(a.re, a.im));
    expect(gaussianOperator({ dim, measurements, seed: 3 }).forward(x)).toEqual(operator.forward(x));
    expect(gaussianOperator({ dim, measurements, seed: 4 }).forward(x)).not.toEqual(operator.forward(x));
  });
  test("refuses sizes that cannot be held", async () => {
    expect(await errorOf(() => gaussianOperator({ dim: 1e6, measurements: 1e6, seed: 1 }))).toMatchObject({
      name: "MemoryError",
      code: "TOO_LARGE",
    });
    expect(await errorOf(() => gaussianOperator({ dim: 1.5, measurements: 3 }))).toMatchObject({ code: "RANGE" });
  });
});

describe("operators of one's own", () => {
  const inner = gaussianOperator({ dim: 5, measurements: 12, seed: 1 });
  const made = (change: object) => ({ ...inner, ...change });

  test("plain arrays and promises are fine", async () => {
    const operator = await checkOperator(
      made({
        forward: async (v: ComplexVector) => {
          const { re, im } = inner.forward(v);
          return { re: Array.from(re), im: Array.from(im) };
        },
      }),
      true,
    );
    expect(worst(await operator.forward(random(5, 1)), inner.forward(random(5, 1)))).toBe(0);
    expect(operator.products).toBe(3);
  });
  const refusals: [string, unknown, string, RegExp][] = [
    ["nothing", undefined, "TYPE", /operator is undefined/],
    ["no adjoint", { dim: 1, measurements: 1, forward: () => 0 }, "TYPE", /forward\(v\), adjoint\(u\)/],
    ["no dim", made({ dim: undefined }), "TYPE", /operator\.dim/],
    ["measurements 0", made({ measurements: 0 }), "RANGE", /operator\.measurements/],
    ["fields of another length", made({ measurements: 11 }), "SHAPE", /operator\.forward/],
    ["an adjoint that returns nothing", made({ adjoint: () => undefined }), "TYPE", /operator\.adjoint/],
    [
      "NaN",
      made({ forward: () => ({ re: new Array(12).fill(Number.NaN), im: new Array(12).fill(0) }) }),
      "NOT_FINITE",
      /\[0\]/,
    ],
    [
      "an adjoint that is only the transpose",
      made({
        adjoint: ({ re, im }: ComplexVector) => {
          const { re: a, im: b } = inner.adjoint({ re, im: im.map((v) => -v) });
          return { re: a, im: b.map((v) => -v) };
        },
      }),
      "CALLBACK",
      /not the adjoint/,
    ],
  ];
  test.each(refusals)("%s is refused", async (_, operator, code, message) => {
    const error = await errorOf(() => checkOperator(operator, true));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(message);
  });
  test("its own errors are kept as cause", async () => {
    const cause = new Error("detector broke");
    const error = await errorOf(() =>
      checkOperator(
        made({
          forward() {
            throw cause;
          },
        }),
        true,
      ),
    );
    expect(error).toMatchObject({ code: "CALLBACK", cause });
  });
});
