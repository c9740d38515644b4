/** The fitted model: what it predicts, shows and stores. */
import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { VERSION } from "../../src/base/version.js";
import { rowsInBlocks } from "../../src/data/rows.js";
import { orthonormalize } from "../../src/math/grassmann.js";
import { Link } from "../../src/model/link.js";
import { MultiIndexModel, rSquared } from "../../src/model/multiIndexModel.js";

const d = 4;
const r = 2;
const rng = createRng(11, "model");
const normals = (n: number) => Float64Array.from({ length: n }, () => rng.normal());
const directions = normals(d * r);
const link = Link.fromCoefficients([0.5, 1, -2, 0.3, 0.7, -0.4], { rank: r, degree: 2 });
const parts = {
  center: Float64Array.of(1, -1, 0.5, 2),
  directions,
  basis: orthonormalize(directions, d, r).basis,
  gradientMoment: Float64Array.of(2, 0.5, 0.5, 1),
  columnScale: Float64Array.of(1, 2, 0.5, 1e3),
  columns: ["a", "b", "c", "d"],
  target: "y",
};
const model = new MultiIndexModel(parts, link);
const X = Array.from({ length: 37 }, () => Array.from(normals(d)));

/** z = directionsᵀ(x − center), written out. */
const zOf = (x: readonly number[]) =>
  Array.from({ length: r }, (_, k) =>
    x.reduce((sum, value, j) => sum + (value - parts.center[j]) * directions[j * r + k], 0),
  );

describe("predict, project, gradient", () => {
  test("predict is the link of the projection", () => {
    const predicted = model.predict(X);
    const projected = model.project(X);
    X.forEach((x, i) => {
      expect(projected.getRow(i)).toEqual(zOf(x));
      expect(predicted[i]).toBe(link.evaluate(zOf(x)));
    });
  });
  test("long inputs are cut into chunks that change no bit", () => {
    const many = Array.from({ length: 5000 }, (_, i) => X[i % X.length]);
    const long = model.predict(many);
    const short = model.predict(X);
    long.forEach((value, i) => {
      expect(value).toBe(short[i % X.length]);
    });
    expect(model.gradient(many).getRow(4999)).toEqual(model.gradient(X).getRow(4999 % X.length));
  });
  test("toFunction gives the same bits as predict", () => {
    const f = model.toFunction();
    expect(X.map(f)).toEqual(Array.from(model.predict(X)));
  });
  test("gradient passes the slope-2 check of the Taylor remainder", () => {
    const x = X[0];
    const gradient = model.gradient([x]).getRow(0);
    const step = Array.from(normals(d));
    const f = model.toFunction();
    const slope = gradient.reduce((sum, g, j) => sum + g * step[j], 0);
    const remainder = (t: number) => Math.abs(f(x.map((v, j) => v + t * step[j])) - f(x) - t * slope);
    expect(Math.log10(remainder(1e-2) / remainder(1e-3))).toBeCloseTo(2, 1);
  });
  test("every accepted form gives the same", () => {
    const reference = model.predict(X);
    expect(model.predict(new Matrix(X))).toEqual(reference);
    expect(model.predict({ data: X.flat(), rows: X.length, columns: d })).toEqual(reference);
  });
  test("no rows give nothing", () => {
    expect(model.predict([])).toEqual(new Float64Array(0));
    expect(model.predict({ data: [], rows: 0, columns: d })).toEqual(new Float64Array(0));
    expect([model.project([]).rows, model.gradient([]).rows]).toEqual([0, 0]);
  });
  test("rows that leave the range of doubles are an error, not Infinity", () => {
    expect(() =>
      model.predict([
        [1, 1, 1, 1],
        [1e200, 0, 0, 0],
      ]),
    ).toThrow(expect.objectContaining({ code: "OVERFLOW", details: { row: 1 } }));
  });
});

describe("rows that come in blocks", () => {
  const dense = { data: Float64Array.from(X.flat()), rows: X.length, columns: d };
  const law = { method: "split", count: 9, sizes: [1, 2, 3, 4, 5, 6, 7, 8, 9] } as const;
  const collect = async <T>(blocks: AsyncIterable<T>): Promise<T[]> => {
    const out: T[] = [];
    for await (const block of blocks) out.push(block);
    return out;
  };
  test("the same bits, block by block", async () => {
    const blocks = await collect(model.predict(rowsInBlocks(dense, 10)));
    expect(blocks.map((block) => block.length)).toEqual([10, 10, 10, 7]);
    expect(blocks.flatMap((block) => [...block])).toEqual([...model.predict(X)]);
  });
  test("with intervals too", async () => {
    const known = new MultiIndexModel({ ...parts, errors: law }, link);
    const whole = known.predict(X, { interval: 0.5 });
    const blocks = await collect(known.predict(rowsInBlocks(dense, 20), { interval: 0.5 }));
    expect(blocks.flatMap(({ upper }) => [...upper])).toEqual([...whole.upper]);
    expect(whole.upper[0] - whole.mean[0]).toBe(5);
  });
  test("one block is read at a time, and no more than are asked for", async () => {
    let read = 0;
    const source = {
      columns: d,
      async *[Symbol.asyncIterator]() {
        for (; read < 100; read++) yield { data: X[0], rows: 1, columns: d };
      },
    };
    for await (const block of model.predict(source)) {
      expect(block).toHaveLength(1);
      if (read === 3) break;
    }
    expect(read).toBe(3);
  });
  test("rows are counted from the first block on in messages; levels are checked at once", async () => {
    const far = { ...dense, data: dense.data.map((v, at) => (at === 23 * d + 1 ? 1e200 : v)) };
    await expect(collect(model.predict(rowsInBlocks(far, 10)))).rejects.toMatchObject({
      code: "OVERFLOW",
      details: { row: 23 },
    });
    const gap = { ...dense, data: dense.data.map((v, at) => (at === 23 * d + 1 ? Number.NaN : v)) };
    await expect(collect(model.predict(rowsInBlocks(gap, 10)))).rejects.toThrow(/X\[23\]\[1\]/);
    const narrow = { data: new Float64Array(6), rows: 2, columns: 3 };
    await expect(collect(model.predict(rowsInBlocks(narrow)))).rejects.toThrow(/X has 3 columns; the model takes 4/);
    expect(() => model.predict(rowsInBlocks(dense), { interval: 2 })).toThrow(/interval is 2/);
  });
});

