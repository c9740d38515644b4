/** A visitor of the playground: the served page in Debian's Chromium, and everything that goes wrong in it. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { MAIN } from "../cli/run.js";
import { launchBrowser } from "../support/browser.js";

export { hasBrowser } from "../support/browser.js";

export const VIEWS = ["fit", "saddle", "predict", "phase", "speed"] as const;

export interface Visit {
  readonly width?: number;
  readonly scheme?: "light" | "dark";
  readonly permissions?: readonly string[];
}

export class Visitor {
  /** Where the page is served; ends with a slash. */
  origin = "";
  page!: Page;
  /** What went wrong in the page, and what it asked of anybody else. */
  faults: string[] = [];
  /** What was loaded, gzipped. */
  bytes = 0;
  #server: ChildProcess | undefined;
  #browser: Browser | undefined;

  async start(): Promise<void> {
    this.#server = spawn(process.execPath, [MAIN, "playground", "--port", "0", "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { stdout } = this.#server;
    const text = await new Promise<string>((resolve) => stdout?.once("data", (data) => resolve(String(data))));
    this.origin = (JSON.parse(text) as { url: string }).url;
    // A camera that shows a green picture with a moving disc.
    this.#browser = await launchBrowser("--use-fake-device-for-media-stream");
  }

  async end(): Promise<void> {
    await this.#browser?.close();
    this.#server?.kill("SIGKILL");
  }

  /** Opens an address of the page, `#/fit?rank=1`, as somebody who has not been there before. */
  async open(
    address: string,
    { width = 1200, scheme = "light", permissions = [] }: Visit = {},
    origin = this.origin,
  ): Promise<void> {
    const context = await (this.#browser as Browser).newContext({
      viewport: { width, height: 800 },
      reducedMotion: "reduce",
      colorScheme: scheme,
      permissions: [...permissions],
      acceptDownloads: true,
    });
    this.page = await context.newPage();
    this.page.setDefaultTimeout(40_000);
    this.faults = [];
    this.bytes = 0;
    this.page.on("pageerror", (error) => this.faults.push(String(error)));
    this.page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.faults.push(message.text());
    });
    context.on("request", (request) => {
      if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(origin))
        this.faults.push(`foreign: ${request.url()}`);
    });
    context.on("response", async (response) => {
      const body = await response.body().catch(() => Buffer.alloc(0));
      this.bytes += gzipSync(body).length;
    });
    await this.page.goto(origin + address);
    await this.page.waitForSelector("h1");
  }

  /** The address as somebody would copy it. */
  get address(): string {
    return this.page.url().slice(this.origin.length);
  }

  /** The line that says what is happening. */
  get status(): Locator {
    return this.page.locator(".status > span[aria-hidden]").first();
  }

  async says(): Promise<string> {
    return (await this.status.textContent()) ?? "";
  }

  until(text: RegExp): Promise<void> {
    return this.page.locator(".status > span[aria-hidden]").filter({ hasText: text }).first().waitFor();
  }

  press(name: string): Promise<void> {
    return this.page.getByRole("button", { name, exact: true }).click();
  }

  /** What the page hands out when a button is pressed. */
  async file(button: string): Promise<string> {
    const [download] = await Promise.all([this.page.waitForEvent("download"), this.press(button)]);
    return readFile(await download.path(), "utf8");
  }

  /** Drops a file on an element. */
  async drop(onto: string, name: string, content: Uint8Array): Promise<void> {
    const dropped = await this.page.evaluateHandle(
      ([base64, name]) => {
        const data = new DataTransfer();
        data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
        return data;
      },
      [Buffer.from(content).toString("base64"), name],
    );
    await this.page.dispatchEvent(onto, "drop", { dataTransfer: dropped });
  }

  async leave(): Promise<void> {
    await this.page?.context().close();
  }
}

/** A visitor for the tests of a file; after each of them nothing may have gone wrong in the page. */
export function visitor(): Visitor {
  const visit = new Visitor();
  beforeAll(() => visit.start());
  afterAll(() => visit.end());
  afterEach(async () => {
    await visit.leave();
    expect(visit.faults).toEqual([]);
  });
  return visit;
}
