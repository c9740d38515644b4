/** Fits over wires that misbehave: the result is right or the error says what happened; nothing waits for ever. */
import { describe, expect, it } from "vitest";
import {
  type Fit,
  type FitOptions,
  type FitProgress,
  FormatError,
  fitMultiIndex,
  KernelError,
  LeapflowError,
  OptionError,
} from "../../src/index.js";
import { fitInWorker, serveFits } from "../../src/worker/index.js";
import { type Fate, wire } from "./fakePort.js";

const X = Array.from({ length: 150 }, (_, i) => [Math.sin(1.7 * i), Math.cos(2.3 * i), Math.sin(0.9 * i + 1)]);
const y = X.map(([a, b, c]) => a * b + 0.3 * c);
const OPTIONS: FitOptions = { rank: 1, degree: 3, seed: 5, restarts: 1 };
const GRACE = { graceMs: 300 };
const bitsOf = (fit: Fit): number[] => [
  ...fit.model.basis.to1DArray(),
  ...fit.model.link.coefficients,
  ...fit.history.loss,
  ...fit.model.predict(X),
];
const failure = (run: Promise<unknown>): Promise<LeapflowError> =>
  run.then(
    () => Promise.reject(new Error("the fit ended well")),
    (error) => error,
  );
const isDo =
  (what: string) =>
  (message: Record<string, unknown>): boolean =>
    message.do === what || message.did === what;

async function over(toWorker?: Fate, fromWorker?: Fate, options: FitOptions = OPTIONS): Promise<Fit> {
  const { page, worker } = wire(toWorker, fromWorker);
  const stop = serveFits(worker);
  try {
    return await fitInWorker(page, X, y, options, GRACE);
  } finally {
    stop();
    expect(page.listening).toBe(0);
    expect(worker.listening).toBe(0);
  }
}

