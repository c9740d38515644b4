/** Rows from a spool file and from SQL. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fitStreamed, type RowSource } from "../../src/index.js";
import { openQuery, openTable, spooled } from "../../src/io/index.js";

const folder = mkdtempSync(join(tmpdir(), "leapflow-spool-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "rows.csv");
writeFileSync(
  file,
  `a,b,y\n${Array.from({ length: 5000 }, (_, i) => `${Math.sin(i)},${Math.cos(3 * i)},${Math.sin(i) ** 2}`).join("\n")}\n`,
);

async function all(source: RowSource): Promise<number[]> {
  const out: number[] = [];
  for await (const { data } of source) out.push(...data);
  return out;
}

describe("spooled", () => {
  it("reads its source once and gives the same rows ever after", async () => {
    const table = (await openTable(file)).select();
    let passes = 0;
    const counted: RowSource = {
      columns: table.columns,
      names: table.names,
      [Symbol.asyncIterator]: () => {
        passes++;
        return table[Symbol.asyncIterator]();
      },
    };
    const rows = spooled(counted, folder);
    // A pass that is left early leaves nothing behind.
    for await (const _ of rows) break;
    expect(readdirSync(folder)).toEqual(["rows.csv"]);
    const first = await all(rows);
    expect(first).toHaveLength(15_000);
    expect(await all(rows)).toStrictEqual(first);
    expect(await all(rows)).toStrictEqual(first);
    expect(passes).toBe(2);
    await rows.dispose();
    expect(readdirSync(folder)).toEqual(["rows.csv"]);
  });

  it("row 69: a folder that cannot be written is a FormatError FILE", async () => {
    const rows = spooled((await openTable(file)).select(), join(folder, "missing"));
    await expect(all(rows)).rejects.toMatchObject({ name: "FormatError", code: "FILE" });
    expect(existsSync(join(folder, "missing"))).toBe(false);
  });
});

describe("openQuery", () => {
  it("streams the rows of any SQL over files, pass after pass", async () => {
    const query = await openQuery(`SELECT a, a * b AS ab, y FROM '${file}' WHERE a > 0`);
    expect(query.names).toEqual(["a", "ab", "y"]);
    const once = await all(query);
    expect(await all(query)).toStrictEqual(once);
    expect(once.length % 3).toBe(0);
    const fit = await fitStreamed(query, { target: "y", rank: 1, degree: 2, seed: 1 });
    expect(fit.r2Train).toBeGreaterThan(0.99);
  });

  it("says what is wrong with a query or its rows", async () => {
    await expect(openQuery("SELECT FROM nowhere")).rejects.toMatchObject({ name: "OptionError" });
    await expect(all(await openQuery("SELECT 1 AS a, NULL AS b"))).rejects.toMatchObject({
      code: "TYPE",
      message: expect.stringMatching(/row 0 .* b;/),
    });
    await expect(all(await openQuery("SELECT 'text' AS a"))).rejects.toMatchObject({ code: "TYPE" });
    expect(await all(await openQuery("SELECT 1::BIGINT AS a, 2.5::DECIMAL(4,2) AS b, true AS c"))).toEqual([1, 2.5, 1]);
  });
});
