/** The other views end to end: links and their stories, predictions and runs, pictures, speed. */
import { encode } from "fast-png";
import { describe, expect, test } from "vitest";
import { Link, trapStudy } from "../../src/theory/index.js";
import { hasBrowser, visitor } from "./visitor.js";

describe.skipIf(!hasBrowser)("the other views", () => {
  const visit = visitor();

  test("saddles: another link changes the story, the address and what a shared address shows", async () => {
    await visit.open("#/saddle");
    await visit.until(/two waits/);
    const { page } = visit;
    // What a saddle-to-saddle dynamic is stands above the plot; waits and leaps are named in it.
    expect(await page.locator(".lead").textContent()).toMatch(/waits, then leaps.*saddle/);
    const named = await page.locator(".stage .plot").first().locator("text").allTextContents();
    for (const name of ["saddle 1: wait", "saddle 2: wait", "leap 1", "leap 2", "learnt"])
      expect(named).toContain(name);
    const field = page.getByLabel("Link f, in z1, z2, …");
    await field.fill("z1 + q");
    await field.press("Enter");
    await page.locator(".complaint:visible").waitFor();
    await field.fill("h2(z1) + 0.5*h3(z1)");
    await field.press("Enter");
    await visit.until(/one wait/);
    expect(await page.locator(".story li").count()).toBe(2);
    expect(await page.locator(".complaint:visible").count()).toBe(0);
    const said = await visit.says();
    await visit.press("Run 24 starts");
    await page.locator(".traps .status", { hasText: "got stuck" }).waitFor();
    const tally = await page.locator(".tally").allTextContents();
    const { planted, joint } = await trapStudy(Link.parse("h2(z1) + 0.5*h3(z1)"), { dim: 200, trials: 24, seed: 1 });
    expect(tally.map((text) => Number(/stuck: (\d+) of 24/.exec(text)?.[1]))).toEqual([planted.trapped, joint.trapped]);
    const shared = visit.address;
    expect(shared).toContain("link=");
    await visit.leave();
    await visit.open(shared);
    await visit.until(/one wait/);
    expect(await visit.says()).toBe(said);
  });

  test("saddles: the replay goes back to any time", async () => {
    await visit.open("#/saddle");
    await visit.until(/two waits/);
    const { page } = visit;
    const slider = page.getByRole("slider", { name: "Time" });
    await slider.fill("300");
    expect(await page.locator(".story li").evaluateAll((items) => items.map((item) => item.className))).toEqual([
      "past",
      "now",
      "future",
    ]);
    const leaps = page.locator(".stage .plot").first().locator("text", { hasText: /^leap/ });
    await expect.poll(() => leaps.allTextContents()).toEqual(["leap 1"]);
    await slider.fill("1000");
    await expect.poll(() => leaps.allTextContents()).toEqual(["leap 1", "leap 2"]);
  });

  test("the prediction meets the runs, and says where there is none", async () => {
    await visit.open("#/predict?dim=100&trials=4&steps=10");
    await visit.until(/^Predicted/);
    await visit.press("Run the algorithm");
    await visit.until(/^4 runs on fresh data/);
    const [, predicted, measured] = /predicted ([\d.]+), measured ([\d.]+)/.exec(await visit.says()) ?? [];
    expect(Math.abs(Number(predicted) - Number(measured))).toBeLessThan(0.1);
    await visit.leave();
    await visit.open("#/predict?ratio=0.3");
    await visit.page.locator(".status.wrong").waitFor();
    expect(await visit.says()).toMatch(/threshold/);
  });

  describe("phase retrieval", () => {
    /** Brightness of every pixel of a canvas. */
    const pixels = (label: string): Promise<number[]> =>
      visit.page.getByLabel(label, { exact: true }).evaluate((node) => {
        const { width, height } = node as HTMLCanvasElement;
        // A copy: Chromium warns of a canvas that is read more than once.
        const copy = new OffscreenCanvas(width, height).getContext("2d") as OffscreenCanvasRenderingContext2D;
        copy.drawImage(node as HTMLCanvasElement, 0, 0);
        const { data } = copy.getImageData(0, 0, width, height);
        return Array.from({ length: width * height }, (_, i) => data[4 * i] + data[4 * i + 1] + data[4 * i + 2]);
      });
    const gap = (a: readonly number[], b: readonly number[]): number =>
      Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0) / a.reduce((sum, v) => sum + v * v, 0));
    async function expectRecovered(): Promise<void> {
      const truth = await pixels("The picture");
      expect(truth.length).toBe(64 * 64);
      expect(Math.max(...truth)).toBeGreaterThan(Math.min(...truth) + 100);
      expect(gap(truth, await pixels("The recovered picture"))).toBe(1); // black as yet
      await visit.press("Retrieve");
      await visit.until(/^Recovered: relative error/);
      expect(gap(truth, await pixels("The recovered picture"))).toBeLessThan(0.02);
      expect(await visit.page.locator(".plot .chart").getAttribute("aria-label")).toMatch(/after \d+ iterations/);
    }

    test("the bundled picture", async () => {
      await visit.open("#/phase?size=64");
      await visit.until(/^Ready/);
      await expectRecovered();
    });

    test("a picture of one's own, after a file that is none", async () => {
      await visit.open("#/phase?size=64&method=rwf");
      await visit.until(/^Ready/);
      const cat = await pixels("The picture");
      const input = visit.page.locator("input[type=file]");
      await input.setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
      await visit.until(/^This picture cannot be read/);
      const data = Uint8Array.from({ length: 90 * 90 }, (_, i) =>
        ((i % 90) + Math.floor(i / 90)) % 64 < 32 ? 230 : 20,
      );
      const png = encode({ width: 90, height: 90, data, channels: 1, depth: 8 });
      await input.setInputFiles({ name: "b.png", mimeType: "image/png", buffer: Buffer.from(png) });
      await visit.until(/^Ready/);
      expect(gap(cat, await pixels("The picture"))).toBeGreaterThan(0.1);
      await expectRecovered();
    });

    test("a picture from the camera, which is closed when it is taken", async () => {
      await visit.open("#/phase?size=64", { permissions: ["camera"] });
      await visit.until(/^Ready/);
      const cat = await pixels("The picture");
      await visit.press("Use the camera");
      const video = visit.page.getByLabel("What the camera sees");
      await video.waitFor();
      const track = await video.evaluateHandle(
        (node) => ((node as HTMLVideoElement).srcObject as MediaStream).getTracks()[0],
      );
      expect(await track.evaluate((t) => t.readyState)).toBe("live");
      await visit.press("Take the picture");
      await video.waitFor({ state: "hidden" });
      expect(await track.evaluate((t) => t.readyState)).toBe("ended");
      await expect.poll(async () => gap(cat, await pixels("The picture"))).toBeGreaterThan(0.1);
      await expectRecovered();
    });

    test("a camera that is refused", async () => {
      await visit.open("#/phase?size=64");
      await visit.until(/^Ready/);
      await visit.press("Use the camera");
      await visit.until(/^The camera could not be used/);
      expect(await visit.page.getByRole("button", { name: "Use the camera" }).isVisible()).toBe(true);
    });
  });

  test("speed: four measurements, the same bits from both", async () => {
    await visit.open("#/speed?runs=1");
    await visit.press("Measure");
    await visit.until(/^Done/);
    const items = await visit.page.locator(".bars > li").allTextContents();
    expect(items).toHaveLength(4);
    for (const item of items) expect(item).toMatch(/[\d.]+×.*same bits from both/);
    expect(await visit.page.locator(".verdict").textContent()).toMatch(/[\d.]+ times as fast .* same bits every time/);
  });
});
