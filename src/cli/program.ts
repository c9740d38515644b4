/** The command line: parses, runs one command, and turns every outcome into an exit code. */
import { Command, CommanderError } from "commander";
import { VERSION } from "../base/version.js";
import { addCommands } from "./commands.js";
import { exitCodeOf, messageOf } from "./outcome.js";

async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command("leapflow")
    .description("Learn multi-index models y = f(Wᵀx) + noise from tables of numbers.")
    .version(VERSION)
    .exitOverride()
    // Errors are printed once, in one line, by `run`.
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(true);
  await addCommands(program, args);
  return program;
}

async function run(args: readonly string[]): Promise<number> {
  try {
    await (await createProgram(args)).parseAsync(args, { from: "user" });
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
