/** The playground for a long visit: what `npm run soak -- page` repeats. */
import { type ChildProcess, spawn } from "node:child_process";
import { type CDPSession, chromium, type Page } from "playwright-core";

/** Each view and what it says when it is ready; the last one has nothing to say. */
const VIEWS = [
  ["fit", /Ready to fit/],
  ["saddle", /waits?/],
  ["predict", /^Predicted/],
  ["phase", /^Ready/],
  ["speed", undefined],
] as const;

export class LongVisit {
  readonly #server: ChildProcess;
  readonly #page: Page;
  readonly #session: CDPSession;
  readonly #faults: string[] = [];

  private constructor(server: ChildProcess, page: Page, session: CDPSession) {
    this.#server = server;
    this.#page = page;
    this.#session = session;
    page.on("pageerror", (error) => this.#faults.push(String(error)));
    page.on("console", (message) => message.type() === "error" && this.#faults.push(message.text()));
  }

  static async begin(): Promise<LongVisit> {
    const server = spawn(process.execPath, ["dist/cli/main.js", "playground", "--port", "0", "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const text = await new Promise<string>((resolve) => server.stdout?.once("data", (data) => resolve(String(data))));
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu"],
    });
    const page = await browser.newPage();
    page.setDefaultTimeout(120_000);
    await page.goto(`${(JSON.parse(text) as { url: string }).url}#/speed`);
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable");
    return new LongVisit(server, page, session);
  }

  /** Goes through the five views without loading the page again, and fits the bundled data in the first. */
  async round(): Promise<void> {
    for (const [view, ready] of VIEWS) {
      await this.#page.evaluate((hash) => {
        location.hash = hash;
      }, `#/${view}`);
      await this.#page.locator(`.view.${view}`).waitFor();
      if (ready) await this.#says(ready);
      if (view !== "fit") continue;
      await this.#page.getByRole("button", { name: "Fit", exact: true }).click();
      await this.#says(/^Done in/);
    }
    if (this.#faults.length > 0) throw new Error(`the page complains: ${this.#faults.join("; ")}`);
  }

  /** Bytes of the page's heap after a collection, its nodes and listeners, and the workers that live. */
  async held(): Promise<{ bytes: number; text: string }> {
    await this.#session.send("HeapProfiler.collectGarbage");
    const { metrics } = await this.#session.send("Performance.getMetrics");
    const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    const workers = this.#page.workers().length;
    return {
      bytes: of("JSHeapUsedSize"),
      text: `${of("Nodes")} nodes, ${of("JSEventListeners")} listeners, ${workers} workers`,
    };
  }

  async end(): Promise<void> {
    await this.#page.context().browser()?.close();
    this.#server.kill("SIGKILL");
  }

  #says(text: RegExp): Promise<void> {
    return this.#page.locator(".status > span[aria-hidden]").filter({ hasText: text }).first().waitFor();
  }
}
