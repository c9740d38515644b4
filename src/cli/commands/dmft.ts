/** `leapflow dmft`: the trajectory of gradient descent on a single-index model, predicted, and simulated beside it. */
import type { Command } from "commander";
import pc from "picocolors";
import type { Simulation, TrajectoryCurves } from "../../index.js";
import type { DmftOptions, DmftResult } from "../../theory/index.js";
import { addModelFlags, type ModelFlags, modelOf, PREPROCESS_HELP, type StartFlags, startOf } from "../channelFlags.js";
import { numberOrWord } from "../fitFlags.js";
import { checkPlot, optionsOf, savePlot, watched } from "../linkFlags.js";
import { count, figure, printJson, printText, tableLines } from "../print.js";

interface DmftFlags extends ModelFlags, StartFlags {
  readonly steps?: string;
  readonly paths?: string;
  readonly replicates?: string;
  readonly seed?: string;
  readonly simulate?: string;
  readonly trials: string;
  readonly plot?: string;
  readonly json?: boolean;
}

/** Rows of the table; long trajectories are shown at these many times, widening. */
const SHOWN = 12;

export function addDmftCommand(program: Command): void {
  const command = program.command("dmft");
  addModelFlags(command)
    .option("--steps <n>", "steps of gradient descent, default 40")
    .option(
      "--start <name>",
      '"spectral" (default for even links), "linear" (for others), "zero", or "independent" of the data',
    )
    .option("--overlap <m>", "overlap of an independent start")
    .option("--norm-squared <q>", "squared norm of an independent start")
    .option("--start-scale <number>", "norm of the spectral start, or scale of the linear one, default 1")
    .option("--preprocess <T>", `of the spectral start: ${PREPROCESS_HELP}`)
    .option("--paths <n>", "sampled rows, default 8192; powers of two suit best")
    .option("--replicates <n>", "independent samples, for the standard errors, default 4")
    .option("--seed <n>", "integer ≥ 0 that fixes samples and simulation; drawn and reported when absent")
    .option("--simulate <dim>", "also run the algorithm on fresh data of this many inputs")
    .option("--trials <n>", "runs of the simulation", "16")
    .option("--plot <file.svg>", "write a figure of the trajectories here")
    .option("--json", "print one JSON document instead of a table")
    .action((flags: DmftFlags) => runDmft(flags));
}

async function runDmft(flags: DmftFlags): Promise<void> {
  const { dmft } = await import("../../theory/index.js");
  const shared = { ...modelOf(flags), ...startOf(flags), ...optionsOf({ ...flags }, ["steps", "seed"]) };
  const options = { ...shared, ...optionsOf({ ...flags }, ["paths", "replicates"]) } as DmftOptions;
  await checkPlot(flags.plot);
  const { predicted, simulation } = await watched(async ({ signal, say }) => {
    const predicted = await dmft({
      ...options,
      signal,
      onProgress: ({ replicate, replicates, step, steps }) =>
        say(`predicting: step ${step} of ${steps}, replicate ${replicate + 1} of ${replicates}`),
    });
    if (flags.simulate === undefined) return { predicted, simulation: undefined };
    const { simulateSingleIndex } = await import("../../index.js");
    const simulation = await simulateSingleIndex({
      ...(shared as DmftOptions),
      // What the prediction drew or chose, the simulation uses too.
      seed: predicted.seed,
      stepSize: predicted.stepSize,
      dim: numberOrWord(flags.simulate) as number,
      trials: numberOrWord(flags.trials) as number,
      signal,
      onProgress: ({ done, total }) => say(`simulating: ${done} of ${total} trials`),
    });
    return { predicted, simulation };
  });
  await savePlot(flags.plot, async () => {
    const { trajectoryFigure } = await import("../../plot/index.js");
    return trajectoryFigure(predicted, { ...(simulation ? { simulation } : {}), title: headline(flags) });
  });
  if (flags.json === true) printJson(dmftJson(predicted, simulation));
  else printText(table(flags, predicted, simulation));
}

const curvesOf = (curves: TrajectoryCurves) => ({
  overlap: Array.from(curves.overlap),
  normSquared: Array.from(curves.normSquared),
  cosine: Array.from(curves.cosine),
  squaredError: Array.from(curves.squaredError),
  trainLoss: Array.from(curves.trainLoss),
  testLoss: Array.from(curves.testLoss),
});

