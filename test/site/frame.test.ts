/** What holds in every view: it fits a phone, can be read in light and dark, used by keyboard, and hosted anywhere. */
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { longestTasks } from "./tasks.js";
import { hasBrowser, VIEWS, visitor } from "./visitor.js";

/** How a view says that it is ready; the last one has nothing to say. */
const READY = { fit: /Ready to fit/, saddle: /two waits/, predict: /^Predicted/, phase: /^Ready/, speed: undefined };

/** Texts of the page whose contrast with what is behind them is below 4.5, or 3 where letters are large (WCAG 2, AA). */
function faintTexts(): string[] {
  const parse = (color: string): number[] => {
    const values = (color.match(/[\d.]+/g) ?? []).map(Number);
    return values.length === 3 ? [...values, 1] : values;
  };
  const over = (top: number[], below: number[]): number[] => [
    ...[0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])),
    1,
  ];
  const luminance = (color: number[]): number => {
    const [r, g, b] = color
      .slice(0, 3)
      .map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element: Element | null): number[] => {
    if (element === null) return [255, 255, 255, 1];
    const own = parse(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(element.parentElement));
  };
  const faint: string[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement as Element;
    const text = node.textContent?.trim() ?? "";
    if (text === "" || element.closest(".unseen, .skip, :disabled, noscript, [hidden]") !== null) continue;
    const style = getComputedStyle(element);
    const ink = parse(element instanceof SVGElement ? style.fill : style.color);
    const paper = behind(element);
    const [a, b] = [luminance(over(ink, paper)), luminance(paper)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return faint;
}

/** Things to use or to look at that have no name for those who cannot see them. */
function nameless(): string[] {
  const things = document.querySelectorAll(
    "input, select, button, canvas:not([aria-hidden]), video, svg[role=img], nav, summary",
  );
  return [...things]
    .filter((thing) => {
      const labels = (thing as HTMLInputElement).labels ?? [];
      const name = `${thing.getAttribute("aria-label") ?? ""}${[...labels].map((label) => label.textContent).join("")}`;
      return `${name}${["BUTTON", "SUMMARY"].includes(thing.tagName) ? thing.textContent : ""}`.trim() === "";
    })
    .map((thing) => thing.outerHTML.slice(0, 120));
}

describe.skipIf(!hasBrowser)("every view", () => {
  const visit = visitor();

  test.each(VIEWS)("%s fits a phone, can be read in light and dark, and everything in it has a name", async (view) => {
    await visit.open(`#/${view}`, { width: 360 });
    const { page } = visit;
    await page.locator(`.view.${view}`).waitFor();
    const isReady = READY[view];
    if (isReady) await visit.until(isReady);
    const { wide, width } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      width: innerWidth,
    }));
    expect(wide).toBeLessThanOrEqual(width);
    expect(await page.evaluate(nameless)).toEqual([]);
    const brightness: Record<string, number> = {};
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await page.evaluate(faintTexts), colorScheme).toEqual([]);
      const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      brightness[colorScheme] = Math.max(...(paper.match(/\d+/g) ?? []).map(Number));
    }
    expect(brightness.light).toBeGreaterThan(200);
    expect(brightness.dark).toBeLessThan(60);
  });

  test("the examiners above see what is wrong", async () => {
    await visit.open("#/speed");
    const { page } = visit;
    await page.evaluate(() => {
      const lead = document.querySelector(".lead") as HTMLElement;
      lead.style.color = getComputedStyle(document.body).backgroundColor;
      lead.append(document.createElement("input"));
    });
    expect((await page.evaluate(faintTexts)).length).toBeGreaterThan(0);
    expect(await page.evaluate(nameless)).toEqual(["<input>"]);
    const [longest] = await longestTasks(page, () =>
      page.evaluate(() => {
        let sum = 0;
        for (let i = 0; i < 3e8; i++) sum += Math.sqrt(i);
        return sum;
      }),
    );
    expect(longest).toBeGreaterThan(50);
  });

  test("the keyboard reaches every view, and the heading is where it goes on", async () => {
    await visit.open("#/speed");
    const { page } = visit;
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip");
    await page.getByRole("link", { name: "Saddle to saddle" }).focus();
    await page.keyboard.press("Enter");
    await visit.until(READY.saddle);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Saddle to saddle");
    expect(await page.title()).toMatch(/^Saddle to saddle/);
    await page.goBack();
    await page.locator(".view.speed").waitFor();
  });

  test("hosted as plain files under a path of somebody's site", async () => {
    const folder = fileURLToPath(new URL("../../dist/playground", import.meta.url));
    const types: Record<string, string> = {
      ".html": "text/html",
      ".js": "text/javascript",
      ".css": "text/css",
      ".svg": "image/svg+xml",
    };
    const server = createServer((request, response) => {
      const path = /^\/~somebody\/leapflow(\/[^?]*)/.exec(request.url ?? "")?.[1];
      const file = `${folder}${path === "/" ? "/index.html" : path}`;
      if (path === undefined || !existsSync(file)) return response.writeHead(404).end();
      response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
      return createReadStream(file).pipe(response);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    try {
      const { port } = server.address() as AddressInfo;
      await visit.open("#/fit?rank=1&degree=2", {}, `http://127.0.0.1:${port}/~somebody/leapflow/`);
      await visit.until(READY.fit);
      await visit.press("Fit");
      await visit.until(/^Done in/);
      await visit.leave();
    } finally {
      server.close();
    }
  });
});
