/** The commands by name. The one that runs is loaded; the others are known by their summaries. */
import type { Command } from "commander";

/** A command of the program. */
interface Entry {
  readonly summary: string;
  /** Gives what adds the command to a program, arguments and all. */
  load(): Promise<(program: Command) => void>;
}

const COMMANDS: { readonly [name: string]: Entry } = {
  fit: {
    summary: "Learn a model from a table of numbers.",
    load: async () => (await import("./commands/fit.js")).addFitCommand,
  },
  predict: {
    summary: "Predict with a saved model; prints CSV unless --json or --out is given.",
    load: async () => (await import("./commands/predict.js")).addPredictCommand,
  },
  score: {
    summary: "Score a saved model on a table: R² and root-mean-square error.",
    load: async () => (await import("./commands/score.js")).addScoreCommand,
  },
  exponents: {
    summary: "Information exponent and leaps of a link: what gradient flow learns, in which order.",
    load: async () => (await import("./commands/exponents.js")).addExponentsCommand,
  },
  flow: {
    summary: "Gradient flow of the subspace with the link refitted at once, from saddle to saddle.",
    load: async () => (await import("./commands/flow.js")).addFlowCommand,
  },
  planted: {
    summary: "Traps of the problem with a known link, beside learning link and subspace from the same starts.",
    load: async () => (await import("./commands/planted.js")).addPlantedCommand,
  },
  scaling: {
    summary: "Time of the last escape against the dimension: measured and predicted exponents.",
    load: async () => (await import("./commands/scaling.js")).addScalingCommand,
  },
  spectral: {
    summary: "Threshold, overlap and eigenvalues of the spectral start of a single-index model, predicted.",
    load: async () => (await import("./commands/spectral.js")).addSpectralCommand,
  },
  dmft: {
    summary: "Mean-field prediction of gradient descent on a single-index model, before it is run.",
    load: async () => (await import("./commands/dmft.js")).addDmftCommand,
  },
  "fixed-point": {
    summary: "Long-time limit of gradient descent on a single-index model: overlap, loss, stability, rate.",
    load: async () => (await import("./commands/fixedPoint.js")).addFixedPointCommand,
  },
  retrieve: {
    summary: "Phase retrieval of a PNG picture from simulated coded-diffraction intensities.",
    load: async () => (await import("./commands/retrieve.js")).addRetrieveCommand,
  },
  sweep: {
    summary: "Run every combination of options in a specification, one job each.",
    load: async () => (await import("./commands/sweep.js")).addSweepCommand,
  },
  member: {
    summary: "Work for a cluster: hold shards of these rows and run jobs of sweeps and studies, until told to end.",
    load: async () => (await import("./commands/member.js")).addMemberCommand,
  },
  cluster: {
    summary: "Look at a cluster.",
    load: async () => (await import("./commands/cluster.js")).addClusterCommand,
  },
  playground: {
    summary: "Serve the playground, a page to fit data and watch the algorithm, on 127.0.0.1.",
    load: async () => (await import("./commands/playground.js")).addPlaygroundCommand,
  },
  bench: {
    summary:
      "Speed of one iteration on this machine, against the reference kernel and ml-matrix (CPU time, one thread).",
    load: async () => (await import("./commands/bench.js")).addBenchCommand,
  },
  study: {
    summary: "The experiments of the papers: data, figures and a page that sets theory beside measurement.",
    load: async () => (await import("./commands/study.js")).addStudyCommand,
  },
};

/** Adds the command that `args` begin with, or that they ask help for; where they name none, all by name and summary. */
export async function addCommands(program: Command, args: readonly string[]): Promise<void> {
  const [first, second] = args;
  const wanted = first === "help" ? second : first;
  if (wanted !== undefined && Object.hasOwn(COMMANDS, wanted)) {
    const { summary, load } = COMMANDS[wanted];
    (await load())(program);
    program.commands.find((command) => command.name() === wanted)?.description(summary);
    return;
  }
  for (const [name, { summary }] of Object.entries(COMMANDS)) program.command(name).description(summary);
}
