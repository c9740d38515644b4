/** `leapflow sweep`: every combination of a specification, in this process or over a cluster. */
import type { Command } from "commander";
import { FormatError, LeapflowError } from "../../base/errors.js";
import type { SweepResult } from "../../cluster/index.js";
import { countOf } from "../counts.js";
import { watchSignals } from "../outcome.js";
import { count, figure, printJson, printText, progressLine, tableLines } from "../print.js";
import { readTraining } from "../tables.js";

interface SweepFlags {
  readonly cluster?: string;
  readonly threads?: number;
  readonly graceMs?: number;
  readonly json?: boolean;
}

export function addSweepCommand(program: Command): void {
  program
    .command("sweep")
    .argument("<spec.json>", "{ name, data, target, testFraction, fit: {…}, vary: { option: [values], … } }")
    .option("--cluster <url>", "run the jobs on the members of a cluster; each is computed once")
    .option("--threads <n>", "without a cluster: threads of this process", countOf)
    .option("--grace-ms <ms>", "how long to wait for a member or a broker that went away, default 30000", countOf)
    .option("--json", "print one JSON document instead of a table")
    .action(runSweepCommand);
}

async function runSweepCommand(path: string, flags: SweepFlags): Promise<void> {
  const watch = watchSignals();
  const progress = progressLine();
  try {
    const { readSpec, runSweep } = await import("../../cluster/index.js");
    const spec = readSpec(await readSpecFile(path));
    const rows =
      spec.study === undefined
        ? await readTraining(resolveFrom(path, spec.data as string), spec.target as string, spec.columns, watch.signal)
        : undefined;
    const { cluster, threads, graceMs } = flags;
    const result = await runSweep(spec, rows, {
      ...(cluster === undefined ? {} : { cluster }),
      ...(threads === undefined ? {} : { threads }),
      ...(graceMs === undefined ? {} : { graceMs }),
      signal: watch.signal,
      onProgress: ({ done, jobs }) => progress.say(`${done} of ${jobs} jobs`),
    });
    progress.clear();
    if (flags.json === true) printJson(result);
    else printText(summary(result));
    const failed = result.rows.filter(({ error }) => error !== undefined);
    if (failed.length > 0) {
      throw new LeapflowError(
        "SOURCE",
        `${failed.length} of ${result.jobs} jobs failed; the first with: ${failed[0].error?.message}`,
      );
    }
  } finally {
    progress.clear();
    watch.stop();
  }
}

async function readSpecFile(path: string): Promise<unknown> {
  const { readText } = await import("../../io/index.js");
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError("FORMAT", `${path} is not JSON: ${(cause as Error).message}`, { cause, details: { path } });
  }
}

/** Paths in a specification are relative to it. */
function resolveFrom(spec: string, data: string): string {
  const { dirname, resolve } = process.getBuiltinModule("node:path");
  if (data.trim() === "") throw new FormatError("FORMAT", `${spec} names no data.`);
  return resolve(dirname(spec), data);
}

function summary({ name, jobs, rows }: SweepResult): string {
  const varied = Object.keys(rows[0]?.options ?? {});
  const numbers = [...new Set(rows.flatMap(({ metrics }) => Object.keys(metrics ?? {})))].filter((key) =>
    rows.some(({ metrics }) => typeof metrics?.[key] === "number"),
  );
  const cell = (value: unknown): string => (typeof value === "number" ? figure(value) : String(value ?? "–"));
  const lines = tableLines(
    [...varied, ...numbers, "seed", ""],
    rows.map(({ options, metrics, seed, error }) => [
      ...varied.map((key) => (typeof options[key] === "object" ? JSON.stringify(options[key]) : String(options[key]))),
      ...numbers.map((key) => cell(metrics?.[key])),
      String(seed),
      error ? `failed: ${error.message}` : "",
    ]),
  );
  return [`${name}: ${count(jobs, "job")}`, "", ...lines].join("\n");
}
