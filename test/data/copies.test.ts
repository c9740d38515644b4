/** Copies of rows: told from rows that were observed more than once, and counted as weights. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { createRng } from "../../src/base/rng.js";
import { countedOnce } from "../../src/data/copies.js";

const control = new RunControl();
const rng = createRng(5, "copies");
const n = 40;
const data = Float64Array.from({ length: 3 * n }, () => rng.normal());
const y = Float64Array.from({ length: n }, () => rng.normal());

/** The rows of the table in the order given. */
function drawn(order: readonly number[]) {
  const rows = {
    data: Float64Array.from(order.flatMap((i) => [...data.subarray(3 * i, 3 * i + 3)])),
    rows: order.length,
  };
  return { rows: { ...rows, columns: 3 }, y: Float64Array.from(order, (i) => y[i]) };
}
const once = Array.from({ length: n }, (_, i) => i);

describe("countedOnce", () => {
  it("a table written twice weighs what it weighs written once", async () => {
    const twice = drawn([...once, ...once]);
    const counted = await countedOnce(twice.rows, twice.y, control);
    expect(Array.from(counted?.weights ?? [])).toEqual([...once.map(() => 1), ...once.map(() => 0)]);
    expect(Array.from(counted?.first ?? [])).toEqual([...once, ...once]);
  });

  it("a few copies, weights of the caller's, 0 and −0", async () => {
    const { rows, y: response } = drawn([0, 1, 2, 1, 3, 1, 4]);
    rows.data[0] = 0;
    const weights = Float64Array.of(1, 2, 1, 2, 1, 0, 3);
    // Five distinct rows of the six that have a weight; the last copy has none.
    expect(Array.from((await countedOnce(rows, response, control, weights))?.weights ?? [])).toEqual(
      [1, 4, 1, 0, 1, 0, 3].map((w) => w * (5 / 6)),
    );
    const zeros = drawn([0, 1, 2, 0]);
    zeros.rows.data[0] = 0;
    zeros.rows.data[9] = -0;
    expect(Array.from((await countedOnce(zeros.rows, zeros.y, control))?.first ?? [])).toEqual([0, 1, 2, 0]);
  });

  it("nothing where all rows differ, or equal inputs have different responses", async () => {
    const all = drawn(once);
    expect(await countedOnce(all.rows, all.y, control)).toBeUndefined();
    const again = drawn([...once, ...once]);
    again.y[n + 3] += 0.5;
    expect(await countedOnce(again.rows, again.y, control)).toBeUndefined();
  });

  it("many rows, most of them once; an abort ends the count", async () => {
    const m = 30_000;
    const rows = { data: Float64Array.from({ length: 10 * m }, () => rng.normal()), rows: m, columns: 10 };
    const response = Float64Array.from({ length: m }, () => rng.normal());
    for (const [to, from] of [
      [m - 1, 0],
      [17_000, 16_999],
      [20_000, 3],
    ]) {
      rows.data.copyWithin(10 * to, 10 * from, 10 * from + 10);
      response[to] = response[from];
    }
    const { first, weights } = (await countedOnce(rows, response, control)) ?? {};
    expect([first?.[m - 1], first?.[17_000], first?.[20_000]]).toEqual([0, 16_999, 3]);
    expect(weights?.filter((w) => w === 0)).toHaveLength(3);
    const signal = AbortSignal.abort("enough");
    await expect(countedOnce(rows, response, new RunControl({ signal }))).rejects.toBe("enough");
  });

  it("nothing where all columns have few values: those rows agree by chance", async () => {
    const levels = Float64Array.from({ length: 6 * 200 }, () => (rng.uniform() < 0.5 ? 0 : 1));
    const exact = Float64Array.from({ length: 200 }, (_, i) =>
      levels.subarray(6 * i, 6 * i + 6).reduce((sum, v, j) => sum + 2 ** j * v),
    );
    expect(await countedOnce({ data: levels, rows: 200, columns: 6 }, exact, control)).toBeUndefined();
  });
});
