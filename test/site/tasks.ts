/** What the main thread of a page is busy with. */
import type { Page } from "playwright-core";

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of processor time. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/**
 * Milliseconds that each task of the page's main thread takes while something happens, longest first. Processor time, not the clock's: a
 * machine that runs other things makes every task wait, and that says nothing about the page.
 */
export async function longestTasks(page: Page, during: () => Promise<unknown>): Promise<number[]> {
  const client = await page.context().newCDPSession(page);
  await client.send("Tracing.start", {
    transferMode: "ReturnAsStream",
    traceConfig: { includedCategories: ["toplevel"] },
  });
  await during();
  const complete = new Promise<{ stream?: string }>((resolve) => client.once("Tracing.tracingComplete", resolve));
  await client.send("Tracing.end");
  const { stream: handle = "" } = await complete;
  let text = "";
  for (;;) {
    const { data, eof } = await client.send("IO.read", { handle });
    text += data;
    if (eof) break;
  }
  const { traceEvents } = JSON.parse(text) as { traceEvents: TraceEvent[] };
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  return traceEvents
    .filter(({ name, ph, pid, tid }) => ph === "X" && name.endsWith("RunTask") && mains.has(`${pid} ${tid}`))
    .map(({ tdur = 0 }) => tdur / 1000)
    .sort((a, b) => b - a);
}
