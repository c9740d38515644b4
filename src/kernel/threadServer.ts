/** The far end of a thread: parts of problems served over a port. */
import { RunControl } from "../base/control.js";
import { errorData, ownPort, type Port } from "../base/port.js";
import type { PartHost } from "./partHost.js";
import type { Opening } from "./parts.js";
import type { PassName } from "./passes.js";
import { openParts } from "./places.js";

/** What a thread is told. Rows travel once and are opened as often as problems need them. */
export type ToThread = { readonly leapflow: "parts" } & (
  | { readonly do: "rows"; readonly rows: number; readonly data: Float64Array; readonly columns: number }
  | { readonly do: "forget"; readonly rows: number }
  | {
      readonly do: "open";
      readonly problem: number;
      readonly opening: Opening;
      readonly rows: number;
      readonly from: number;
      readonly to: number;
    }
  | {
      readonly do: "call";
      readonly problem: number;
      readonly call: number;
      readonly pass: PassName;
      readonly args: readonly unknown[];
    }
  | { readonly do: "close"; readonly problem: number }
);

/** Whether a message is meant for `servePort`. */
export const isToThread = (message: unknown): message is ToThread =>
  typeof message === "object" && message !== null && (message as { leapflow?: unknown }).leapflow === "parts";

/**
 * Lets this worker serve parts of the rows of fits that run elsewhere, for `configureThreads`. To be called in a worker,
 * once; outside of one it does nothing.
 */
export function serveThreads(): void {
  const port = ownPort();
  if (!port) return;
  const serve = threadServer(port);
  port.listen(
    (message) => {
      if (isToThread(message)) serve(message);
    },
    () => {},
  );
}

/** Answers the messages of `ToThread` over a port, one after the other: problems take turns between passes, never inside. */
export function threadServer(port: Port): (message: ToThread) => void {
  const rows = new Map<number, { readonly data: Float64Array; readonly columns: number }>();
  const hosts = new Map<number, Promise<PartHost>>();
  let turn: Promise<unknown> = Promise.resolve();
  // A pass runs to its end: whoever asked has an event loop of its own, and an abort is seen there.
  const control = new RunControl({ sliceMs: Number.POSITIVE_INFINITY });

  const open = async ({ opening, rows: id, from, to }: ToThread & { do: "open" }): Promise<PartHost> => {
    const known = rows.get(id);
    if (!known) throw new TypeError(`rows ${id} were never sent`);
    const { data, columns } = known;
    return openParts(opening, { data: data.subarray(from * columns, to * columns), rows: to - from, columns }, control);
  };
  const answer = async ({ problem, call, pass, args }: ToThread & { do: "call" }): Promise<void> => {
    try {
      const host = await hosts.get(problem);
      if (!host) throw new TypeError(`problem ${problem} is not open`);
      const { nodes, results } = await host.call(pass, args);
      const buffers = nodes.map(({ values }) => values.buffer as ArrayBuffer);
      port.post({ call, nodes, results }, results ? [...buffers, results.buffer as ArrayBuffer] : buffers);
    } catch (error) {
      port.post({ call, error: errorData(error) });
    }
  };
  const handle = async (message: ToThread): Promise<void> => {
    if (message.do === "rows") rows.set(message.rows, message);
    else if (message.do === "forget") rows.delete(message.rows);
    else if (message.do === "open") {
      const host = open(message);
      host.catch(() => {}); // every call will say it
      hosts.set(message.problem, host);
      await host.catch(() => {});
    } else if (message.do === "call") await answer(message);
    else {
      const host = hosts.get(message.problem);
      hosts.delete(message.problem);
      await host?.then(
        (h) => h.close(),
        () => {},
      );
    }
  };
  return (message) => {
    turn = turn.then(() => handle(message));
  };
}
