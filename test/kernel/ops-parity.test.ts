/** Both kernels give the same bits, stay inside their arrays, and agree with brute force. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_ROWS as B } from "../../src/kernel/ops.js";
import { expectClose, expectSame, numbers, onBoth } from "./harness.js";

const SEED = 20240917;
const seed = fc.integer({ min: 0, max: 2 ** 31 });
const rank = fc.integer({ min: 1, max: 8 });
const columns = fc.integer({ min: 1, max: 200 });
const length = fc.integer({ min: 0, max: 130 });

function forAll<T extends Record<string, number>>(
  shape: { [name in keyof T]: fc.Arbitrary<number> },
  check: (shape: T & { seed: number }) => void,
  numRuns = 40,
): void {
  const all = fc.record({ ...shape, seed }) as unknown as fc.Arbitrary<T & { seed: number }>;
  fc.assert(fc.property(all, check), { seed: SEED, numRuns });
}

/** Sum of terms with the sum of their absolute values. */
function total(count: number, term: (i: number) => number): [number, number] {
  let [sum, size] = [0, 0];
  for (let i = 0; i < count; i++) {
    sum += term(i);
    size += Math.abs(term(i));
  }
  return [sum, size];
}

/** A block of x: `stride` is `columns` rounded up to even, the padding is 0. */
function block(columns: number, random: ReturnType<typeof numbers>): { x: Float64Array; stride: number } {
  const stride = columns + (columns & 1);
  const x = random.array(B * stride);
  if (stride > columns) for (let i = 0; i < B; i++) x[i * stride + columns] = 0;
  return { x, stride };
}

const paired = (j: number, k: number, r: number): number => (j >> 1) * 2 * r + 2 * k + (j & 1);
const packed = (i: number, j: number): number => (j * (j + 1)) / 2 + i;

describe("statistics of the rows", () => {
  it("standardize", () => {
    forAll<{ d: number; rows: number }>({ d: columns, rows: fc.integer({ min: 0, max: B }) }, ({ d, rows, seed }) => {
      const random = numbers(seed);
      const stride = d + (d & 1);
      const { arrays: a } = onBoth(
        {
          src: random.array(rows * d),
          dst: random.array(B * stride),
          center: random.array(d),
          inverseScale: random.array(d),
        },
        ["dst"],
        (ops, at) => ops.standardize(at.src, at.dst, rows, d, stride, at.center, at.inverseScale) as undefined,
      );
      for (let i = 0; i < B; i++) {
        for (let j = 0; j < stride; j++) {
          const inside = i < rows && j < d;
          const expected = inside ? (a.src[i * d + j] - a.center[j]) * a.inverseScale[j] : 0;
          expectSame(a.dst[i * stride + j], expected, `row ${i}, column ${j}`);
        }
      }
    });
  });

  it.each(["columnSums", "columnSquares"] as const)("%s", (name) => {
    forAll<{ d: number }>({ d: columns }, ({ d, seed }) => {
      const random = numbers(seed);
      const { x, stride } = block(d, random);
      const sums = random.array(stride);
      const { arrays: a } = onBoth(
        { x, weights: random.array(B), sums },
        ["sums"],
        (ops, at) => ops[name](at.x, stride, at.weights, at.sums) as undefined,
      );
      for (let j = 0; j < stride; j++) {
        const power = name === "columnSums" ? 1 : 2;
        const [sum, size] = total(B, (i) => a.weights[i] * x[i * stride + j] ** power);
        expectClose(a.sums[j], sums[j] + sum, Math.abs(sums[j]) + size, `${name}[${j}]`);
      }
    });
  });

  it("secondMoment", () => {
    forAll<{ d: number }>({ d: fc.integer({ min: 1, max: 70 }) }, ({ d, seed }) => {
      const random = numbers(seed);
      const { x, stride } = block(d, random);
      const out = random.array(stride * stride);
      const { arrays: a } = onBoth(
        { x, weights: random.array(B), scratch: random.array(B * stride), out },
        ["scratch", "out"],
        (ops, at) => ops.secondMoment(at.x, stride, at.weights, at.scratch, at.out) as undefined,
        (name, index) => name === "out" && index % stride >= Math.floor(index / stride),
      );
      for (let p = 0; p < stride; p += 3) {
        for (let q = p; q < stride; q++) {
          const at = p * stride + q;
          const [sum, size] = total(B, (i) => a.weights[i] * x[i * stride + p] * x[i * stride + q]);
          expectClose(a.out[at], out[at] + sum, Math.abs(out[at]) + size, `second moment (${p}, ${q})`);
        }
      }
    });
  });
});

