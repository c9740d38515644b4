/** Fit your data, end to end: files that are dropped, columns, a fit that is cancelled, one that leaves the page free. */
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { fitMultiIndex, sampleMultiIndex } from "../../src/index.js";
import { Link } from "../../src/theory/index.js";
import { longestTasks } from "./tasks.js";
import { hasBrowser, visitor } from "./visitor.js";

const NAMES = ["a", "b", "c"];
const ROWS = Array.from({ length: 150 }, (_, i) => [Math.sin(i * 1.7), Math.cos(i * 2.3), Math.sin(i * 0.9 + 1)]);
const RESPONSE = ROWS.map(([a, b, c]) => Math.tanh(a + b) + 0.1 * c);

const csv = (): Uint8Array =>
  new TextEncoder().encode(
    `${NAMES.join(",")},out\n${ROWS.map((row, i) => `${row.join(",")},${RESPONSE[i]}`).join("\n")}\n`,
  );
const parquet = (): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        ...NAMES.map((name, j) => ({ name, data: ROWS.map((row) => row[j]), type: "DOUBLE" as const })),
        { name: "out", data: RESPONSE, type: "DOUBLE" },
      ],
    }),
  );

/** The numbers of a model: what JSON keeps, which is every bit. */
const numbersOf = (model: unknown): unknown => {
  const {
    columns: _,
    target: __,
    ...numbers
  } = JSON.parse(typeof model === "string" ? model : JSON.stringify(model)) as Record<string, unknown>;
  return numbers;
};

describe.skipIf(!hasBrowser)("fit your data", () => {
  const visit = visitor();

  test("opens with less than 300 kB, of which nothing comes from elsewhere", async () => {
    await visit.open("");
    await visit.until(/Ready to fit/);
    expect(visit.bytes).toBeGreaterThan(10_000);
    expect(visit.bytes).toBeLessThan(300_000);
  });

  test.each([
    ["mine.csv", csv],
    ["mine.parquet", parquet],
  ])("%s is dropped and fitted, to the bits of Node", async (name, content) => {
    await visit.open("#/fit?held=0&rank=1&degree=3&seed=5");
    await visit.until(/Ready to fit/);
    await visit.drop(".drop", name, content());
    await visit.until(new RegExp(`${name}.*Ready`));
    expect(await visit.page.getByLabel("Target").inputValue()).toBe("out");
    await visit.press("Fit");
    await visit.until(/^Done in/);
    expect(await visit.page.locator(".trace svg path").count()).toBeGreaterThanOrEqual(2);
    await visit.page.locator(".results figure").nth(3).waitFor();
    // What is said and drawn is in sight, though much has been put into the page.
    expect(await visit.status.evaluate((line) => line.getBoundingClientRect().top)).toBeGreaterThanOrEqual(0);
    expect(await visit.status.evaluate((line) => line.getBoundingClientRect().top)).toBeLessThan(400);
    expect(await visit.page.locator(".results").textContent()).toMatch(/One weighted sum of 3 inputs explains/);
    const fit = await fitMultiIndex(ROWS, RESPONSE, { rank: 1, degree: 3, seed: 5 });
    const model = await visit.file("Download model (JSON)");
    expect(JSON.parse(model)).toMatchObject({ columns: NAMES, target: "out" });
    expect(numbersOf(model)).toEqual(numbersOf(fit.model));
    expect(await visit.file("Download report (HTML)")).toMatch(/^<!doctype html>[\s\S]*rank 1 of 3 inputs/i);
  });

  test("what cannot be read is said, and the next file is taken", async () => {
    await visit.open("#/fit");
    await visit.until(/Ready to fit/);
    await visit.drop(".drop", "torn.parquet", parquet().subarray(0, 200));
    await visit.page.locator(".status.wrong").waitFor();
    expect(await visit.says()).toMatch(/torn\.parquet/);
    expect(await visit.page.getByRole("button", { name: "Fit", exact: true }).isEnabled()).toBe(false);
    await visit.drop(".drop", "words.csv", new TextEncoder().encode("a,b\nx,1\nz,2\n"));
    await visit.until(/words\.csv.*Ready/);
    await visit.press("Fit");
    await visit.page.locator(".status.wrong").waitFor();
    expect(await visit.says()).toMatch(/"x"/);
    await visit.page.setInputFiles(".drop input", {
      name: "mine.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(csv()),
    });
    await visit.until(/mine\.csv.*Ready/);
    expect(await visit.page.locator(".status.wrong").count()).toBe(0);
  });

  test("target and inputs are in the address, which shows somebody else the same", async () => {
    await visit.open("#/fit?rank=1&degree=2&held=0");
    await visit.until(/Ready to fit/);
    await visit.page.getByLabel("or take a bundled one").selectOption("diabetes");
    await visit.until(/diabetes.*Ready/);
    const target = visit.page.getByLabel("Target");
    const name = (await target.locator("option").allTextContents())[2];
    await target.selectOption(name);
    await visit.page.getByText(/^Inputs \(/).click();
    await visit.page.locator(".list input").first().uncheck();
    const { address } = visit;
    expect(address).toContain(`target=${name}`);
    await visit.leave();
    await visit.open(address);
    await visit.until(/diabetes.*Ready/);
    expect(await visit.page.getByLabel("Target").inputValue()).toBe(name);
    await visit.page.getByText(/^Inputs \(/).click();
    expect(await visit.page.locator(".list input:not(:checked)").count()).toBe(1);
    await visit.press("Fit");
    await visit.until(/^Done in .*1 direction of 9 inputs/);
  });

  test("a fit is cancelled", async () => {
    await visit.open("#/fit?data=large");
    await visit.until(/Ready to fit/);
    await visit.press("Fit");
    await visit.until(/Searching|Comparing|Descending/);
    await visit.press("Cancel");
    await visit.until(/^Cancelled/);
    expect(await visit.page.getByRole("button", { name: "Fit", exact: true }).isEnabled()).toBe(true);
    expect(await visit.page.locator(".results").count()).toBe(0);
  });

  test("20 000 rows of 50 inputs: the page stays free, and the bits are those of Node", async () => {
    await visit.open("#/fit?data=large&held=0&rank=2&degree=4&seed=1");
    await visit.until(/Ready to fit/);
    const tasks = await longestTasks(visit.page, async () => {
      await visit.press("Fit");
      await visit.until(/^Done in/);
      // Figures are drawn after the end, and laid out when they come into sight.
      await visit.page.locator(".results figure").nth(7).waitFor();
      for (let k = 0; k < 12; k++) {
        await visit.page.mouse.wheel(0, 500);
        await visit.page.waitForTimeout(60);
      }
    });
    expect(tasks.length).toBeGreaterThan(100);
    expect(tasks[0]).toBeLessThan(50);
    const planted = { dim: 50, samples: 20_000, noiseStd: 0.2, seed: 1 };
    const { X, y } = sampleMultiIndex(Link.parse("tanh(2*z1) + z1*z2"), planted);
    const fit = await fitMultiIndex(X, y, { rank: 2, degree: 4, seed: 1 });
    expect(numbersOf(await visit.file("Download model (JSON)"))).toEqual(numbersOf(fit.model));
  }, 120_000);
});
