#!/usr/bin/env node
/** The command line: parses, runs one command, and turns every outcome into an exit code. */
import { Command, CommanderError } from "commander";
import { VERSION } from "../base/version.js";
import { addBenchCommand } from "./commands/bench.js";
import { addClusterCommand } from "./commands/cluster.js";
import { addDmftCommand } from "./commands/dmft.js";
import { addExponentsCommand } from "./commands/exponents.js";
import { addFitCommand } from "./commands/fit.js";
import { addFixedPointCommand } from "./commands/fixedPoint.js";
import { addFlowCommand } from "./commands/flow.js";
import { addMemberCommand } from "./commands/member.js";
import { addPlantedCommand } from "./commands/planted.js";
import { addPlaygroundCommand } from "./commands/playground.js";
import { addPredictCommand } from "./commands/predict.js";
import { addRetrieveCommand } from "./commands/retrieve.js";
import { addScalingCommand } from "./commands/scaling.js";
import { addScoreCommand } from "./commands/score.js";
import { addSpectralCommand } from "./commands/spectral.js";
import { addStudyCommand } from "./commands/study.js";
import { addSweepCommand } from "./commands/sweep.js";
import { exitCodeOf, messageOf } from "./outcome.js";

function createProgram(): Command {
  const program = new Command("leapflow")
    .description("Learn multi-index models y = f(Wᵀx) + noise from tables of numbers.")
    .version(VERSION)
    .exitOverride()
    // Errors are printed once, in one line, by `run`.
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(true);
  addFitCommand(program);
  addPredictCommand(program);
  addScoreCommand(program);
  addExponentsCommand(program);
  addFlowCommand(program);
  addPlantedCommand(program);
  addScalingCommand(program);
  addSpectralCommand(program);
  addDmftCommand(program);
  addFixedPointCommand(program);
  addRetrieveCommand(program);
  addSweepCommand(program);
  addMemberCommand(program);
  addClusterCommand(program);
  addPlaygroundCommand(program);
  addBenchCommand(program);
  addStudyCommand(program);
  return program;
}

async function run(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    const isHelp = error instanceof CommanderError && (error.exitCode === 0 || error.code === "commander.help");
    if (!isHelp) process.stderr.write(`leapflow: ${messageOf(error)}\n`);
    if (process.env.LEAPFLOW_DEBUG !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return exitCodeOf(error);
  }
}

// A reader that has seen enough (`leapflow … | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 2));
process.stderr.on("error", () => undefined);

run(process.argv.slice(2)).then((code) => {
  // Pending output first; then leave at once, whatever timers or threads a computation left behind.
  process.stdout.write("", () => process.exit(code));
});
