/** `leapflow flow`: the two-timescale gradient flow of a link, from saddle to saddle. */
import type { Command } from "commander";
import pc from "picocolors";
import { OptionError } from "../../base/errors.js";
import type { Flow, FlowOptions, Link, SaddleReport } from "../../theory/index.js";
import { checkPlot, LINK_HELP, optionsOf, readLink, savePlot, watched } from "../linkFlags.js";
import { count, figure, printJson, printText, tableLines } from "../print.js";

interface FlowFlags {
  readonly link: string;
  readonly degree?: string;
  readonly dim: string;
  readonly rank?: string;
  readonly seed?: string;
  readonly horizon?: string;
  readonly plot?: string;
  readonly json?: boolean;
}

export function addFlowCommand(program: Command): void {
  program
    .command("flow")
    .requiredOption("--link <expression>", LINK_HELP)
    .requiredOption("--dim <d>", "number of inputs; enters through the random start only")
    .option("--rank <r>", "directions of the learner; default: those of the link")
    .option("--seed <n>", "integer ≥ 0 that fixes the start, default 0")
    .option("--horizon <t>", "stop at this flow time; default: run to the end")
    .option("--degree <n>", "degree to which a link that is no polynomial is expanded")
    .option("--plot <file.svg>", "write a figure of the loss and the overlaps here")
    .option("--json", "print one JSON document instead of a report")
    .action((flags: FlowFlags) => runFlow(flags));
}

async function runFlow(flags: FlowFlags): Promise<void> {
  const link = await readLink(flags.link, flags.degree);
  const options = optionsOf({ seed: "0", ...flags }, ["dim", "rank", "seed", "horizon"]) as FlowOptions;
  await checkPlot(flags.plot);
  const { saddleReport } = await import("../../theory/index.js");
  if (link.rank === 0)
    throw new OptionError("RANGE", "The link expression has no variables: there is nothing to learn.");
  const saddles = await watched(({ signal, say }) =>
    saddleReport(link, {
      ...options,
      signal,
      onProgress: ({ time, loss }) => say(`t = ${figure(time)}  loss ${figure(loss)}`),
    }),
  );
  const { flow } = saddles;
  const { dim } = options;
  await savePlot(flags.plot, async () => {
    const { flowFigure } = await import("../../plot/index.js");
    return flowFigure(flow, { title: `${flags.link}  (d = ${dim}, seed ${options.seed})` });
  });
  const rank = options.rank ?? link.rank;
  if (flags.json === true) printJson(flowJson(flow, { dim, rank, seed: options.seed }));
  else printText(report(flags, link, saddles, rank));
}

function flowJson(flow: Flow, setup: Record<string, unknown>): Record<string, unknown> {
  return {
    ...setup,
    times: Array.from(flow.times),
    loss: Array.from(flow.loss),
    singularValues: flow.singularValues.map((row) => Array.from(row)),
    escapes: flow.escapes,
    finalLoss: flow.finalLoss,
    finalTime: flow.finalTime,
    stop: flow.stop,
  };
}

/** A line per plateau: its level, what is learnt when it is left, and when: predicted and measured. */
function report(flags: FlowFlags, link: Link, { plateaus, flow }: SaddleReport, rank: number): string {
  let learnt = 0;
  const rows = plateaus.map(({ level, exponent, count: gained, predictedTime, escapeTime }, i) => {
    if (escapeTime !== undefined) learnt += gained;
    return [
      String(i + 1),
      figure(level),
      String(exponent),
      escapeTime === undefined ? `(${gained} left)` : `+${gained} (${learnt} of ${Math.min(rank, link.rank)})`,
      figure(predictedTime),
      escapeTime === undefined ? "not left" : figure(escapeTime),
      exponent === 1 ? "log d" : exponent === 2 ? "d" : `d^${exponent - 1}`,
    ];
  });
  const directions = rank === link.rank ? "" : `, learner of rank ${rank}`;
  return [
    `${pc.bold(flags.link)}  d = ${flags.dim}, ${count(link.rank, "variable")} of degree ${link.degree}${directions}, seed ${flags.seed ?? 0}`,
    "",
    ...(rows.length === 0
      ? ["  no saddle was left"]
      : tableLines(
          ["plateau", "loss", "exponent", "directions learnt", "predicted time", "left at time", "grows like"],
          rows,
        )),
    "",
    `  ended: ${flow.stop.reason} at time ${figure(flow.finalTime)}, loss ${figure(flow.finalLoss)}, ${count(flow.stop.iterations, "step")}`,
    ...(flags.plot === undefined ? [] : [`  figure in ${flags.plot}`]),
  ].join("\n");
}