describe("a wire that", () => {
  const once = (what: string, fates: readonly number[]): Fate => {
    let seen = false;
    return (message) => {
      if (seen || !isDo(what)(message)) return [0];
      seen = true;
      return fates;
    };
  };

  it.each<[string, Fate | undefined, Fate | undefined]>([
    ["works", undefined, undefined],
    ["doubles every message", () => [0, 0], () => [0, 0]],
    ["delays by turns, so that messages overtake each other", (_, k) => [(k % 3) * 20], (_, k) => [((7 * k) % 5) * 10]],
    ["loses the sign of life", undefined, once("alive", [])],
    ["loses the fit, which is asked for once more", undefined, once("fit", [])],
    ["repeats the fit much later", undefined, once("fit", [0, 50, 100])],
    ["repeats the start", once("start", [0, 30]), undefined],
    ["loses what confirms the end", once("done", []), undefined],
  ])("%s gives the same bits", async (_, toWorker, fromWorker) => {
    const progress: FitProgress[] = [];
    const fit = await over(toWorker, fromWorker, { ...OPTIONS, onProgress: (p) => progress.push(p) });
    expect(bitsOf(fit)).toEqual(bitsOf(await fitMultiIndex(X, y, OPTIONS)));
    expect(progress.length).toBeGreaterThan(0);
    const times = progress.map(({ elapsedMs }) => elapsedMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it.each<[string, Fate | undefined, Fate | undefined]>([
    ["loses the start", (message) => (isDo("start")(message) ? [] : [0]), undefined],
    ["loses every answer", undefined, () => []],
  ])("%s ends in WORKER_LOST", async (_, toWorker, fromWorker) => {
    const started = Date.now();
    const error = await failure(over(toWorker, fromWorker));
    expect(error).toBeInstanceOf(KernelError);
    expect(error.code).toBe("WORKER_LOST");
    expect(Date.now() - started).toBeGreaterThanOrEqual(2 * GRACE.graceMs - 20);
  });
});

describe("a fit elsewhere", () => {
  it("rejects with the signal's own reason at once, and the worker's fit ends too", async () => {
    const { page, worker } = wire();
    const stop = serveFits(worker);
    const control = new AbortController();
    const reason = new Error("enough");
    const long = { ...OPTIONS, rank: 2, degree: 4, restarts: 5000, tolerance: 0 };
    const run = fitInWorker(page, X, y, { ...long, signal: control.signal, onProgress: () => {} }, GRACE);
    setTimeout(() => control.abort(reason), 150);
    await expect(run).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = worker.posted.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(worker.posted.length).toBe(before);
    expect(page.listening).toBe(0);
    stop();
  });

  it("does not start when the signal was aborted before", async () => {
    const { page } = wire();
    const reason = { any: "value" };
    await expect(fitInWorker(page, X, y, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(page.posted).toEqual([]);
  });

  it("an abort that overtakes its start stops it", async () => {
    const { page, worker } = wire((message) => (isDo("start")(message) ? [60] : [0]));
    const stop = serveFits(worker);
    const control = new AbortController();
    const run = fitInWorker(page, X, y, { ...OPTIONS, signal: control.signal }, GRACE);
    setTimeout(() => control.abort("stop"), 20);
    await expect(run).rejects.toBe("stop");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(worker.posted).toEqual([]);
    stop();
  });

  it.each<[string, unknown]>([
    ["an object of the application's own", { hello: "there" }],
    ["a string", "hello"],
    ["nothing", undefined],
    ["a reply without its contents", { leapflow: "fit", did: "fit" }],
  ])("a message that is %s gives MESSAGE", async (_, message) => {
    const { page, worker } = wire();
    worker.on("message", (start) => {
      const { id } = start as { id: string };
      worker.postMessage(
        typeof message === "object" && "leapflow" in (message as object) ? { ...message, id } : message,
      );
    });
    const error = await failure(fitInWorker(page, X, y, OPTIONS, GRACE));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.code).toBe("MESSAGE");
  });

  it("another release gives VERSION", async () => {
    const { page, worker } = wire();
    const send = page.send;
    page.send = (message, transfer) => send({ ...(message as object), protocol: 99 }, transfer);
    const stop = serveFits(worker);
    const error = await failure(fitInWorker(page, X, y, OPTIONS, GRACE));
    expect(error).toMatchObject({ name: "FormatError", code: "VERSION" });
    stop();
  });

  it("messages of other conversations are left alone on both sides", async () => {
    const { page, worker } = wire();
    const stop = serveFits(worker);
    const run = fitInWorker(page, X, y, OPTIONS, GRACE);
    for (const message of [
      { leapflow: "parts", call: 1 },
      { leapflow: "fit", id: "another", did: "nonsense" },
    ]) {
      page.emit("message", message);
      worker.emit("message", message);
    }
    worker.emit("message", { hello: "worker" });
    expect(bitsOf(await run)).toEqual(bitsOf(await fitMultiIndex(X, y, OPTIONS)));
    stop();
  });

  it.each(["error", "exit", "close", "messageerror"])("row 63: a worker's %s gives WORKER_LOST", async (event) => {
    const { page } = wire(() => []);
    const run = failure(fitInWorker(page, X, y, OPTIONS));
    setTimeout(() => page.emit(event, event === "exit" ? 3 : new Error("gone")), 20);
    expect(await run).toMatchObject({ name: "KernelError", code: "WORKER_LOST" });
    expect(page.listening).toBe(0);
  });

  it("errors keep class, code, message and details", async () => {
    const bad = X.map((row) => [...row]);
    bad[7][1] = Number.NaN;
    const cases: [unknown, unknown, object][] = [
      [bad, y, OPTIONS],
      [X, y.slice(1), OPTIONS],
      [X, y, { ...OPTIONS, degre: 3 }],
      [X, y, { ...OPTIONS, rank: 9 }],
      [[], [], OPTIONS],
    ];
    for (const [rows, target, options] of cases) {
      const { page, worker } = wire();
      const stop = serveFits(worker);
      const here = await failure(fitMultiIndex(rows as number[][], target as number[], options));
      const there = await failure(fitInWorker(page, rows as number[][], target as number[], options, GRACE));
      stop();
      expect(there.constructor).toBe(here.constructor);
      expect([there.code, there.message, there.details]).toEqual([here.code, here.message, here.details]);
    }
  });

  it("refuses what cannot travel, and what is no worker", async () => {
    const { page } = wire();
    const link = { value: (z: number[]) => z, derivative: () => [[1]] };
    for (const options of [{ link }, { crew: { open: () => {} } }, { seed: Symbol("x") }]) {
      const error = await failure(fitInWorker(page, X, y, { ...OPTIONS, ...options } as unknown as FitOptions));
      expect(error).toBeInstanceOf(OptionError);
      expect(error.code).toBe("TYPE");
      expect(error.message).toContain(Object.keys(options)[0]);
    }
    for (const worker of [undefined, {}, { postMessage: 1 }, "worker"]) {
      expect(await failure(fitInWorker(worker as object, X, y, OPTIONS))).toMatchObject({ code: "TYPE" });
    }
    expect(page.posted).toEqual([]);
    expect(page.listening).toBe(0);
    expect(() => serveFits()).toThrow(LeapflowError);
  });

  it("a progress callback that throws ends the fit with CALLBACK", async () => {
    const { page, worker } = wire();
    const stop = serveFits(worker);
    const cause = new Error("mine");
    const onProgress = (): void => {
      throw cause;
    };
    const error = await failure(fitInWorker(page, X, y, { ...OPTIONS, onProgress }, GRACE));
    expect(error).toMatchObject({ code: "CALLBACK", cause });
    stop();
  });

  it("copies X and y unless they are given away", async () => {
    const { page, worker } = wire();
    const stop = serveFits(worker);
    const flat = { data: Float64Array.from(X.flat()), rows: X.length, columns: 3 };
    const target = Float64Array.from(y);
    const expected = bitsOf(await fitMultiIndex(flat, target, OPTIONS));
    expect(bitsOf(await fitInWorker(page, flat, target, OPTIONS, GRACE))).toEqual(expected);
    expect([flat.data.length, target.length]).toEqual([450, 150]);
    const window = { data: new Float64Array([0, ...flat.data]).subarray(1), rows: 150, columns: 3 };
    expect(bitsOf(await fitInWorker(page, window, target, OPTIONS, { ...GRACE, transfer: true }))).toEqual(expected);
    // A window of a larger array is copied all the same; a whole one is moved.
    expect([window.data.length, target.length]).toEqual([450, 0]);
    expect(bitsOf(await fitInWorker(page, flat, [...y], OPTIONS, { ...GRACE, transfer: true }))).toEqual(expected);
    expect(flat.data.length).toBe(0);
    stop();
  });

  it("takes weights, a start as a matrix, and rows in blocks; the whole fit comes back", async () => {
    const { page, worker } = wire();
    const stop = serveFits(worker);
    const first = await fitMultiIndex(X, y, OPTIONS);
    const options = { ...OPTIONS, start: first.model.basis, weights: y.map((_, i) => i % 4), restarts: 0 };
    const source = {
      columns: 3,
      async *[Symbol.asyncIterator]() {
        for (let i = 0; i < X.length; i += 50) yield { data: X.slice(i, i + 50).flat(), rows: 50, columns: 3 };
      },
    };
    const here = await fitMultiIndex(X, y, options);
    const there = await fitInWorker(page, source, y, options, GRACE);
    stop();
    expect(bitsOf(there)).toEqual(bitsOf(here));
    expect(JSON.stringify(there.model)).toBe(JSON.stringify(here.model));
    const timeless = (fit: Fit) => {
      const { elapsedMs: _, ...history } = fit.history;
      return { ...fit.toData(), history, elapsedMs: 0 };
    };
    expect(timeless(there)).toEqual(timeless(here));
    expect(there.diagnostics.standardErrors?.directions.to1DArray()).toEqual(
      here.diagnostics.standardErrors?.directions.to1DArray(),
    );
    expect(there.toString().split("\n").length).toBe(here.toString().split("\n").length);
    await expect(async () => there.refit(X, y)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });
});
