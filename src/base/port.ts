/** Message ports of browsers and of Node behind one face, and errors as messages. */
import {
  FormatError,
  InputError,
  KernelError,
  LeapflowError,
  MemoryError,
  NumericalError,
  OptionError,
} from "./errors.js";

/** One end of a conversation with a worker. */
export interface Port {
  /** @param transfer - buffers that move instead of being copied */
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /**
   * Hands over every message, and the end of the worker: its error, its exit, or a message that cannot be read.
   * @returns a function that stops listening
   */
  listen(onMessage: (message: unknown) => void, onLost: (cause: unknown) => void): () => void;
  /** Whether it keeps a process alive; where nothing does, this does nothing. */
  hold(isNeeded: boolean): void;
}

type Listener = (event: never) => void;

/** What browsers, Node, Deno and Bun give, as far as it is used here. */
interface Target {
  postMessage(message: unknown, transfer?: readonly unknown[]): void;
  on?(name: string, listener: Listener): unknown;
  off?(name: string, listener: Listener): unknown;
  addEventListener?(name: string, listener: Listener): void;
  removeEventListener?(name: string, listener: Listener): void;
  start?(): void;
  ref?(): void;
  unref?(): void;
}

/** Whether something is a Worker or MessagePort of either kind. */
export function isPort(target: unknown): boolean {
  const { postMessage, on, addEventListener } = (target ?? {}) as Partial<Target>;
  return typeof postMessage === "function" && (typeof on === "function" || typeof addEventListener === "function");
}

/** @param given - a Worker or MessagePort, see `isPort` */
export function portOf(given: unknown): Port {
  const target = given as Target;
  return {
    post: (message, transfer = []) => target.postMessage(message, transfer),
    listen(onMessage, onLost) {
      // Node's emitters hand over the value itself, event targets an event with it.
      const emits = typeof target.on === "function";
      const listeners: [string, (event: unknown) => void][] = [
        ["message", (event) => onMessage(emits ? event : (event as { data: unknown }).data)],
        ["messageerror", (event) => onLost(emits ? event : new Error("a message could not be read"))],
        [
          "error",
          (event) => onLost(emits ? event : ((event as { error?: unknown; message?: unknown }).error ?? event)),
        ],
        ["exit", (code) => onLost(new Error(`it ended with code ${String(code)}`))],
        ["close", () => onLost(new Error("its port was closed"))],
      ];
      for (const [name, listener] of listeners) {
        if (emits) target.on?.(name, listener as Listener);
        else target.addEventListener?.(name, listener as Listener);
      }
      if (!emits) target.start?.();
      return () => {
        for (const [name, listener] of listeners) {
          if (emits) target.off?.(name, listener as Listener);
          else target.removeEventListener?.(name, listener as Listener);
        }
      };
    },
    hold(isNeeded) {
      if (isNeeded) target.ref?.();
      else target.unref?.();
    },
  };
}

/** The modules of Node that parallel work needs, or undefined elsewhere; bundlers never see an import. */
export function nodeModule(name: string): unknown {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  return typeof host?.getBuiltinModule === "function" ? host.getBuiltinModule(name) : undefined;
}

/** The port of the worker that this code runs in, to whoever made the worker; undefined outside of workers. */
export function ownPort(): Port | undefined {
  const threads = nodeModule("worker_threads") as { parentPort?: unknown } | undefined;
  if (threads?.parentPort) return portOf(threads.parentPort);
  const scope = globalThis as { WorkerGlobalScope?: unknown; document?: unknown };
  return typeof scope.WorkerGlobalScope === "function" && isPort(scope) ? portOf(scope) : undefined;
}

/** An error as plain data. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly details?: unknown;
}

const CLASSES = { LeapflowError, InputError, OptionError, NumericalError, MemoryError, KernelError, FormatError };

/** What travels of an error: class, code, message, and details where they are plain data. */
export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message } = error;
  if (!(error instanceof LeapflowError)) return { name, message };
  return { name, message, code: error.code, details: isClonable(error.details) ? error.details : {} };
}

/** The error again, of its own class when it is one of this package. */
export function errorFrom({ name, message, code, details }: ErrorData): Error {
  if (code !== undefined && Object.hasOwn(CLASSES, name)) {
    const Class = CLASSES[name as keyof typeof CLASSES];
    return new Class(code as LeapflowError["code"], message, { details: (details ?? {}) as Record<string, unknown> });
  }
  if (name === "TypeError") return new TypeError(message);
  if (name === "RangeError") return new RangeError(message);
  const error = new Error(message);
  if (name !== "Error") error.name = name;
  return error;
}

function isClonable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
