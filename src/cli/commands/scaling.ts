/** `leapflow scaling`: how the time to learn a link grows with the dimension. */
import type { Command } from "commander";
import pc from "picocolors";
import type { ScalingStudy, ScalingStudyOptions } from "../../theory/index.js";
import { checkPlot, LINK_HELP, optionsOf, readLink, readNumbers, savePlot, watched } from "../linkFlags.js";
import { figure, printJson, printText, tableLines } from "../print.js";

interface ScalingFlags {
  readonly link: string;
  readonly degree?: string;
  readonly dims: string;
  readonly trials?: string;
  readonly seed?: string;
  readonly flow?: string;
  readonly plot?: string;
  readonly json?: boolean;
}

export function addScalingCommand(program: Command): void {
  program
    .command("scaling")
    .requiredOption("--link <expression>", LINK_HELP)
    .requiredOption("--dims <d1,d2,…>", "rising numbers of inputs, e.g. 100,1000,10000")
    .option("--trials <n>", "random starts per dimension, default 9; medians are reported")
    .option("--seed <n>", "integer ≥ 0 that fixes the starts; drawn and reported when absent")
    .option("--flow <name>", '"two-timescale" (default) learns the link as well, "planted" has it known and frozen')
    .option("--degree <n>", "degree to which a link that is no polynomial is expanded")
    .option("--plot <file.svg>", "write a figure here")
    .option("--json", "print one JSON document instead of a table")
    .action((flags: ScalingFlags) => runScaling(flags));
}

async function runScaling(flags: ScalingFlags): Promise<void> {
  const link = await readLink(flags.link, flags.degree);
  const dims = readNumbers(flags.dims, "--dims");
  await checkPlot(flags.plot);
  const { scalingStudy } = await import("../../theory/index.js");
  const options = { ...optionsOf({ ...flags }, ["trials", "seed", "flow"]), dims } as ScalingStudyOptions;
  const study = await watched(({ signal, onProgress }) => scalingStudy(link, { ...options, signal, onProgress }));
  await savePlot(flags.plot, async () => {
    const { scalingFigure } = await import("../../plot/index.js");
    return scalingFigure(study, { title: `${flags.link}, ${study.flow} flow` });
  });
  if (flags.json === true) printJson(study);
  else printText(table(flags, study));
}

function table(flags: ScalingFlags, study: ScalingStudy): string {
  const { dims, times, quartiles, escaped, trials, exponent, interval, predicted, prefactor, logSlope } = study;
  const rows = dims.map((dim, i) => {
    const [time, range] = [times[i], quartiles[i]];
    return [
      String(dim),
      time === null ? "none" : figure(time),
      range === null ? "" : `${figure(range[0])} to ${figure(range[1])}`,
      `${escaped[i]} of ${trials}`,
    ];
  });
  const range = interval === null ? "" : `  (95 %: ${interval.map((end) => end.toFixed(3)).join(" to ")})`;
  const law = predicted > 0 ? `d^${Number(predicted.toFixed(3))}` : "log d";
  return [
    `${pc.bold(flags.link)}  ${study.flow} flow, ${trials} starts, seed ${study.seed}`,
    "",
    ...tableLines(["d", "time", "middle half", "escaped"], rows),
    "",
    exponent === null
      ? "  too few times for an exponent"
      : `  exponent ${pc.bold(exponent.toFixed(3))}${range}, theory ${law}`,
    ...(prefactor === null ? [] : [`  time ≈ ${figure(prefactor)} · ${law}`]),
    ...(predicted > 0 || logSlope === null ? [] : [`  time ≈ ${figure(logSlope)} · log d + constant`]),
    ...(flags.plot === undefined ? [] : [`  figure in ${flags.plot}`]),
  ].join("\n");
}
