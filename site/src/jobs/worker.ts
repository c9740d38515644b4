/** The worker: runs jobs by name, one module a job, loaded on use. */
import type { Job, JobName } from "./jobs.js";

const JOBS: { readonly [K in JobName]: () => Promise<Job<K>> } = {
  open: async () => (await import("./table.js")).open,
  fit: async () => (await import("./fit.js")).fit,
  saddle: async () => (await import("./saddle.js")).saddle,
  predict: async () => (await import("./predict.js")).predict,
  simulate: async () => (await import("./predict.js")).simulate,
  transition: async () => (await import("./predict.js")).transition,
  phase: async () => (await import("./phase.js")).phase,
  speed: async () => (await import("./speed.js")).speed,
  traps: async () => (await import("./saddle.js")).traps,
};

const running = new Map<number, AbortController>();

addEventListener("message", async ({ data }: MessageEvent) => {
  if ("cancel" in data) {
    running.get(data.cancel)?.abort(new DOMException("Cancelled.", "AbortError"));
    return;
  }
  const { job, name, input } = data as { job: number; name: JobName; input: never };
  const control = new AbortController();
  running.set(job, control);
  try {
    const work = (await JOBS[name]()) as Job<JobName>;
    const output = await work(input, {
      signal: control.signal,
      tell: (news, transfer = []) => postMessage({ job, news }, { transfer }),
    });
    postMessage({ job, output });
  } catch (error) {
    const { message = String(error), code } = error as { message?: string; code?: string };
    postMessage({ job, error: { message, code } });
  } finally {
    running.delete(job);
  }
});