describe("products with X", () => {
  it("project", () => {
    forAll<{ d: number; r: number }>({ d: columns, r: rank }, ({ d, r, seed }) => {
      const random = numbers(seed);
      const { x, stride } = block(d, random);
      const { arrays: a } = onBoth(
        { x, w: random.array(stride * r), z: random.array(B * r) },
        ["z"],
        (ops, at) => ops.project(at.x, stride, r, at.w, at.z) as undefined,
      );
      for (let k = 0; k < r; k++) {
        for (let i = 0; i < B; i++) {
          const [sum, size] = total(stride, (j) => x[i * stride + j] * a.w[paired(j, k, r)]);
          expectClose(a.z[k * B + i], sum, size, `z[${k}][${i}]`);
        }
      }
    });
  });

  it("accumulateTransposed", () => {
    forAll<{ d: number; r: number }>({ d: columns, r: rank }, ({ d, r, seed }) => {
      const random = numbers(seed);
      const { x, stride } = block(d, random);
      const out = random.array(stride * r);
      const { arrays: a } = onBoth(
        { x, c: random.array(B * r), out },
        ["out"],
        (ops, at) => ops.accumulateTransposed(at.x, stride, r, at.c, at.out) as undefined,
      );
      for (let j = 0; j < stride; j++) {
        for (let k = 0; k < r; k++) {
          const at = paired(j, k, r);
          const [sum, size] = total(B, (i) => x[i * stride + j] * a.c[k * B + i]);
          expectClose(a.out[at], out[at] + sum, Math.abs(out[at]) + size, `out(${j}, ${k})`);
        }
      }
    });
  });

  it("combine", () => {
    forAll<{ r: number }>({ r: rank }, ({ r, seed }) => {
      const random = numbers(seed);
      const t = random.value();
      const { arrays: a } = onBoth(
        { z: random.array(B * r), zd: random.array(B * r), m: random.array(r * r), out: random.array(B * r) },
        ["out"],
        (ops, at) => ops.combine(at.z, at.zd, r, t, at.m, at.out) as undefined,
      );
      for (let k = 0; k < r; k++) {
        for (let i = 0; i < B; i++) {
          const [sum, size] = total(r, (l) => (a.z[l * B + i] + t * a.zd[l * B + i]) * a.m[l * r + k]);
          expectClose(a.out[k * B + i], sum, 4 * size + 1e-15, `combined[${k}][${i}]`);
        }
      }
    });
  });
});

/** Pairs (parent, row) of a random tree of products: enough to exercise every address. */
function randomTable(p: number, rows: number, random: ReturnType<typeof numbers>): Int32Array {
  const table = new Int32Array(2 * p).fill(-12345);
  for (let j = 1; j < p; j++) {
    table[2 * j] = Math.floor(random.uniform() * j);
    table[2 * j + 1] = Math.floor(random.uniform() * rows);
  }
  return table;
}

