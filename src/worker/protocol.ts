/** The messages between `fitInWorker` and `serveFits`, and how a fit becomes one. */
import { FormatError } from "../base/errors.js";
import type { ErrorData } from "../base/port.js";
import type { DenseRows, FitOptions, FitProgress, FitRecord } from "../index.js";

export const PROTOCOL = 1;

/** Options of a fit that can travel. */
export type SentOptions = Omit<FitOptions, "signal" | "onProgress" | "crew">;

/** To the worker. */
export type ToWorker = { readonly leapflow: "fit"; readonly id: string } & (
  | {
      readonly do: "start";
      readonly protocol: number;
      readonly X: DenseRows;
      readonly y: Float64Array;
      readonly options: SentOptions;
      /** Whether anybody listens to the progress. */
      readonly progress: boolean;
    }
  /** Ends a fit; nothing of it is answered any more. */
  | { readonly do: "abort" }
  /** How is it? Answered with "alive", or with the end of the fit once more. */
  | { readonly do: "ask" }
  /** The end of the fit has arrived. */
  | { readonly do: "done" }
);

/** From the worker. */
export type FromWorker = { readonly leapflow: "fit"; readonly id: string } & (
  | { readonly did: "alive" }
  /** Numbered, since only the latest counts. */
  | { readonly did: "progress"; readonly number: number; readonly progress: FitProgress }
  | { readonly did: "fit"; readonly fit: FitRecord }
  | { readonly did: "fail"; readonly error: ErrorData }
  /** The fit was never heard of. */
  | { readonly did: "unknown" }
);

/** Whether a message belongs to some conversation of this package. */
export const isOurs = (message: unknown): boolean => typeof field(message, "leapflow") === "string";

/** Whether a message belongs to this conversation, whatever else it says. */
export const isAboutFits = (message: unknown): boolean =>
  field(message, "leapflow") === "fit" && typeof field(message, "id") === "string";

/** A message to the worker. @throws {FormatError} `VERSION` for another release, `MESSAGE` when it says nothing known */
export function readToWorker(message: unknown): ToWorker {
  const { do: what, protocol } = message as { do?: unknown; protocol?: unknown };
  if (what === "start") {
    if (protocol !== PROTOCOL) {
      throw new FormatError(
        "VERSION",
        `this worker speaks protocol ${PROTOCOL}, the page protocol ${String(protocol)}; use one release of leapflow in both.`,
        { details: { worker: PROTOCOL, page: protocol } },
      );
    }
    const X = field(message, "X");
    const isRows =
      field(X, "data") instanceof Float64Array && isCount(field(X, "rows")) && isCount(field(X, "columns"));
    if (isRows && field(message, "y") instanceof Float64Array && isRecord(field(message, "options"))) {
      return message as ToWorker;
    }
  } else if (what === "abort" || what === "ask" || what === "done") {
    return message as ToWorker;
  }
  throw notOfTheProtocol(message);
}

/** A message from the worker. @throws {FormatError} `MESSAGE` */
export function readFromWorker(message: unknown): FromWorker {
  const { did } = message as { did?: unknown };
  const isKnown =
    did === "alive" ||
    did === "unknown" ||
    (did === "progress" && isCount(field(message, "number")) && isRecord(field(message, "progress"))) ||
    (did === "fit" && isRecord(field(message, "fit"))) ||
    (did === "fail" && typeof field(field(message, "error"), "message") === "string");
  if (isKnown) return message as FromWorker;
  throw notOfTheProtocol(message);
}

/** The error for a message that nobody here sent. */
export function notOfTheProtocol(message: unknown): FormatError {
  const keys = isRecord(message) ? Object.keys(message).slice(0, 5) : [];
  const what = isRecord(message)
    ? `an object with ${keys.length ? `"${keys.join('", "')}"` : "nothing in it"}`
    : typeof message;
  return new FormatError(
    "MESSAGE",
    `the worker sent ${what}, which is no message of leapflow. Its file should call serveFits() and post nothing of its own while a fit runs.`,
    { details: { keys } },
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const isCount = (value: unknown): boolean => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function field(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
