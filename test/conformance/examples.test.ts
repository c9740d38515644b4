/** Every example runs as it stands, against the built package; the page is opened in a browser. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { hasBrowser, launchBrowser } from "../support/browser.js";

const folder = join(import.meta.dirname, "../../examples");
const files = readdirSync(folder).filter((name) => name.endsWith(".mjs"));
const out = mkdtempSync(join(tmpdir(), "leapflow-examples-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** What an example writes it writes to a temporary folder. */
function runExample(name: string, ...args: string[]): string {
  const env = { ...process.env, TMPDIR: out };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, name), ...args], {
    encoding: "utf8",
    env,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

test("there are ten, and all are in the list", () => {
  expect(files.length).toBeGreaterThanOrEqual(10);
  const list = readFileSync(join(folder, "README.md"), "utf8");
  expect(files.filter((name) => !list.includes(`(${name})`))).toEqual([]);
});

test.each(files)("%s", (name) => {
  const stdout = runExample(name);
  expect(stdout.length).toBeGreaterThan(40);
  expect(stdout).not.toMatch(/NaN|undefined|false/);
});

test.skipIf(!hasBrowser)("the page learns in a browser and asks nobody for anything", async () => {
  const file = join(out, "page.html");
  runExample("webPage.mjs", file);
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("request", (request) => {
      if (!/^(file|data|blob):/.test(request.url())) faults.push(request.url());
    });
    await page.goto(`file://${file}`);
    await page.getByRole("button").click();
    await page.getByText(/R² 1\.0000 by the wasm kernel/).waitFor({ timeout: 30_000 });
    expect(faults).toEqual([]);
  } finally {
    await browser.close();
  }
});
