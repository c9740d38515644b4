/** The library's fit options as flags: one table for every command that fits. */
import type { Command } from "commander";

interface Flag {
  readonly flags: string;
  readonly option: string;
  readonly help: string;
}

const FLAGS: readonly Flag[] = [
  {
    flags: "--rank <n>",
    option: "rank",
    help: 'number of directions; 0 is the constant; "auto" (default): chosen by the data',
  },
  { flags: "--degree <n>", option: "degree", help: 'total degree of the Hermite link, or "auto" (default)' },
  { flags: "--link <family>", option: "link", help: 'family of f: "auto" (default), "hermite", "kernel" or "relu"' },
  {
    flags: "--method <name>",
    option: "method",
    help: '"gauss-newton" (default), "lbfgs", "preconditioned-gradient" or "gradient-flow"',
  },
  {
    flags: "--start <name>",
    option: "start",
    help: '"auto" (default), "slices", "linear-hessian", "spectral" or "random"',
  },
  { flags: "--restarts <n>", option: "restarts", help: "extra seeded random starts, default 2; the best one is kept" },
  {
    flags: "--batches <kind>",
    option: "batches",
    help: 'whether starts may be compared on a part of many rows: "auto" (default) or "none"; all rows finish either way',
  },
  { flags: "--ridge <number>", option: "ridge", help: 'relative ridge of the link solve, or "auto" (default)' },
  {
    flags: "--whiten <kind>",
    option: "whiten",
    help: 'how inputs are made isotropic: "full", "scale", "none" or "auto" (default)',
  },
  {
    flags: "--intervals <kind>",
    option: "intervals",
    help: 'prediction intervals from "leave-one-out" errors (default), or "split": exact, from a quarter of the rows set aside',
  },
  { flags: "--max-iterations <n>", option: "maxIterations", help: "stop after this many iterations" },
  { flags: "--tolerance <number>", option: "tolerance", help: "stop at this relative gradient" },
  { flags: "--deadline-ms <ms>", option: "deadlineMs", help: "stop after this time with the best model so far" },
  {
    flags: "--seed <n>",
    option: "seed",
    help: "integer ≥ 0 that fixes all randomness; drawn and reported when absent",
  },
  {
    flags: "--kernel <name>",
    option: "kernel",
    help: '"auto" (default), "wasm" or "reference"; the result is the same',
  },
  {
    flags: "--precision <kind>",
    option: "precision",
    help: '"f64" (default), or "f32": the descent works on a copy of X in single precision',
  },
  { flags: "--threads <n>", option: "threads", help: "number of threads; the result does not depend on it" },
];

/** Adds one flag per option of `fitMultiIndex`. */
export function addFitFlags(command: Command): Command {
  for (const { flags, help } of FLAGS) command.option(flags, help);
  return command;
}

/** The library options among parsed flags; only those given, so that the library's defaults hold. */
export function fitOptionsOf(flags: Readonly<Record<string, unknown>>): Record<string, number | string> {
  const options: Record<string, number | string> = {};
  for (const { option } of FLAGS) {
    const text = flags[option];
    if (typeof text === "string") options[option] = numberOrWord(text);
  }
  return options;
}

/** A number where the text is one; anything else goes to the library as it is, which knows what it accepts. */
export function numberOrWord(text: string): number | string {
  const value = Number(text);
  return text.trim() === "" || (Number.isNaN(value) && text !== "NaN") ? text : value;
}
