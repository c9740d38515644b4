/** The mean-field prediction, the algorithm itself on fresh data, and the transition of the spectral start. */
import { simulateSingleIndex } from "leapflow";
import { dmft, spectralTransition } from "leapflow/theory";
import type { Curves, Job, PredictInput } from "./jobs.js";

type Link = "square" | "tanh" | "relu" | "logit";

const channelOf = ({ link, noiseStd }: Pick<PredictInput, "link" | "noiseStd">) =>
  noiseStd > 0 ? { link: link as Link, noiseStd } : (link as Link);

const curvesOf = ({ cosine, squaredError, trainLoss, testLoss }: Curves): Curves => ({
  cosine,
  squaredError,
  trainLoss,
  testLoss,
});

export const predict: Job<"predict"> = async (input, { signal, tell }) => {
  const { ratio, ridge, stepSize, steps, seed } = input;
  const started = performance.now();
  const options = { channel: channelOf(input), ratio, ridge, stepSize, steps, seed, signal };
  const found = await dmft({
    ...options,
    onProgress: ({ replicate, replicates, step }) => tell({ done: (replicate + step / steps) / replicates }),
  });
  const start =
    found.spectral === undefined ? "a linear start" : `a spectral start with T = ${found.spectral.preprocess}`;
  return {
    curves: curvesOf(found),
    errors: found.standardErrors === undefined ? undefined : curvesOf(found.standardErrors),
    start,
    warnings: found.warnings.map(({ message }) => message),
    elapsedMs: performance.now() - started,
  };
};

export const simulate: Job<"simulate"> = async (input, { signal, tell }) => {
  const { ratio, ridge, stepSize, steps, seed, dim, trials } = input;
  const started = performance.now();
  const { samples } = await simulateSingleIndex({
    channel: channelOf(input),
    ratio,
    ridge,
    stepSize,
    steps,
    seed,
    dim,
    trials,
    signal,
    onProgress: ({ done, curves }) => tell({ trial: done - 1, curves: curvesOf(curves) }),
  });
  return { samples, elapsedMs: performance.now() - started };
};

export const transition: Job<"transition"> = async (input, { signal, tell }) => {
  const channel = channelOf(input);
  let last: Awaited<ReturnType<typeof spectralTransition>> | undefined;
  for (const ratio of input.ratios) {
    last = await spectralTransition({ channel, ratio });
    tell({ ratio, overlap: last.overlap });
    // Predictions run to their end; between two of them a cancel can arrive.
    await new Promise((done) => setTimeout(done, 0));
    signal.throwIfAborted();
  }
  if (last === undefined) throw new Error("No ratio was asked for.");
  return { threshold: last.threshold, preprocess: last.preprocess };
};
