/** `leapflow planted`: how often gradient flow is trapped when the link is known and frozen, and when it is learnt. */
import type { Command } from "commander";
import pc from "picocolors";
import type { TrapShare, TrapStudy, TrapStudyOptions } from "../../theory/index.js";
import { LINK_HELP, optionsOf, readLink, watched } from "../linkFlags.js";
import { printJson, printText, tableLines } from "../print.js";

interface PlantedFlags {
  readonly link: string;
  readonly degree?: string;
  readonly dim: string;
  readonly trials?: string;
  readonly seed?: string;
  readonly json?: boolean;
}

export function addPlantedCommand(program: Command): void {
  program
    .command("planted")
    .requiredOption("--link <expression>", LINK_HELP)
    .requiredOption("--dim <d>", "number of inputs of the random frames")
    .option("--trials <n>", "number of starts, default 100")
    .option("--seed <n>", "integer ≥ 0 that fixes the starts; drawn and reported when absent")
    .option("--degree <n>", "degree to which a link that is no polynomial is expanded")
    .option("--json", "print one JSON document instead of a table")
    .action((flags: PlantedFlags) => runPlanted(flags));
}

async function runPlanted(flags: PlantedFlags): Promise<void> {
  const link = await readLink(flags.link, flags.degree);
  const { trapStudy } = await import("../../theory/index.js");
  const options = optionsOf({ ...flags }, ["dim", "trials", "seed"]) as unknown as TrapStudyOptions;
  const study = await watched(({ signal, onProgress }) => trapStudy(link, { ...options, signal, onProgress }));
  if (flags.json === true) printJson(plantedJson(study));
  else printText(table(flags.link, study));
}

function plantedJson({ trials, dim, seed, planted, joint }: TrapStudy): Record<string, unknown> {
  const share = ({ trapped, probability, interval }: TrapShare) => ({ trapped, probability, interval });
  return { trials, planted: share(planted), joint: share(joint), dim, seed };
}

function table(text: string, { trials, dim, seed, planted, joint }: TrapStudy): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const row = (name: string, { trapped, probability, interval }: TrapShare): string[] => [
    name,
    `${trapped} of ${trials}`,
    percent(probability),
    `${percent(interval[0])} to ${percent(interval[1])}`,
  ];
  return [
    `${pc.bold(text)}  d = ${dim}, ${trials} starts, seed ${seed}`,
    "",
    ...tableLines(
      ["flow", "trapped", "share", "95 % interval"],
      [row("link known and frozen", planted), row("link learnt as well", joint)],
    ),
    "",
    `  ${pc.dim("a flow is trapped when it ends above 1e-5 of the link's variance")}`,
  ].join("\n");
}
