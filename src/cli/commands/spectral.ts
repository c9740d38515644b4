/** `leapflow spectral`: what the spectral start will find, before there are data. */
import type { Command } from "commander";
import pc from "picocolors";
import type { SpectralTransition, SpectralTransitionOptions } from "../../theory/index.js";
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
  const command = program
    .command("spectral")
    .description("Threshold, overlap and eigenvalues of the spectral start of a single-index model, predicted.");
  addChannelFlags(command)
    .requiredOption("--ratio <n/d>", "rows per input")
    .option("--preprocess <T>", `${PREPROCESS_HELP}; default "optimal(10)"`)
    .option("--complex", "complex signals and rows")
    .option("--json", "print one JSON document instead of a table")
    .action((flags: SpectralFlags) => runSpectral(flags));
}

async function runSpectral(flags: SpectralFlags): Promise<void> {
  const { spectralTransition } = await import("../../theory/index.js");
  const options = {
    channel: channelOf(flags),
    ...optionsOf({ ...flags }, ["ratio", "preprocess"]),
    complex: flags.complex === true,
  } as unknown as SpectralTransitionOptions;
  const got = await spectralTransition(options);
  if (flags.json === true) printJson(spectralJson(got));
  else printText(table(flags, got));
}

/** `null` for a threshold that no ratio reaches. */
function spectralJson({ threshold, overlap, eigenvalue, edge, aboveThreshold }: SpectralTransition) {
  return { threshold: Number.isFinite(threshold) ? threshold : null, overlap, eigenvalue, edge, aboveThreshold };
}

function table(flags: SpectralFlags, got: SpectralTransition): string {
  const noise = flags.noise === undefined ? "" : `, noise ${flags.noise}`;
  const verdict = got.aboveThreshold
    ? pc.green("above the threshold: the top eigenvector knows the signal")
    : pc.yellow("not above the threshold: the top eigenvector knows nothing");
  const rows = [
    ["threshold n/d", Number.isFinite(got.threshold) ? figure(got.threshold) : "none"],
    ["overlap", `${figure(got.overlap)}  (squared ${figure(got.overlap ** 2)})`],
    ["top eigenvalue", figure(got.eigenvalue)],
    ["edge of the bulk", figure(got.edge)],
    ["gap", figure(got.gap)],
  ];
  return [
    `${pc.bold(flags.channel)}${noise}, ${flags.complex === true ? "complex" : "real"}, n/d = ${flags.ratio}, preprocess ${flags.preprocess ?? "optimal(10)"}`,
    "",
    ...tableLines(["predicted", "value"], rows),
    "",
    `  ${verdict}`,
  ].join("\n");
}
