/** `leapflow spectral`: what the spectral start will find, before there are data. */
import type { Command } from "commander";
import pc from "picocolors";
import type {
  ChannelInformation,
  ChannelInformationOptions,
  SpectralTransition,
  SpectralTransitionOptions,
} from "../../theory/index.js";
import { addChannelFlags, type ChannelFlags, channelOf, PREPROCESS_HELP } from "../channelFlags.js";
import { optionsOf } from "../linkFlags.js";
import { figure, printJson, printText, tableLines } from "../print.js";

interface SpectralFlags extends ChannelFlags {
  readonly ratio: string;
  readonly preprocess?: string;
  readonly complex?: boolean;
  readonly json?: boolean;
}

export function addSpectralCommand(program: Command): void {
  const command = program.command("spectral");
  addChannelFlags(command)
    .requiredOption("--ratio <n/d>", "rows per input")
    .option(
      "--preprocess <T>",
      `${PREPROCESS_HELP}; default "opt(20)" for square without noise, "optimal(10)" otherwise`,
    )
    .option("--complex", "complex signals and rows")
    .option("--json", "print one JSON document instead of a table")
    .action((flags: SpectralFlags) => runSpectral(flags));
}

async function runSpectral(flags: SpectralFlags): Promise<void> {
  const { channelInformation, spectralTransition } = await import("../../theory/index.js");
  const model = { channel: channelOf(flags), complex: flags.complex === true } as ChannelInformationOptions;
  const options = { ...model, ...optionsOf({ ...flags }, ["ratio", "preprocess"]) } as SpectralTransitionOptions;
  const got = await spectralTransition(options);
  const information = await channelInformation(model);
  if (flags.json === true) printJson(spectralJson(got, information));
  else printText(table(flags, got, information));
}

/** `null` for a threshold that no ratio reaches. */
function spectralJson(got: SpectralTransition, { spectralThreshold, linearInformation }: ChannelInformation) {
  const { threshold, overlap, eigenvalue, edge, aboveThreshold, gap, preprocess, warnings } = got;
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    threshold: finite(threshold),
    overlap,
    eigenvalue,
    edge,
    aboveThreshold,
    gap,
    preprocess,
    bestThreshold: finite(spectralThreshold),
    linearInformation,
    warnings,
  };
}

function table(flags: SpectralFlags, got: SpectralTransition, information: ChannelInformation): string {
  const noise = flags.noise === undefined ? "" : `, noise ${flags.noise}`;
  const ratio = (value: number): string => (Number.isFinite(value) ? figure(value) : "none");
  const linear = Number(flags.ratio) * information.linearInformation;
  const rows = [
    ["threshold n/d", ratio(got.threshold)],
    ["the same for the best T", ratio(information.spectralThreshold)],
    ["overlap", `${figure(got.overlap)}  (squared ${figure(got.overlap ** 2)})`],
    ["top eigenvalue", figure(got.eigenvalue)],
    ["edge of the bulk", figure(got.edge)],
    ["gap", figure(got.gap)],
    ["best linear start, overlap", linear > 0 ? figure(Math.sqrt(linear / (1 + linear))) : "0"],
  ];
  return [
    `${pc.bold(flags.channel)}${noise}, ${flags.complex === true ? "complex" : "real"}, n/d = ${flags.ratio}, preprocess ${got.preprocess}`,
    "",
    ...tableLines(["predicted", "value"], rows),
    "",
    ...(got.aboveThreshold ? [`  ${pc.green("above the threshold: the top eigenvector knows the signal")}`] : []),
    ...got.warnings.map(({ code, message }) => `  ${pc.yellow(`warning ${code}`)} ${message}`),
  ].join("\n");
}
