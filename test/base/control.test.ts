/** RunControl: when it yields, when it throws, when it only says so. */
import { expect, test } from "vitest";
import { RunControl, yieldTask } from "../../src/base/control.js";

function fake(options: { signal?: AbortSignal; deadlineMs?: number } = {}) {
  const state = { now: 0, yields: 0 };
  const control = new RunControl({
    ...options,
    clock: () => state.now,
    yieldTask: async () => {
      state.yields++;
      state.now += 5;
    },
  });
  return { state, control };
}

test("breathe yields only when the time slice is over", async () => {
  const { state, control } = fake();
  await control.breathe();
  state.now = 11;
  await control.breathe();
  expect(state.yields).toBe(0);
  state.now = 12;
  await control.breathe();
  expect(state.yields).toBe(1);
  // The slice starts again after the other tasks have run, not before.
  state.now = 28;
  await control.breathe();
  expect(state.yields).toBe(1);
  state.now = 29;
  await control.breathe();
  expect(state.yields).toBe(2);
});

test("an abort throws the signal's own reason, whatever it is", async () => {
  const abort = new AbortController();
  const { control } = fake({ signal: abort.signal });
  control.throwIfAborted();
  await control.breathe();
  const reason = { why: "enough" };
  abort.abort(reason);
  expect(control.aborted).toBe(true);
  await expect(control.breathe()).rejects.toBe(reason);
  expect(() => control.throwIfAborted()).toThrow();
});

test("an abort that happens during the yield is seen at once", async () => {
  const abort = new AbortController();
  let now = 0;
  const control = new RunControl({
    signal: abort.signal,
    clock: () => now,
    yieldTask: async () => abort.abort("late"),
  });
  now = 100;
  await expect(control.breathe()).rejects.toBe("late");
});

test("a deadline is a flag, never an exception", async () => {
  const { state, control } = fake({ deadlineMs: 50 });
  expect(control.expired).toBe(false);
  state.now = 50;
  expect([control.expired, control.elapsedMs]).toEqual([true, 50]);
  await control.breathe();
  expect(fake().control.expired).toBe(false);
  expect(fake({ deadlineMs: 0 }).control.expired).toBe(true);
});

test("the real clock and the real yield let a timer abort a busy loop", async () => {
  const abort = new AbortController();
  const control = new RunControl({ signal: abort.signal });
  setTimeout(() => abort.abort("timer"), 5);
  const busy = async () => {
    for (;;) await control.breathe();
  };
  await expect(busy()).rejects.toBe("timer");
});

test.each(["setImmediate", "setImmediate and MessageChannel"])(
  "without %s another kind of task is used",
  async (missing) => {
    const saved = { setImmediate: globalThis.setImmediate, MessageChannel: globalThis.MessageChannel };
    const patch = globalThis as Record<string, unknown>;
    try {
      patch.setImmediate = undefined;
      if (missing.includes("Channel")) patch.MessageChannel = undefined;
      let inMicrotask = true;
      const turn = yieldTask().then(() => inMicrotask);
      await Promise.resolve().then(() => Promise.resolve());
      inMicrotask = false;
      expect(await turn).toBe(false);
    } finally {
      Object.assign(globalThis, saved);
    }
  },
);
