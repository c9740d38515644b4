/** Study: regularized Wirtinger flow beside its mean-field equations, fixed points, transitions and ablations. */
import { simulateSingleIndex } from "../index.js";
import { dmft, longTimeFixedPoint, spectralTransition } from "../theory/index.js";
import { ABLATIONS, type Ablation, ablatedTrajectory } from "./ablation.js";
import { type Study, sized } from "./study.js";
import {
  type Curve,
  type Limit,
  type LimitOptions,
  type PathOptions,
  report,
  type Setting,
  type Transition,
  type TransitionOptions,
} from "./wirtingerReport.js";

const channelOf = (noiseStd: number) => (noiseStd > 0 ? { link: "square" as const, noiseStd } : ("square" as const));
const SETTINGS: readonly Setting[] = [
  { ratio: 5, ridge: 0.05, noise: 0, step: 0.5 },
  { ratio: 3, ridge: 0.05, noise: 0, step: 0.4 },
  { ratio: 8, ridge: 0.05, noise: 0, step: 0.5 },
  { ratio: 5, ridge: 0.2, noise: 0, step: 0.5 },
  { ratio: 5, ridge: 0.05, noise: 0.3, step: 0.5 },
  { ratio: 5, ridge: 0.05, noise: 0, step: 0.25 },
];
const LIMITS: readonly Setting[] = [
  SETTINGS[0],
  { ratio: 3, ridge: 0.05, noise: 0.3, step: 0.5 },
  { ratio: 8, ridge: 0.1, noise: 0.5, step: 0.5 },
];
const PREPROCESS = ["trim(9)", "subset(1.5)", "opt(20)", "mm"];

export const wirtinger: Study = {
  name: "wirtinger",
  title: "Regularized Wirtinger flow: predicted before it is run",
  question:
    "Gradient descent on phase retrieval from a spectral start uses the same rows in both stages, so that its path depends on its own past. For many inputs theory says the path is nevertheless certain, and gives equations for it. This study runs the algorithm beside the equations, takes equations apart, and looks at the start and the end.",

  jobs(scale, seed) {
    const settings = sized(scale, SETTINGS.slice(0, 1), SETTINGS.slice(0, 3), SETTINGS);
    const dims = sized(scale, [100, 200], [100, 300], [100, 300, 1000]);
    const limits = sized(scale, LIMITS.slice(0, 1), LIMITS, LIMITS);
    const ratios = sized(scale, [5], [1.5, 3, 6], [1, 1.5, 2, 3, 4.5, 6, 8]);
    return [
      ...settings.map((one, i) => ({
        kind: "path",
        seed: seed + i,
        options: { ...one, dims, trials: sized(scale, 8, 8, 10), steps: sized(scale, 10, 20, 30) },
      })),
      ...limits.map((one, i) => ({
        kind: "limit",
        seed: seed + 50 + i,
        options: {
          ...one,
          dim: sized(scale, 100, 200, 400),
          trials: sized(scale, 4, 6, 10),
          steps: sized(scale, 40, 60, 100),
        },
      })),
      ...sized(scale, PREPROCESS.slice(0, 1), PREPROCESS, PREPROCESS).map((preprocess, i) => ({
        kind: "transition",
        seed: seed + 80 + i,
        options: { preprocess, ratios, dim: sized(scale, 150, 200, 500), trials: sized(scale, 6, 8, 12) },
      })),
      ...(scale === "tiny" ? ABLATIONS.slice(0, 2) : ABLATIONS).map((ablation) => ({
        kind: "ablation",
        seed: seed + 90,
        options: { ablation, paths: sized(scale, 4096, 16384, 65536) },
      })),
    ];
  },

  async run({ kind, seed, options }, { signal, onProgress }) {
    const stop = signal ? { signal } : {};
    if (kind === "ablation")
      return ablatedTrajectory(options.ablation as Ablation, { paths: options.paths as number, steps: 20, seed });
    if (kind === "transition") return transition(options as TransitionOptions, seed, stop);
    if (kind === "limit") return limit(options as LimitOptions, seed, stop);
    const { ratio, ridge, noise, step, dims, trials, steps } = options as PathOptions;
    const shared = {
      channel: channelOf(noise),
      ratio,
      ridge,
      stepSize: step,
      steps,
      start: "spectral" as const,
      preprocess: "trim(9)",
      seed,
      ...stop,
    };
    const predicted = curveOf(await dmft({ ...shared, paths: 8192, replicates: 4 }));
    const simulated = [];
    for (const dim of dims) {
      simulated.push({ dim, ...curveOf(await simulateSingleIndex({ ...shared, dim, trials })) });
      onProgress?.({ phase: "dimension", done: simulated.length, total: dims.length });
    }
    return { predicted, simulated };
  },

  report,
};

type Curves = { readonly overlap: ArrayLike<number>; readonly normSquared: ArrayLike<number> };
const curveOf = (curves: Curves & { readonly standardErrors?: Curves }): Curve => ({
  overlap: Array.from(curves.overlap, Math.abs),
  normSquared: Array.from(curves.normSquared),
  overlapError: Array.from(curves.standardErrors?.overlap ?? []),
  normError: Array.from(curves.standardErrors?.normSquared ?? []),
});

async function limit(
  { ratio, ridge, noise, step, dim, trials, steps }: LimitOptions,
  seed: number,
  stop: { signal?: AbortSignal },
): Promise<Limit> {
  const model = { channel: channelOf(noise), ratio, ridge, stepSize: step };
  const point = await longTimeFixedPoint({ ...model, ...stop });
  const run = curveOf(
    await simulateSingleIndex({
      ...model,
      start: { overlap: 0.9, normSquared: 0.81 },
      steps,
      dim,
      trials,
      seed,
      ...stop,
    }),
  );
  return {
    overlap: point.overlap,
    normSquared: point.normSquared,
    stable: point.stable,
    simulatedOverlap: run.overlap[steps],
    overlapError: run.overlapError[steps],
    simulatedNorm: run.normSquared[steps],
    normError: run.normError[steps],
  };
}

async function transition(
  { preprocess, ratios, dim, trials }: TransitionOptions,
  seed: number,
  stop: { signal?: AbortSignal },
): Promise<Transition> {
  const at = (ratio: number) => spectralTransition({ channel: "square", preprocess, ratio });
  const curve = [];
  for (let ratio = 0.55; ratio < 9; ratio *= 1.09) curve.push({ ratio, cosine: (await at(ratio)).overlap });
  const simulated = [];
  for (const [i, ratio] of ratios.entries()) {
    const run = await simulateSingleIndex({
      channel: "square",
      ratio,
      stepSize: 0.1,
      steps: 1,
      start: "spectral",
      preprocess,
      dim,
      trials,
      seed: seed + 1000 * i,
      ...stop,
    });
    simulated.push({
      ratio,
      predicted: (await at(ratio)).overlap,
      cosine: Math.abs(run.cosine[0]),
      error: run.standardErrors.cosine[0],
    });
  }
  const { threshold } = await at(preprocess === "mm" ? 1 : 5);
  return { threshold, curve, simulated };
}
