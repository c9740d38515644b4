/** `leapflow study`: the experiments of the papers, each by one command. */
import { type Command, Option } from "commander";
import pc from "picocolors";
import type { StudyResult } from "../../studies/index.js";
import { countOf } from "../counts.js";
import { optionsOf, watched } from "../linkFlags.js";
import { Interruption } from "../outcome.js";
import { figure, printJson, printText, tableLines } from "../print.js";

interface StudyFlags {
  readonly full?: boolean;
  readonly tiny?: boolean;
  readonly seed?: string;
  readonly out?: string;
  readonly png: boolean;
  readonly threads?: number;
  readonly cluster?: string;
  readonly graceMs?: number;
  readonly json?: boolean;
}

/** The studies, for the help text; `runStudy` knows them too, and refuses others. */
const STUDY_HELP =
  "convergence, saddles, planted, stability, samples, non-gaussian, features, wirtinger or phase-diagram";

export function addStudyCommand(program: Command): void {
  program
    .command("study")
    .argument("<name>", STUDY_HELP)
    .option("--quick", "seconds to half a minute; the default")
    .addOption(new Option("--full", "minutes: more dimensions and trials").conflicts("quick"))
    .addOption(new Option("--tiny", "the smallest size, for tests").conflicts(["quick", "full"]).hideHelp())
    .option("--seed <n>", "integer ≥ 0 that fixes all draws, default 1")
    .option("--out <folder>", "data, figures and index.html go here; an interrupted study goes on from what is there")
    .option("--no-png", "leave out the PNG images")
    .option(
      "--threads <n>",
      "threads that share the jobs, default: one per processor; the same figures for every number",
      countOf,
    )
    .addOption(new Option("--cluster <url>", "run the jobs on the members of a cluster").conflicts("threads"))
    .option("--grace-ms <ms>", "how long to wait for a member or a broker that went away, default 30000", countOf)
    .option("--json", "print one JSON document instead of a table")
    .action((name: string, flags: StudyFlags) => runStudyCommand(name, flags));
}

async function runStudyCommand(name: string, flags: StudyFlags): Promise<void> {
  const { runStudy } = await import("../../studies/index.js");
  const { studyCrew } = await import("../../cluster/index.js");
  const { threads, cluster, graceMs } = flags;
  const crew = studyCrew({
    ...(threads === undefined ? {} : { threads }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(graceMs === undefined ? {} : { graceMs }),
  });
  const scale = flags.full ? "full" : flags.tiny ? "tiny" : "quick";
  let state = { done: 0, total: 0 };
  const study = await watched(async ({ signal, say }) => {
    try {
      return await runStudy(name, {
        ...optionsOf({ ...flags }, ["seed"]),
        ...(flags.out === undefined ? {} : { out: flags.out, png: flags.png }),
        scale,
        crew,
        signal,
        onProgress: ({ phase, done, total }) => {
          state = { done, total };
          say(`${done} of ${total} jobs, ${phase}`);
        },
      });
    } catch (error) {
      if (!(error instanceof Interruption) || flags.out === undefined) throw error;
      throw new Interruption(error.signal, `; ${state.done} of ${state.total} jobs are kept in ${flags.out}`);
    }
  });
  for (const warning of study.warnings) process.stderr.write(`leapflow: ${warning}\n`);
  if (flags.json === true) printJson(jsonOf(study));
  else printText(await table(study, flags.out));
}

/** Everything but the points of the figures, which are in the tables. */
function jsonOf({ figures, ...study }: StudyResult): Record<string, unknown> {
  return { ...study, figures: figures.map(({ name, caption }) => ({ name, title: name, caption })) };
}

async function table(study: StudyResult, out: string | undefined): Promise<string> {
  const { countFindings, verdictOf } = await import("../../plot/index.js");
  const cell = (value: number | string | null): string =>
    value === null ? "" : typeof value === "number" ? figure(value) : value;
  const rows = study.findings.map(({ statement, predicted, measured, interval, verdict, beyond }) => [
    statement,
    cell(predicted),
    cell(measured),
    interval === null ? "" : `${figure(interval[0])} to ${figure(interval[1])}`,
    verdict === "differs" && beyond !== true ? pc.yellow(verdict) : verdictOf({ verdict, beyond }),
  ]);
  return [
    `${pc.bold(study.title)}  (${study.scale}, seed ${study.seed})`,
    "",
    ...study.seen.map((text) => `  ${text}`),
    "",
    ...tableLines(["statement", "predicted", "measured", "95 %", ""], rows),
    "",
    `  ${countFindings(study.findings)}`,
    ...(study.resumed > 0 ? ["", `  ${study.resumed} jobs were taken over from an earlier run`] : []),
    ...(out === undefined ? [] : ["", `  page in ${out}/index.html, with ${study.files.length - 1} files beside it`]),
  ].join("\n");
}
