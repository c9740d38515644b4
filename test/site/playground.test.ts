/** The playground end to end, in Debian's Chromium: every view is driven as a visitor would. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { fitMultiIndex } from "../../src/index.js";
import { Link, trapStudy } from "../../src/theory/index.js";
import { MAIN } from "../cli/run.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const isThere = existsSync(CHROMIUM);
if (!isThere) {
  const text = `no Chromium at ${CHROMIUM}: nothing of the playground was tested`;
  if (process.env.CI === "true") throw new Error(text);
  console.warn(`SKIPPED: ${text}`);
}
const VIEWS = ["fit", "saddle", "predict", "phase", "speed"];

describe.skipIf(!isThere)("the playground", () => {
  let server: ChildProcess;
  let browser: Browser;
  let origin = "";
  let page: Page;
  /** What went wrong in the page, and what it asked of anybody else. */
  let faults: string[] = [];
  let bytes = 0;

  beforeAll(async () => {
    server = spawn(process.execPath, [MAIN, "playground", "--port", "0", "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const text = await new Promise<string>((resolve) => server.stdout?.once("data", (data) => resolve(String(data))));
    origin = (JSON.parse(text) as { url: string }).url;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  });
  afterAll(async () => {
    await browser?.close();
    server?.kill("SIGKILL");
  });
  afterEach(async () => {
    await page?.context().close();
    expect(faults).toEqual([]);
  });

  async function open(address: string, { width = 1200 } = {}): Promise<void> {
    const context = await browser.newContext({
      viewport: { width, height: 800 },
      reducedMotion: "reduce",
      acceptDownloads: true,
    });
    page = await context.newPage();
    page.setDefaultTimeout(40_000);
    faults = [];
    bytes = 0;
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) faults.push(message.text());
    });
    context.on("request", (request) => {
      if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(origin))
        faults.push(`foreign: ${request.url()}`);
    });
    context.on("response", async (response) => {
      const body = await response.body().catch(() => Buffer.alloc(0));
      bytes += gzipSync(body).length;
    });
    await page.goto(origin + address);
    await page.waitForSelector("h1");
  }

  const status = () => page.locator(".status > span[aria-hidden]").first();
  const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
  const until = (text: RegExp) =>
    page.locator(".status > span[aria-hidden]").filter({ hasText: text }).first().waitFor();
  /** The model that the page offers as a file. */
  async function modelFile(): Promise<Record<string, unknown>> {
    const [download] = await Promise.all([page.waitForEvent("download"), press("Download model (JSON)")]);
    return JSON.parse(await readFile(await download.path(), "utf8")) as Record<string, unknown>;
  }

  test("opens with less than 300 kB, of which nothing comes from elsewhere", async () => {
    await open("");
    await until(/Ready to fit/);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(300_000);
  });

  test("a dropped file is fitted, to the bits of Node", async () => {
    await open("#/fit?held=0&rank=1&degree=3&seed=5");
    await until(/Ready to fit/);
    const rows = Array.from({ length: 150 }, (_, i) => [Math.sin(i * 1.7), Math.cos(i * 2.3), Math.sin(i * 0.9 + 1)]);
    const text = `a,b,c,out\n${rows.map(([a, b, c]) => `${a},${b},${c},${Math.tanh(a + b) + 0.1 * c}`).join("\n")}\n`;
    const dropped = await page.evaluateHandle((csv) => {
      const data = new DataTransfer();
      data.items.add(new File([csv], "mine.csv", { type: "text/csv" }));
      return data;
    }, text);
    await page.dispatchEvent(".drop", "drop", { dataTransfer: dropped });
    await until(/mine\.csv.*Ready/);
    expect(await page.getByLabel("Target").inputValue()).toBe("out");
    await press("Fit");
    await until(/^Done in/);
    expect(await page.locator(".results figure").count()).toBeGreaterThanOrEqual(1);
    expect(await page.locator(".results").textContent()).toMatch(/One weighted sum of 3 inputs explains/);
    const y = rows.map(([a, b, c]) => Math.tanh(a + b) + 0.1 * c);
    const fit = await fitMultiIndex(rows, y, { rank: 1, degree: 3, seed: 5 });
    const { columns, target, ...model } = await modelFile();
    expect({ columns, target }).toEqual({ columns: ["a", "b", "c"], target: "out" });
    expect(model).toEqual(JSON.parse(JSON.stringify(fit.model)));
  });

  test("a fit is cancelled", async () => {
    await open("#/fit?data=large");
    await until(/Ready to fit/);
    await press("Fit");
    await until(/Searching|Comparing|Descending/);
    await press("Cancel");
    await until(/^Cancelled/);
    expect(await page.getByRole("button", { name: "Fit", exact: true }).isEnabled()).toBe(true);
  });

  test("another link changes the story, the address and what a shared address shows", async () => {
    await open("#/saddle");
    await until(/two waits/);
    const field = page.getByLabel("Link f, in z1, z2, …");
    await field.fill("z1 + q");
    await field.press("Enter");
    await page.locator(".complaint:visible").waitFor();
    await field.fill("h2(z1) + 0.5*h3(z1)");
    await field.press("Enter");
    await until(/one wait/);
    expect(await page.locator(".story li").count()).toBe(2);
    expect(await page.locator(".complaint:visible").count()).toBe(0);
    const said = await status().textContent();
    await press("Run 24 starts");
    await page.locator(".traps .status", { hasText: "got stuck" }).waitFor();
    const tally = await page.locator(".tally").allTextContents();
    const { planted, joint } = await trapStudy(Link.parse("h2(z1) + 0.5*h3(z1)"), { dim: 200, trials: 24, seed: 1 });
    expect(tally.map((text) => Number(/stuck: (\d+) of 24/.exec(text)?.[1]))).toEqual([planted.trapped, joint.trapped]);
    const shared = page.url().slice(origin.length);
    expect(shared).toContain("link=");
    await page.context().close();
    await open(shared);
    await until(/one wait/);
    expect(await status().textContent()).toBe(said);
  });

  test("the prediction meets the runs, and says where there is none", async () => {
    await open("#/predict?dim=100&trials=4&steps=10");
    await until(/^Predicted/);
    await press("Run the algorithm");
    await until(/^4 runs on fresh data/);
    const [, predicted, measured] =
      /predicted ([\d.]+), measured ([\d.]+)/.exec((await status().textContent()) ?? "") ?? [];
    expect(Math.abs(Number(predicted) - Number(measured))).toBeLessThan(0.1);
    await page.context().close();
    await open("#/predict?ratio=0.3");
    await page.locator(".status.wrong").waitFor();
    expect(await status().textContent()).toMatch(/threshold/);
  });

  test("every view fits a phone", async () => {
    for (const view of VIEWS) {
      await open(`#/${view}`, { width: 360 });
      await page.locator(`.view.${view}`).waitFor();
      const { wide, width } = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth,
        width: innerWidth,
      }));
      expect(wide, view).toBeLessThanOrEqual(width);
      expect(faults, view).toEqual([]);
      await page.context().close();
    }
  });
});