describe("products in single precision", () => {
  const shape = { r: rank, d: columns };
  /** A block of floats, two to a double; `stride` is a multiple of four, the padding is 0. */
  const singles = (d: number, random: ReturnType<typeof numbers>) => {
    const stride = Math.ceil(d / 4) * 4;
    const x = Float32Array.from(random.array(B * stride));
    for (let i = 0; i < B; i++) x.fill(0, i * stride + d, (i + 1) * stride);
    return { stride, x, words: new Float64Array(x.buffer) };
  };

  it("projectSingle", () => {
    forAll<{ r: number; d: number }>(shape, ({ r, d, seed }) => {
      const random = numbers(seed);
      const { stride, x, words } = singles(d, random);
      const w = Float32Array.from(random.array(stride * r));
      const { arrays: a } = onBoth(
        { x: words, w: new Float64Array(w.buffer), z: random.array(B * r) },
        ["z"],
        (ops, at) => ops.projectSingle(at.x, stride, r, at.w, at.z) as undefined,
      );
      for (let i = 0; i < B; i++) {
        for (let k = 0; k < r; k++) {
          const [sum, size] = total(d, (j) => x[i * stride + j] * w[(j >> 2) * 4 * r + 4 * k + (j & 3)]);
          expectNear(a.z[k * B + i], sum, 1e-6 * size);
        }
      }
    });
  });

  it("transposeSingle", () => {
    forAll<{ r: number; d: number }>(shape, ({ r, d, seed }) => {
      const random = numbers(seed);
      const { stride, x, words } = singles(d, random);
      const out = random.array(stride * r);
      const { arrays: a } = onBoth(
        { x: words, c: random.array(B * r), out },
        ["out"],
        (ops, at) => ops.transposeSingle(at.x, stride, r, at.c, at.out) as undefined,
      );
      for (let j = 0; j < stride; j++) {
        for (let k = 0; k < r; k++) {
          const [sum, size] = total(B, (i) => x[i * stride + j] * a.c[k * B + i]);
          expectNear(a.out[paired(j, k, r)], out[paired(j, k, r)] + sum, 1e-6 * (size + 1e-9));
        }
      }
    });
  });

  function expectNear(got: number, expected: number, allowed: number): void {
    expect(Math.abs(got - expected)).toBeLessThanOrEqual(allowed);
  }
});

describe("hermite", () => {
  it("is the scale times the values of features, for every degree", () => {
    forAll<{ degree: number }>(
      { degree: fc.integer({ min: 0, max: 100 }) },
      ({ degree, seed }) => {
        const random = numbers(seed);
        const z = Float64Array.from({ length: B }, (_, i) => (i - 48) / 24);
        const scale = random.array(B);
        const { arrays: a } = onBoth(
          { z, scale, h: random.array((degree + 1) * B) },
          ["h"],
          (ops, at) => ops.hermite(at.z, at.scale, degree, at.h) as undefined,
        );
        const { arrays: b } = onBoth(
          { z, scale, table: new Int32Array(2), h: random.array((degree + 1) * B), phi: random.array(B) },
          ["h", "phi"],
          (ops, at) => ops.features(at.z, 1, degree, at.scale, at.table, 1, at.h, at.phi) as undefined,
        );
        for (let m = 0; m <= degree; m++) {
          // Rounding of the recurrence grows with its largest value so far, not with the present one.
          for (let i = 0; i < B; i++) {
            const size = Math.max(...Array.from({ length: m + 1 }, (_, k) => Math.abs(b.h[k * B + i])));
            expectClose(a.h[m * B + i], scale[i] * b.h[m * B + i], (1 + m) * size * (1 + Math.abs(scale[i])), `h_${m}`);
          }
        }
      },
      15,
    );
  });
});

