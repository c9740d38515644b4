/** Two-dimensional transforms against the sum that defines them, of powers of two and other sizes. */
import { describe, expect, it } from "vitest";
import { Fourier2d } from "../../src/math/fourier.js";
import { generator } from "../support/problems.js";

const EPSILON = 2 ** -52;

interface Field {
  re: Float64Array;
  im: Float64Array;
}

function random(size: number, seed: number): Field {
  const { normal } = generator(seed);
  return { re: Float64Array.from({ length: size }, normal), im: Float64Array.from({ length: size }, normal) };
}

/** The defining double sum. */
function byDefinition({ re, im }: Field, rows: number, columns: number): Field {
  const out = { re: new Float64Array(re.length), im: new Float64Array(im.length) };
  for (let k = 0; k < rows; k++) {
    for (let l = 0; l < columns; l++) {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const turn = ((i * k) % rows) / rows + ((j * l) % columns) / columns;
          const [c, s] = [Math.cos(2 * Math.PI * turn), -Math.sin(2 * Math.PI * turn)];
          const at = i * columns + j;
          out.re[k * columns + l] += re[at] * c - im[at] * s;
          out.im[k * columns + l] += re[at] * s + im[at] * c;
        }
      }
    }
  }
  return out;
}

const norm = ({ re, im }: Field): number => Math.hypot(...re, ...im);
const gap = (a: Field, b: Field): number =>
  norm({ re: a.re.map((v, i) => v - b.re[i]), im: a.im.map((v, i) => v - b.im[i]) }) / norm(b);
const copy = ({ re, im }: Field): Field => ({ re: re.slice(), im: im.slice() });

const SIZES = [
  [1, 1],
  [1, 2],
  [2, 1],
  [2, 2],
  [1, 3],
  [3, 1],
  [3, 3],
  [4, 8],
  [8, 4],
  [5, 7],
  [6, 16],
  [16, 6],
  [9, 9],
  [1, 37],
  [12, 15],
] as const;

describe.each(SIZES)("Fourier2d of %i×%i", (rows, columns) => {
  const size = rows * columns;
  const x = random(size, rows * 100 + columns);

  it("is its defining sum, to rounding", () => {
    const got = copy(x);
    new Fourier2d(rows, columns).forward(got.re, got.im);
    expect(gap(got, byDefinition(x, rows, columns)) / (EPSILON * (1 + Math.log2(size)))).toBeLessThan(30);
  });

  it("its adjoint undoes it up to the number of points, and ⟨Fx, y⟩ = ⟨x, Fᴴy⟩", () => {
    const transform = new Fourier2d(rows, columns);
    const back = copy(x);
    transform.forward(back.re, back.im);
    const image = copy(back);
    transform.adjoint(back.re, back.im);
    expect(gap({ re: back.re.map((v) => v / size), im: back.im.map((v) => v / size) }, x)).toBeLessThan(1e-14);
    const y = random(size, 7);
    const inner = (a: Field, b: Field): [number, number] => {
      let [re, im] = [0, 0];
      for (let i = 0; i < size; i++) {
        re += a.re[i] * b.re[i] + a.im[i] * b.im[i];
        im += a.re[i] * b.im[i] - a.im[i] * b.re[i];
      }
      return [re, im];
    };
    const pulled = copy(y);
    transform.adjoint(pulled.re, pulled.im);
    const [left, right] = [inner(image, y), inner(x, pulled)];
    for (const part of [0, 1]) expect(Math.abs(left[part] - right[part])).toBeLessThan(1e-12 * norm(image) * norm(y));
  });

  it("an object serves many transforms with the same bits", () => {
    const transform = new Fourier2d(rows, columns);
    const [first, second] = [copy(x), copy(x)];
    transform.forward(first.re, first.im);
    const other = random(size, 8);
    transform.forward(other.re, other.im);
    transform.forward(second.re, second.im);
    expect(second).toEqual(first);
  });
});

it("a point becomes a wave, a constant a point", () => {
  const transform = new Fourier2d(4, 6);
  const point = { re: new Float64Array(24), im: new Float64Array(24) };
  point.re[0] = 2;
  transform.forward(point.re, point.im);
  expect([...point.re].every((v) => Math.abs(v - 2) < 1e-14)).toBe(true);
  const constant = { re: new Float64Array(24).fill(1), im: new Float64Array(24) };
  transform.forward(constant.re, constant.im);
  expect(constant.re[0]).toBeCloseTo(24, 12);
  expect(Math.hypot(...constant.re.subarray(1), ...constant.im)).toBeLessThan(1e-13);
  expect([transform.rows, transform.columns]).toEqual([4, 6]);
});