/** `null` where one replicate leaves no errors. */
function dmftJson(got: DmftResult, simulation: Simulation | undefined): Record<string, unknown> {
  return {
    ...curvesOf(got),
    standardErrors: got.standardErrors === undefined ? null : curvesOf(got.standardErrors),
    ...(simulation === undefined
      ? {}
      : {
          simulation: {
            ...curvesOf(simulation),
            standardErrors: curvesOf(simulation.standardErrors),
            dim: simulation.dim,
            samples: simulation.samples,
            trials: simulation.trials,
          },
        }),
    stepSize: got.stepSize,
    paths: got.paths,
    replicates: got.replicates,
    seed: got.seed,
    warnings: got.warnings,
  };
}

function headline(flags: DmftFlags): string {
  const noise = flags.noise === undefined ? "" : `, noise ${flags.noise}`;
  return `${flags.channel}${noise}, n/d = ${flags.ratio}, ridge ${flags.ridge ?? 0}`;
}

/** 0, 1, 2, then widening, the last one always. */
function shownTimes(steps: number): number[] {
  const times = new Set([0, steps]);
  for (let k = 0; k < SHOWN; k++) times.add(Math.round((steps * (1.35 ** k - 1)) / (1.35 ** (SHOWN - 1) - 1)));
  return Array.from(times).sort((a, b) => a - b);
}

const KEYS = ["overlap", "normSquared", "trainLoss", "testLoss"] as const;
const NAMES = { overlap: "m", normSquared: "q", trainLoss: "train", testLoss: "test" } as const;
/** What is shown beside a simulation, in 80 columns. */
const COMPARED = ["overlap", "normSquared", "trainLoss"] as const;

function table(flags: DmftFlags, got: DmftResult, simulation: Simulation | undefined): string {
  return [
    `${pc.bold(headline(flags))}, step ${figure(got.stepSize)}, ${got.paths} paths × ${got.replicates}, seed ${got.seed}`,
    "",
    ...(simulation === undefined ? predictionLines(got) : comparisonLines(got, simulation)),
    "",
    `  ${pc.dim("m = ⟨θ, θ*⟩/d, q = |θ|²/d; in brackets one standard error, in units of the last digit")}`,
    ...got.warnings.map(({ code, message }) => `\n${pc.yellow(`warning ${code}`)} ${message}`),
  ].join("\n");
}

function predictionLines(got: DmftResult): string[] {
  const rows = shownTimes(got.overlap.length - 1).map((t) => [
    String(t),
    ...KEYS.map((key) => withError(got[key][t], got.standardErrors?.[key][t])),
  ]);
  return tableLines(["t", ...KEYS.map((key) => NAMES[key])], rows);
}

/** Prediction and simulation side by side. */
function comparisonLines(got: DmftResult, simulation: Simulation): string[] {
  const rows = shownTimes(got.overlap.length - 1).map((t) => [
    String(t),
    ...COMPARED.flatMap((key) => [
      withError(got[key][t], got.standardErrors?.[key][t]),
      withError(simulation[key][t], simulation.standardErrors[key][t]),
    ]),
  ]);
  const gaps = KEYS.map((key) => `${NAMES[key]} ${worstGap(got, simulation, key).toFixed(1)}`).join(", ");
  return [
    `  predicted beside ${count(simulation.trials, "simulated run")} at d = ${simulation.dim}, n = ${simulation.samples}`,
    "",
    ...tableLines(["t", ...COMPARED.flatMap((key) => [NAMES[key], "simulated"])], rows),
    "",
    `  largest gap over all steps, in standard errors: ${gaps}`,
  ];
}

/** 0.6908(49) is 0.6908 ± 0.0049; as many digits as the error has two of, at least four and at most six. */
function withError(value: number, error: number | undefined): string {
  if (error === undefined || !(error > 1e-12)) return value.toFixed(4);
  const digits = Math.min(6, Math.max(4, 1 - Math.floor(Math.log10(error))));
  return `${value.toFixed(digits)}(${Math.round(error * 10 ** digits)})`;
}

/** In standard errors of both together. */
function worstGap(got: DmftResult, simulation: Simulation, key: keyof TrajectoryCurves): number {
  let most = 0;
  for (let t = 0; t < got.overlap.length; t++) {
    const error = Math.hypot(simulation.standardErrors[key][t], got.standardErrors?.[key][t] ?? 0);
    const gap = Math.abs(got[key][t] - simulation[key][t]);
    if (error > 1e-12) most = Math.max(most, gap / error);
  }
  return most;
}
