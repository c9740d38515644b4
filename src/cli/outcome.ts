/** Errors → exit codes and one line of text. */
import { CommanderError } from "commander";
import { FormatError, InputError, LeapflowError, OptionError } from "../base/errors.js";

/** A signal ended the command; the exit code is 128 + its number. */
export class Interruption extends Error {
  readonly exitCode: number;

  constructor(
    readonly signal: "SIGINT" | "SIGTERM",
    note = "",
  ) {
    super(`${signal === "SIGINT" ? "interrupted" : "terminated"}${note}`);
    this.exitCode = signal === "SIGINT" ? 130 : 143;
  }
}

/** 0 for help, 2 for wrong use, unreadable input and unwritable output, 128 + n after a signal, 1 for all else. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interruption) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof InputError || error instanceof OptionError || error instanceof FormatError ? 2 : 1;
}

/** One line, whatever the message. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message
    .replace(/\s*\n\s*/g, " ")
    .replace(/^error: /, "")
    .trim();
  return error instanceof LeapflowError || error instanceof CommanderError || error instanceof Interruption
    ? line
    : `unexpected error: ${line}`;
}

/** Ctrl-C and SIGTERM while a command works. */
export interface SignalWatch {
  /** Aborted by the first of them with an `Interruption`; a second one ends the process at once. */
  readonly signal: AbortSignal;
  /**
   * Hears what arrived during work that never gave way to the event loop: without it such a signal is lost.
   * @throws {Interruption} when a signal came
   */
  settle(): Promise<void>;
  stop(): void;
}

/** Starts to listen. */
export function watchSignals(): SignalWatch {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    const reason = new Interruption(name === "SIGTERM" ? "SIGTERM" : "SIGINT");
    if (controller.signal.aborted) process.exit(reason.exitCode);
    controller.abort(reason);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    settle: async () => {
      // Two turns: the first may begin behind the phase in which signals are read.
      for (let turn = 0; turn < 2; turn++) await new Promise((done) => setImmediate(done));
      controller.signal.throwIfAborted();
    },
    stop: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