describe("features", () => {
  const degree = fc.integer({ min: 0, max: 8 });
  it("values, parents and scale", () => {
    forAll<{ r: number; degree: number; p: number }>(
      { r: rank, degree, p: fc.integer({ min: 1, max: 300 }) },
      ({ r, degree, p, seed }) => {
        const random = numbers(seed);
        const rows = r * (degree + 1);
        const table = randomTable(p, rows, random);
        const { arrays: a } = onBoth(
          {
            z: random.array(r * B),
            scale: random.array(B),
            table,
            h: random.array(rows * B),
            phi: random.array(p * B),
          },
          ["h", "phi"],
          (ops, at) => ops.features(at.z, r, degree, at.scale, at.table, p, at.h, at.phi) as undefined,
        );
        for (let j = 1; j < p; j++) {
          for (let i = 0; i < B; i++) {
            const product = a.phi[table[2 * j] * B + i] * a.h[table[2 * j + 1] * B + i];
            expectSame(a.phi[j * B + i], product, `phi[${j}][${i}]`);
          }
        }
        expect(a.phi.slice(0, B)).toEqual(a.scale);
      },
    );
  });

  it("Hermite values are those of explicit polynomials", () => {
    // He_m/√m! written out, so that the recurrence is not its own judge
    const explicit: ((z: number) => number)[] = [
      () => 1,
      (z) => z,
      (z) => (z ** 2 - 1) / Math.sqrt(2),
      (z) => (z ** 3 - 3 * z) / Math.sqrt(6),
      (z) => (z ** 4 - 6 * z ** 2 + 3) / Math.sqrt(24),
      (z) => (z ** 5 - 10 * z ** 3 + 15 * z) / Math.sqrt(120),
      (z) => (z ** 6 - 15 * z ** 4 + 45 * z ** 2 - 15) / Math.sqrt(720),
    ];
    const z = Float64Array.from({ length: B }, (_, i) => (i - 48) / 8);
    const { arrays: a } = onBoth(
      {
        z,
        scale: new Float64Array(B).fill(1),
        table: new Int32Array(2),
        h: new Float64Array(7 * B),
        phi: new Float64Array(B),
      },
      ["h", "phi"],
      (ops, at) => ops.features(at.z, 1, 6, at.scale, at.table, 1, at.h, at.phi) as undefined,
    );
    explicit.forEach((value, m) => {
      for (let i = 0; i < B; i++) {
        expectClose(a.h[m * B + i], value(z[i]), 1 + Math.abs(z[i]) ** m, `h_${m}(${z[i]})`);
      }
    });
  });
});

