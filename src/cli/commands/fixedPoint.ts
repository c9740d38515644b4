/** `leapflow fixed-point`: where gradient descent on a single-index model ends, and how fast it gets there. */
import { type Command, Option } from "commander";
import pc from "picocolors";
import type { FixedPoint } from "../../theory/index.js";
import { addModelFlags, type ModelFlags, modelOf } from "../channelFlags.js";
import { numberOrWord } from "../fitFlags.js";
import { watched } from "../linkFlags.js";
import { count, figure, printJson, printText, tableLines } from "../print.js";

interface FixedPointFlags extends ModelFlags {
  readonly overlap?: string;
  readonly normSquared?: string;
  readonly json?: boolean;
}

/** Flags of `dmft` that the limit does not depend on: accepted, so that one line of settings serves both commands. */
const WITHOUT_EFFECT = [
  "--steps <n>",
  "--start <name>",
  "--start-scale <number>",
  "--preprocess <T>",
  "--paths <n>",
  "--replicates <n>",
  "--seed <n>",
];

export function addFixedPointCommand(program: Command): void {
  const command = program.command("fixed-point");
  addModelFlags(command)
    .option("--overlap <m>", "where the iteration begins, default 0.9")
    .option("--norm-squared <q>", "the same for the squared norm, default 0.9")
    .option("--json", "print one JSON document instead of a table")
    .action((flags: FixedPointFlags) => runFixedPoint(flags));
  for (const flags of WITHOUT_EFFECT) command.addOption(new Option(flags).hideHelp());
}

async function runFixedPoint(flags: FixedPointFlags): Promise<void> {
  const { longTimeFixedPoint } = await import("../../theory/index.js");
  const { overlap, normSquared } = flags;
  const isGiven = overlap !== undefined || normSquared !== undefined;
  const start = { overlap: numberOrWord(overlap ?? "0.9"), normSquared: numberOrWord(normSquared ?? "0.9") };
  const point = await watched(({ signal, say }) =>
    longTimeFixedPoint({
      ...modelOf(flags),
      ...(isGiven ? { start: start as { overlap: number; normSquared: number } } : {}),
      signal,
      onProgress: ({ iteration, residual }) => say(`iteration ${iteration}  residual ${figure(residual)}`),
    }),
  );
  if (flags.json === true) printJson(fixedPointJson(point));
  else printText(table(flags, point));
}

/** `null` for a number of steps that is infinite. */
const fixedPointJson = (point: FixedPoint): Record<string, unknown> => ({
  ...point,
  residuals: Array.from(point.residuals),
  stepsToConverge: Number.isFinite(point.stepsToConverge) ? point.stepsToConverge : null,
});

function table(flags: FixedPointFlags, point: FixedPoint): string {
  const noise = flags.noise === undefined ? "" : `, noise ${flags.noise}`;
  const [left, right] = point.spectrum;
  const rows = [
    ["overlap m", figure(point.overlap)],
    ["squared norm q", figure(point.normSquared)],
    ["cosine m/√q", figure(point.overlap / Math.sqrt(point.normSquared))],
    ["training loss", figure(point.trainLoss)],
    ["γ", figure(point.gamma)],
    ["Hessian bulk", `${figure(left)} to ${figure(right)}`],
    ["rate per step", `${figure(point.rate)}  (step ${figure(point.stepSize)})`],
    [
      "steps to 1e-6",
      Number.isFinite(point.stepsToConverge) ? String(Math.ceil(point.stepsToConverge)) : "does not converge",
    ],
    ["smallest 1 + γl″", figure(point.minimumSlope)],
  ];
  return [
    `${pc.bold(flags.channel)}${noise}, n/d = ${flags.ratio}, ridge ${flags.ridge ?? 0}`,
    "",
    ...tableLines(["limit", "value"], rows),
    "",
    `  ${point.stable ? pc.green("stable: small deviations die out") : pc.yellow("unstable: the Hessian has a direction of descent")}`,
    `  ${pc.dim(`${point.stop.reason} after ${count(point.stop.iterations, "iteration")}, residual ${point.residual.toExponential(1)}`)}`,
  ].join("\n");
}
