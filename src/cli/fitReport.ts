/** `fit --report`: the page of a fit, and the command line that makes it again. */
import { OptionError } from "../base/errors.js";
import type { Fit } from "../index.js";
import type { ReportRows } from "../plot/index.js";

/** Refuses a report that could not be written, before any work is done. */
export async function checkReport(path: string | undefined, save: string | undefined): Promise<void> {
  if (path === undefined) return;
  if (path === save)
    throw new OptionError("RANGE", `--report and --save both name ${path}; the model and the report are two files.`);
  await (await import("../io/index.js")).checkWritable(path);
}

/** What a report is made from besides the fit. */
export interface ReportSource {
  readonly train: ReportRows;
  readonly test?: ReportRows;
  readonly target: string;
  /** Path of the rows. */
  readonly source: string;
}

/** Writes the report of a fit. @throws {FormatError} `FILE` */
export async function saveReport(path: string, fit: Fit, { train, ...rest }: ReportSource): Promise<void> {
  const { fitReport } = await import("../plot/index.js");
  const { writeText } = await import("../io/index.js");
  await writeText(
    path,
    await fitReport(fit, { ...train, ...rest, command: commandLine(process.argv.slice(2), fit.seed) }),
  );
}

/** The command as a line for a shell; a seed that was drawn is added, so that it gives the same model. */
export function commandLine(args: readonly string[], seed: number): string {
  const isSeeded = args.some((arg) => arg === "--seed" || arg.startsWith("--seed="));
  return ["leapflow", ...args, ...(isSeeded ? [] : ["--seed", String(seed)])].map(quoted).join(" ");
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
