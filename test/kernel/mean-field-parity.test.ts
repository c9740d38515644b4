/** The mean-field operations: same bits on both kernels, and the values of slow formulas written another way. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_ROWS as B } from "../../src/kernel/ops.js";
import { parseLoss } from "../../src/single/losses.js";
import { expectClose, expectSame, numbers, onBoth } from "./harness.js";

const SEED = 20240918;
const RUNS = 25;
const shape = fc.record({ seed: fc.integer({ min: 0, max: 2 ** 31 }), t: fc.integer({ min: 0, max: 24 }) });
const parameter = fc.constantFrom(0, 0.03, 1, 40);

/** R(j, s)/δ by columns: row s holds j = 0…stride − 1, zero unless j > s. */
function kernelOf(random: ReturnType<typeof numbers>, t: number): { r: Float64Array; stride: number } {
  const stride = t + 2;
  const r = new Float64Array((t + 1) * stride);
  for (let s = 0; s <= t; s++) for (let j = s + 1; j <= t; j++) r[s * stride + j] = 0.3 * random.value();
  return { r, stride };
}

describe("losses along paths", () => {
  it("pathGradients: the loss module's l, l′, l″", () => {
    const property = fc.property(shape, parameter, ({ seed }, c) => {
      const random = numbers(seed);
      const y = random.array(B).map((v) => v * v);
      const { arrays: a, result } = onBoth(
        { u: random.array(B), shift: random.array(B), y, g: random.array(B), a: random.array(B) },
        ["g", "a"],
        (ops, at) => ops.pathGradients(at.u, at.shift, at.y, c, at.g, at.a),
      );
      const loss = parseLoss(c > 0 ? `rational(${c})` : "wf");
      let total = 0;
      for (let i = 0; i < B; i++) {
        const xi = a.u[i] + a.shift[i];
        expectSame(a.g[i], loss.derivative(xi, y[i]), `l′ of path ${i}`);
        expectClose(a.a[i], loss.secondDerivative(xi, y[i]), 3 * xi * xi + y[i] + 1, `l″ of path ${i}`);
        total += loss.value(xi, y[i]);
      }
      expectClose(result as number, total, total, "Σ l");
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
  });

  it("pathGradients: padding is exact zeros; infinities and NaN do not become numbers", () => {
    for (const c of [0, 1]) {
      const u = new Float64Array(B);
      const call = () =>
        onBoth(
          { u, shift: new Float64Array(B), y: new Float64Array(B), g: numbers(1).array(B), a: numbers(2).array(B) },
          ["g", "a"],
          (ops, at) => ops.pathGradients(at.u, at.shift, at.y, c, at.g, at.a),
        );
      const { arrays, result } = call();
      expect(result).toBe(0);
      expect([...arrays.g, ...arrays.a].every((v) => v === 0)).toBe(true);
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 1e200]) {
        u[5] = bad;
        expect(Number.isFinite(call().result)).toBe(false);
      }
    }
  });

  it("complexPathGradients: gradient, its two derivatives by differences, twice the real loss", () => {
    const property = fc.property(shape, parameter, ({ seed }, c) => {
      const random = numbers(seed);
      const y = random.array(B).map((v) => v * v);
      const given = { u: random.array(2 * B), shift: random.array(2 * B), y };
      const run = (u: Float64Array) =>
        onBoth(
          { ...given, u, g: new Float64Array(5 * B), f1: random.array(B), re: random.array(B), im: random.array(B) },
          ["g", "f1", "re", "im"],
          (ops, at) => ops.complexPathGradients(at.u, at.shift, at.y, c, at.g, 8 * 3 * B, at.f1, at.re, at.im),
        );
      const { arrays: a, result } = run(given.u);
      const loss = parseLoss(c > 0 ? `rational(${c})` : "wf");
      let total = 0;
      for (let i = 0; i < B; i++) {
        const size = Math.hypot(a.u[i] + a.shift[i], a.u[B + i] + a.shift[B + i]);
        total += 2 * loss.value(size, y[i]);
        expectClose(Math.hypot(a.g[i], a.g[3 * B + i]), Math.abs(loss.derivative(size, y[i])), size ** 3 + 1, "|g|");
      }
      expectClose(result as number, total, total, "Σ l");
      const h = 1e-5;
      const [plus, minus] = [h, -h].map((step) => run(given.u.map((v, i) => (i < B ? v + step : v))).arrays.g);
      for (let i = 0; i < B; i++) {
        // Along the real axis dξ = conj(dξ) = 1: ∂g = f1 + f2.
        expect((plus[i] - minus[i]) / (2 * h)).toBeCloseTo(a.f1[i] + a.re[i], 4);
        expect((plus[3 * B + i] - minus[3 * B + i]) / (2 * h)).toBeCloseTo(a.im[i], 4);
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 8 });
  });
});

describe("responses", () => {
  it("pathResponses: the same as propagating forward in time", () => {
    const property = fc.property(shape, ({ seed, t }) => {
      const random = numbers(seed);
      const { r, stride } = kernelOf(random, t);
      const still = random.array(t + 1);
      const { arrays: x } = onBoth(
        {
          a: random.array((t + 1) * B),
          r,
          still,
          slope: random.array(B),
          tail: random.array(B),
          scratch: random.array(16 * (t + 2)),
          sums: random.array(t + 1),
        },
        ["scratch", "sums"],
        (ops, at) =>
          ops.pathResponses(at.a, t, at.r, stride, at.still, at.slope, at.tail, at.scratch, at.sums) as undefined,
      );
      const before = numbers(seed);
      kernelOf(before, t);
      before.array(t + 1);
      before.array((t + 1) * B + 2 * B + 16 * (t + 2));
      const sums = before.array(t + 1);
      const scale = new Float64Array(t + 1);
      for (let i = 0; i < B; i++) {
        for (let s = 0; s <= t; s++) {
          // D^j_s and its absolute size, forwards.
          const d = new Float64Array(t + 1);
          const size = new Float64Array(t + 1);
          for (let j = s; j <= t; j++) {
            d[j] = s === 0 ? (j === 0 ? x.slope[i] : still[j] * x.tail[i]) : j === s ? 1 : 0;
            size[j] = Math.abs(d[j]);
            for (let k = s; k < j; k++) {
              d[j] += r[k * stride + j] * x.a[k * B + i] * d[k];
              size[j] += Math.abs(r[k * stride + j] * x.a[k * B + i]) * size[k];
            }
          }
          sums[s] += x.a[t * B + i] * d[t];
          scale[s] += Math.abs(x.a[t * B + i]) * size[t];
        }
      }
      for (let s = 0; s <= t; s++) expectClose(x.sums[s], sums[s], scale[s] + 100, `response of ${t} to ${s}`);
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
  });

  it("complexPathResponses: the same as propagating dξ and its conjugate forward", () => {
    const property = fc.property(shape, ({ seed, t }) => {
      const random = numbers(seed);
      const { r, stride } = kernelOf(random, t);
      const still = random.array(t + 1);
      const { arrays: x } = onBoth(
        {
          f1: random.array((t + 1) * B),
          re: random.array((t + 1) * B),
          im: random.array((t + 1) * B),
          r,
          still,
          slope: random.array(B),
          tail: random.array(B),
          scratch: random.array(16 * (t + 2)),
          sums: new Float64Array(t + 1),
        },
        ["scratch", "sums"],
        (ops, at) =>
          ops.complexPathResponses(
            at.f1,
            at.re,
            at.im,
            t,
            at.r,
            stride,
            at.still,
            at.slope,
            at.tail,
            at.scratch,
            at.sums,
          ) as undefined,
      );
      for (let s = 0; s <= t; s++) {
        let [sum, scale] = [0, 0];
        for (let i = 0; i < B; i++) {
          // Two real directions dξ = 1 and dξ = i; the holomorphic part of ∂g is (g(1) − i·g(i))/2.
          for (const [dx, dy] of [
            [1, 0],
            [0, 1],
          ]) {
            const d = Array.from({ length: t + 1 }, () => [0, 0]);
            const g = Array.from({ length: t + 1 }, () => [0, 0]);
            const size = new Float64Array(t + 1);
            for (let j = s; j <= t; j++) {
              const direct = s === 0 ? (j === 0 ? x.slope[i] : still[j] * x.tail[i]) : j === s ? 1 : 0;
              d[j] = [direct * dx, direct * dy];
              size[j] = Math.abs(direct);
              for (let k = s; k < j; k++) {
                d[j][0] += r[k * stride + j] * g[k][0];
                d[j][1] += r[k * stride + j] * g[k][1];
                size[j] += Math.abs(r[k * stride + j]) * size[k];
              }
              const [f1, re, im] = [x.f1[j * B + i], x.re[j * B + i], x.im[j * B + i]];
              g[j] = [f1 * d[j][0] + re * d[j][0] + im * d[j][1], f1 * d[j][1] + im * d[j][0] - re * d[j][1]];
              size[j] *= Math.abs(f1) + Math.abs(re) + Math.abs(im);
            }
            sum += 0.5 * (dx === 1 ? g[t][0] : g[t][1]);
            scale += size[t];
          }
        }
        expectClose(x.sums[s], sum, scale, `response of ${t} to ${s}`);
      }
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
  });
});
