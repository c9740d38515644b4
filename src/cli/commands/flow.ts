/** `leapflow flow`: the two-timescale gradient flow of a link, from saddle to saddle. */
import type { Command } from "commander";
import pc from "picocolors";
import { OptionError } from "../../base/errors.js";
import type { Flow, FlowOptions, Link } from "../../theory/index.js";
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
    .description("Gradient flow of the subspace with the link refitted at once, from saddle to saddle.")
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
  const { populationFlow } = await import("../../theory/index.js");
  if (link.rank === 0)
    throw new OptionError("RANGE", "The link expression has no variables: there is nothing to learn.");
  const flow = await watched(({ signal, say }) =>
    populationFlow(link, {
      ...options,
      signal,
      onProgress: ({ time, loss }) => say(`t = ${figure(time)}  loss ${figure(loss)}`),
    }),
  );
  const { dim } = options;
  await savePlot(flags.plot, async () => {
    const { flowFigure } = await import("../../plot/index.js");
    return flowFigure(flow, { title: `${flags.link}  (d = ${dim}, seed ${options.seed})` });
  });
  const rank = options.rank ?? link.rank;
  if (flags.json === true) printJson(flowJson(flow, { dim, rank, seed: options.seed }));
  else printText(report(flags, link, flow, rank));
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

/** A line per plateau: its level, what is learnt when it is left, and when. */
function report(flags: FlowFlags, link: Link, flow: Flow, rank: number): string {
  const { escapes } = flow;
  let learnt = 0;
  const rows = escapes.map(({ time, count: gained, predictedExponent }, i) => {
    learnt += gained;
    return [
      String(i + 1),
      figure(levelBefore(flow, i)),
      predictedExponent === 1 ? "1" : String(predictedExponent),
      `+${gained} (${learnt} of ${Math.min(rank, link.rank)})`,
      figure(time),
      predictedExponent === 1 ? "log d" : predictedExponent === 2 ? "d" : `d^${predictedExponent - 1}`,
    ];
  });
  const directions = rank === link.rank ? "" : `, learner of rank ${rank}`;
  return [
    `${pc.bold(flags.link)}  d = ${flags.dim}, ${count(link.rank, "variable")} of degree ${link.degree}${directions}, seed ${flags.seed ?? 0}`,
    "",
    ...(rows.length === 0
      ? ["  no saddle was left"]
      : tableLines(["plateau", "loss", "exponent", "directions learnt", "left at time", "grows like"], rows)),
    "",
    `  ended: ${flow.stop.reason} at time ${figure(flow.finalTime)}, loss ${figure(flow.finalLoss)}, ${count(flow.stop.iterations, "step")}`,
    ...(flags.plot === undefined ? [] : [`  figure in ${flags.plot}`]),
  ].join("\n");
}

/** Loss on the plateau that the i-th escape leaves: where time is the geometric mean of both ends. */
function levelBefore(flow: Flow, i: number): number {
  const end = flow.escapes[i].time;
  const start = i === 0 ? 0 : flow.escapes[i - 1].time;
  const middle = Math.sqrt(start * end);
  const at = flow.times.findIndex((time) => time >= middle);
  return flow.loss[Math.max(0, at)];
}