describe("importance", () => {
  test("raw shares are diag(directions·moment·directionsᵀ), normalised", () => {
    const share = model.importance();
    const raw = Array.from({ length: d }, (_, j) => {
      const [u, v] = [directions[j * r], directions[j * r + 1]];
      return 2 * u * u + u * v + v * v;
    });
    const total = raw.reduce((a, b) => a + b);
    share.forEach((value, j) => {
      expect(value).toBeCloseTo(raw[j] / total, 14);
    });
    const standardized = model.importance("standardized");
    const scaled = raw.map((value, j) => value * parts.columnScale[j] ** 2);
    standardized.forEach((value, j) => {
      expect(value).toBeCloseTo(scaled[j] / scaled.reduce((a, b) => a + b), 14);
    });
  });
  test("directions of any size give shares", () => {
    for (const scale of [1e-200, 1e200]) {
      const share = new MultiIndexModel({ ...parts, directions: directions.map((w) => w * scale) }, link).importance();
      expect(share.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    }
  });
  test("a constant model uses nothing", () => {
    expect(constant.importance()).toEqual(new Float64Array(d));
  });
});

const constant = new MultiIndexModel(
  { ...parts, directions: [], basis: [], gradientMoment: [] },
  Link.fromCoefficients([3], { rank: 0, degree: 2 }),
);

test("rank 0 is the constant, also after JSON", () => {
  for (const one of [constant, MultiIndexModel.fromJSON(JSON.parse(JSON.stringify(constant)))]) {
    expect(one.predict([[1, 2, 3, 4]])).toEqual(Float64Array.of(3));
    expect([one.rank, one.directions.rows, one.directions.columns]).toEqual([0, d, 0]);
    expect(one.gradient([[1, 2, 3, 4]]).to2DArray()).toEqual([[0, 0, 0, 0]]);
  }
});

describe("score", () => {
  test("is R²", () => {
    const y = Array.from(model.predict(X), (v, i) => v + (i % 2 ? 0.1 : -0.1));
    const mean = y.reduce((a, b) => a + b) / y.length;
    const expected = 1 - (y.length * 0.01) / y.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    expect(model.score(X, y)).toBeCloseTo(expected, 12);
  });
  test("constant responses do not divide by zero, large ones do not overflow", () => {
    expect([rSquared([2, 2], [2, 2]), rSquared([1, 2], [2, 2]), rSquared([0], [0])]).toEqual([1, 0, 1]);
    expect(rSquared([1e300, -1e300], [1e300, -1e300])).toBe(1);
    expect(rSquared([0, 0], [1e300, -1e300])).toBe(0);
    // The sum of many tenths is not many times a tenth.
    const tenths = new Array(300).fill(0.1);
    expect([rSquared(tenths, tenths), rSquared(new Array(300).fill(0.2), tenths)]).toEqual([1, 0]);
  });
  test("needs rows", () => {
    expect(() => model.score([], [])).toThrow(expect.objectContaining({ code: "EMPTY" }));
  });
});

describe("immutability and storage", () => {
  test("what the model gives out are copies", () => {
    model.center.fill(9);
    model.directions.set(0, 0, 9);
    model.basis.set(0, 0, 9);
    (model.link as Link).coefficients.fill(9);
    expect(model.center).toEqual(parts.center);
    expect(model.directions.to1DArray()).toEqual(Array.from(directions));
    expect(() => {
      (model.data.center as number[])[0] = 9;
    }).toThrow(TypeError);
    expect(() => {
      (model.data.directions[0] as number[])[0] = 9;
    }).toThrow(TypeError);
  });
  test("what it took in was copied", () => {
    const center = parts.center.slice();
    const one = new MultiIndexModel({ ...parts, center }, link);
    center.fill(9);
    expect(one.center).toEqual(parts.center);
  });
  test("JSON, a clone of the data and a clone of the model predict the same bits", () => {
    const reference = model.predict(X);
    for (const data of [JSON.parse(JSON.stringify(model)), structuredClone(model.toJSON()), structuredClone(model)]) {
      const back = MultiIndexModel.fromJSON(data);
      expect(back.predict(X)).toEqual(reference);
      expect(back.toJSON()).toEqual(model.toJSON());
    }
  });
  test("the stored form is self-describing", () => {
    expect(model.toJSON()).toMatchObject({
      format: "leapflow-model",
      version: 1,
      release: VERSION,
      dim: d,
      rank: r,
      degree: 2,
      columns: ["a", "b", "c", "d"],
      target: "y",
    });
    expect([model.dim, model.rank, model.degree, model.columns, model.target]).toEqual([d, r, 2, parts.columns, "y"]);
  });
});
