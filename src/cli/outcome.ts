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

/** An abort signal that the first Ctrl-C or SIGTERM fires with an `Interruption`; a second one ends the process at once. */
export function watchSignals(): { readonly signal: AbortSignal; stop(): void } {
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
    stop: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