describe("sums over features", () => {
  it.each([
    [1, 24],
    [25, 130],
    [131, 420],
  ])("accumulateGram, %i to %i features", (min, max) => {
    forAll<{ p: number }>(
      { p: fc.integer({ min, max }) },
      ({ p, seed }) => {
        const random = numbers(seed);
        const gram = random.array((p * (p + 1)) / 2);
        const { arrays: a } = onBoth(
          { phi: random.array(p * B), gram },
          ["gram"],
          (ops, at) => ops.accumulateGram(at.phi, p, at.gram) as undefined,
        );
        const stride = p < 40 ? 1 : 7;
        for (let j = 0; j < p; j += stride) {
          for (let i = 0; i <= j; i++) {
            const at = packed(i, j);
            const [sum, size] = total(B, (k) => a.phi[i * B + k] * a.phi[j * B + k]);
            expectClose(a.gram[at], gram[at] + sum, Math.abs(gram[at]) + size, `gram(${i}, ${j})`);
          }
        }
      },
      max > 130 ? 5 : 30,
    );
  });

  it("accumulateMoment", () => {
    forAll<{ p: number }>({ p: fc.integer({ min: 1, max: 60 }) }, ({ p, seed }) => {
      const random = numbers(seed);
      const moment = random.array(p);
      const { arrays: a } = onBoth(
        { phi: random.array(p * B), y: random.array(B), moment },
        ["moment"],
        (ops, at) => ops.accumulateMoment(at.phi, p, at.y, at.moment) as undefined,
      );
      for (let j = 0; j < p; j++) {
        const [sum, size] = total(B, (i) => a.phi[j * B + i] * a.y[i]);
        expectClose(a.moment[j], moment[j] + sum, Math.abs(moment[j]) + size, `moment[${j}]`);
      }
    });
  });

  it("fields", () => {
    forAll<{ p: number; r: number; cut: number }>(
      { p: fc.integer({ min: 1, max: 90 }), r: fc.integer({ min: 0, max: 8 }), cut: fc.integer({ min: 0, max: 90 }) },
      ({ p, r, cut, seed }) => {
        const random = numbers(seed);
        const prefix = Math.min(p, cut);
        const { arrays: a } = onBoth(
          {
            phi: random.array(p * B),
            c: random.array(p),
            ck: random.array(prefix * r),
            out: random.array((1 + r) * B),
          },
          ["out"],
          (ops, at) => ops.fields(at.phi, p, at.c, prefix, r, at.ck, at.out) as undefined,
        );
        for (let i = 0; i < B; i++) {
          const [f, size] = total(p, (j) => a.c[j] * a.phi[j * B + i]);
          expectClose(a.out[i], f, size, `f[${i}]`);
          for (let k = 0; k < r; k++) {
            const [g, scale] = total(prefix, (j) => a.ck[j * r + k] * a.phi[j * B + i]);
            expectClose(a.out[(1 + k) * B + i], g, scale, `field ${k} at ${i}`);
          }
        }
      },
    );
  });

  it("residualProducts", () => {
    forAll<{ r: number }>({ r: fc.integer({ min: 0, max: 8 }) }, ({ r, seed }) => {
      const random = numbers(seed);
      const given = random.array((r * (r + 1)) / 2);
      const { arrays: a, result } = onBoth(
        {
          y: random.array(B),
          fields: random.array((r + 1) * B),
          out: random.array(B),
          gram: given,
          scaled: random.array(r * B),
        },
        ["out", "gram", "scaled"],
        (ops, at) => ops.residualProducts(at.y, at.fields, r, at.out, at.gram, at.scaled),
      );
      for (let i = 0; i < B; i++) expect(a.out[i]).toBe(a.y[i] - a.fields[i]);
      const [sum] = total(B, (i) => a.out[i] ** 2);
      expectClose(result!, sum, sum, "sum of squares");
      const g = a.fields.subarray(B);
      for (let i = 0; i < r * B; i++) expect(a.scaled[i]).toBe(a.out[i % B] * g[i]);
      for (let l = 0; l < r; l++) {
        for (let k = 0; k <= l; k++) {
          const [value, size] = total(B, (i) => g[k * B + i] * g[l * B + i]);
          const at = packed(k, l);
          expectClose(a.gram[at], given[at] + value, Math.abs(given[at]) + size, `gram(${k}, ${l})`);
        }
      }
    });
  });

  it("residual, scaleFields, contractFields", () => {
    forAll<{ r: number }>({ r: rank }, ({ r, seed }) => {
      const random = numbers(seed);
      const one = onBoth({ y: random.array(B), f: random.array(B), out: random.array(B) }, ["out"], (ops, at) =>
        ops.residual(at.y, at.f, at.out),
      );
      for (let i = 0; i < B; i++) expect(one.arrays.out[i]).toBe(one.arrays.y[i] - one.arrays.f[i]);
      const [sum] = total(B, (i) => one.arrays.out[i] ** 2);
      expectClose(one.result!, sum, sum, "sum of squares");
      const two = onBoth(
        { v: random.array(B), g: random.array(r * B), out: random.array(r * B) },
        ["out"],
        (ops, at) => ops.scaleFields(at.v, at.g, r, at.out) as undefined,
      ).arrays;
      for (let i = 0; i < r * B; i++) expect(two.out[i]).toBe(two.v[i % B] * two.g[i]);
      const three = onBoth(
        { a: random.array(r * B), b: random.array(r * B), out: random.array(B) },
        ["out"],
        (ops, at) => ops.contractFields(at.a, at.b, r, at.out) as undefined,
      ).arrays;
      for (let i = 0; i < B; i++) {
        const [value, size] = total(r, (k) => three.a[k * B + i] * three.b[k * B + i]);
        expectClose(three.out[i], value, size, `contraction[${i}]`);
      }
    });
  });
});

describe("vectors", () => {
  it("dot and axpy, every length", () => {
    forAll<{ n: number }>({ n: length }, ({ n, seed }) => {
      const random = numbers(seed);
      const y = random.array(n);
      const { arrays: a, result } = onBoth({ a: random.array(n), b: random.array(n) }, [], (ops, at) =>
        ops.dot(at.a, at.b, n),
      );
      const [sum, size] = total(n, (i) => a.a[i] * a.b[i]);
      expectClose(result!, sum, size, "dot");
      const alpha = random.value();
      const added = onBoth(
        { x: random.array(n), y },
        ["y"],
        (ops, at) => ops.axpy(alpha, at.x, at.y, n) as undefined,
      ).arrays;
      for (let i = 0; i < n; i++) expect(added.y[i]).toBe(y[i] + alpha * added.x[i]);
    });
  });

  it("sums of nothing are +0", () => {
    expect(
      onBoth({ a: new Float64Array(0), b: new Float64Array(0) }, [], (ops, at) => ops.dot(at.a, at.b, 0)).result,
    ).toBe(0);
  });
});
