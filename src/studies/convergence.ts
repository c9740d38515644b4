/** Study: gradient flow and Gauss–Newton on four links; the flow of n rows beside that of the population. */
import { log } from "../base/elementary.js";
import { createRng } from "../base/rng.js";
import { fitLine } from "../base/statistics.js";
import { fitMultiIndex, principalAngles, sampleMultiIndex } from "../index.js";
import type { ChartPoint, Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { type LandscapeStudy, Link, landscapeStudy, populationFlow } from "../theory/index.js";
import { varianceFactor } from "./asymptotics.js";
import { haar, overlapOf, rowsOf } from "./linear.js";
import { compared, type JobSpec, meanOf, type Outcome, ofKind, type Study, sized } from "./study.js";

/** A target: an expression, expanded to a degree. Rows are drawn from the expansion, so that the population is known exactly. */
interface Target {
  readonly name: string;
  readonly expression: string;
  readonly degree: number;
}
const TARGETS: readonly Target[] = [
  { name: "sine", expression: "sin(2*z1)", degree: 11 },
  { name: "staircase", expression: "z1 + z1*z2 + z1*z2*z3", degree: 3 },
  { name: "ReLU network", expression: "relu(z1) - relu(z2)", degree: 6 },
  {
    name: "tanh network",
    expression: "tanh(z1 + z2) + tanh(2*z2)",
    degree: 7,
  },
];

type PathOptions = { readonly target: string; readonly dim: number; readonly samples: number };
interface Path {
  readonly times: readonly number[];
  readonly loss: readonly number[];
  readonly distance: readonly number[];
  /** Of the population from the same start, at the same times; the floor of noise is added. */
  readonly populationLoss: readonly number[];
  readonly populationDistance: readonly number[];
  readonly newtonDistance: readonly number[];
  readonly newtonLoss: readonly number[];
}
type NewtonOptions = {
  readonly target: string;
  readonly dim: number;
  readonly samples: number;
  readonly trials: number;
};
interface Newton {
  /** n·dist²/(d − r) over the factor of large samples, one per trial. */
  readonly ratios: readonly number[];
  readonly iterations: readonly number[];
}

const NOISE = 0.2;
const DIM = 15;

const targetOf = (name: unknown): Target => TARGETS.find((target) => target.name === name)!;
const linkOf = ({ expression, degree }: Target): Link => Link.parse(expression, { degree });
const norm = (angles: ArrayLike<number>): number => Math.sqrt(Array.from(angles).reduce((sum, a) => sum + a * a, 0));

export const convergence: Study = {
  name: "convergence",
  title: "Convergence: the flow of n rows follows that of the population",
  question:
    "The theory speaks of the population: of infinitely many rows. Does gradient flow on n rows follow it, how near does it come to the true directions, and what does Gauss–Newton change? Four links: a sine, a staircase, a ReLU network and a tanh network, expanded in Hermite polynomials, each with noise.",

  jobs(scale, seed) {
    const targets = sized(scale, TARGETS.slice(1, 2), TARGETS, TARGETS);
    const samples = sized(scale, [500, 2000], [500, 2000, 8000], [500, 2000, 8000, 32000]);
    const repeats = sized(scale, 1, 1, 4);
    const trials = sized(scale, 12, 8, 40);
    return targets.flatMap(({ name }): Omit<JobSpec, "study">[] => [
      { kind: "step", seed, options: { target: name, dim: DIM, trials: 40 } },
      ...samples.flatMap((n) =>
        Array.from({ length: repeats }, (_, i) => ({
          kind: "path",
          seed: seed + i,
          options: { target: name, dim: DIM, samples: n },
        })),
      ),
      { kind: "newton", seed: seed + 500, options: { target: name, dim: DIM, samples: 4000, trials } },
    ]);
  },

  async run({ kind, seed, options }, { signal, onProgress }) {
    const target = targetOf(options.target);
    if (kind === "step") {
      const { dim, trials } = options as { dim: number; trials: number };
      const study = await landscapeStudy(linkOf(target), {
        dim,
        trials,
        seed,
        smallest: 0.1,
        ...(signal ? { signal } : {}),
      });
      return { medianAfter: study.medianAfter, range: study.range };
    }
    if (kind === "path") return path(target, options as PathOptions, seed, signal);
    const { dim, samples, trials } = options as NewtonOptions;
    const link = linkOf(target);
    const factor = varianceFactor(link, NOISE);
    const ratios: number[] = [];
    const iterations: number[] = [];
    for (let trial = 0; trial < trials; trial++) {
      const sample = sampleMultiIndex(link, { dim, samples, noiseStd: NOISE, seed: seed + trial });
      const fit = await fitMultiIndex(sample.X, sample.y, {
        rank: link.rank,
        degree: link.degree,
        start: "slices",
        restarts: 1,
        whiten: "none",
        ridge: 1e-9,
        seed,
        ...(signal ? { signal } : {}),
      });
      const distance = norm(principalAngles(fit.model.basis, sample.basis));
      ratios.push((samples * distance * distance) / (dim - link.rank) / factor);
      iterations.push(fit.stop.iterations);
      onProgress?.({ phase: "fit", done: trial + 1, total: trials });
    }
    return { ratios, iterations };
  },

  report(outcomes) {
    const paths = ofKind<PathOptions, Path>(outcomes, "path");
    const newtons = ofKind<NewtonOptions, Newton>(outcomes, "newton");
    const steps = ofKind<{ readonly target: string }, Pick<LandscapeStudy, "medianAfter" | "range">>(outcomes, "step");
    const names = [...new Set(paths.map(({ options }) => options.target))];
    const flowSteps = meanOf(paths.map(({ result }) => result.times.length - 1)).mean;
    const newtonSteps = meanOf(newtons.flatMap(({ result }) => [...result.iterations])).mean;
    return {
      seen: [
        "The flow on rows runs along the curve of the population, plateau by plateau; the more rows, the closer. Where the loss falls smoothly, the gap shrinks like one over the square root of their number. Where it falls in steps, as for the sine and the staircase, rows shift the moment of a step, and the largest gap is the height of the step until the shift is shorter than the step: it shrinks more slowly.",
        "With too few rows for its leap the flow does not find the truth at all: some runs of the sine on 500 and 2000 rows stay where they began.",
        `Where the population flow goes on to the truth, the one on rows levels off at a distance that the law of large samples gives: it is the error of estimation, not of optimization. Gauss–Newton stops at the same place after ${newtonSteps.toFixed(0)} iterations on average, the flow after ${flowSteps.toFixed(0)} steps.`,
        "On the population itself one Gauss–Newton step lands on the truth from anywhere: long times belong to the flow, not to the problem.",
      ],
      findings: [
        ...steps.map(({ options, result }) => stepFinding(options.target, result)),
        ...newtons.map(newtonFinding),
        ...names.flatMap((name) => gapFinding(name, paths)),
      ],
      figures: [pathFigure(names, paths), gapFigure(names, paths)],
      tables: [pathTable(paths), newtonTable(newtons)],
    };
  },
};

async function path(target: Target, { dim, samples }: PathOptions, seed: number, signal?: AbortSignal): Promise<Path> {
  const link = linkOf(target);
  const { rank, degree } = link;
  const sample = sampleMultiIndex(link, { dim, samples, noiseStd: NOISE, seed });
  const truth = Float64Array.from(sample.basis.to1DArray());
  // The same start for every number of rows: seeds give the truth, and a frame beside it.
  const start = haar(dim, rank, createRng(seed, "start"));
  const mean = sample.y.reduce((sum, v) => sum + v, 0) / samples;
  const variance = sample.y.reduce((sum, v) => sum + (v - mean) * (v - mean), 0) / samples;
  const follow = async (method: "gradient-flow" | "gauss-newton") => {
    const out = { times: [] as number[], loss: [] as number[], distance: [] as number[] };
    let time = 0;
    const steps = fitMultiIndex.steps(sample.X, sample.y, {
      rank,
      degree,
      method,
      start: rowsOf(start, dim, rank),
      restarts: 0,
      whiten: "none",
      ridge: 1e-9,
      seed,
      maxIterations: 300,
      ...(signal ? { signal } : {}),
    });
    for await (const step of steps) {
      // Responses are standardized inside: its flow runs var(y) times slower than that of the loss itself.
      time += step.stepSize / variance;
      out.times.push(time);
      out.loss.push(step.loss);
      out.distance.push(norm(principalAngles(step.model().basis, sample.basis)));
    }
    return out;
  };
  const flow = await follow("gradient-flow");
  const newton = await follow("gauss-newton");
  const population = await populationFlow(link, {
    start: overlapOf(start, truth, dim, rank, rank),
    times: flow.times,
    ...(signal ? { signal } : {}),
  });
  return {
    ...flow,
    populationLoss: Array.from(population.loss, (loss) => loss + 0.5 * NOISE * NOISE),
    populationDistance: population.singularValues.map((values) =>
      norm(Array.from(values, (c) => Math.acos(Math.min(1, c)))),
    ),
    newtonDistance: newton.distance,
    newtonLoss: newton.loss,
  };
}

function stepFinding(name: string, { medianAfter, range }: Pick<LandscapeStudy, "medianAfter" | "range">): Finding {
  return {
    statement: `${name}: distance to the truth after one Gauss–Newton step on the population loss`,
    source: "one-step property, [MI §3]",
    predicted: 0,
    measured: medianAfter,
    interval: range,
    verdict: range[1] < 1e-6 ? "agrees" : "differs",
    note: "from cosines between 0.1 and 1; agrees below 1e−6, which is rounding times the condition of the step",
  };
}

function newtonFinding({ options, result }: Outcome<NewtonOptions, Newton>): Finding {
  const { mean, low, high } = meanOf(result.ratios);
  return compared({
    statement: `${options.target}: squared distance of the fit from the truth, over that of the law of large samples`,
    source: "least squares in the tangent; independence of x⊥ and z, [MI §7.5]",
    predicted: 1,
    measured: mean,
    interval: [low, high],
    slack: 0.03,
    note: `${result.ratios.length} fits of ${options.samples} rows, d = ${options.dim}; 3 % for the finite number of rows`,
    figure: "paths",
  });
}

/** Largest difference of the two losses along the way. */
const gapOf = ({ loss, populationLoss }: Path): number =>
  loss.reduce((most, value, i) => Math.max(most, Math.abs(value - populationLoss[i])), 0);

function gapFinding(name: string, paths: readonly Outcome<PathOptions, Path>[]): Finding[] {
  const some = paths.filter(({ options }) => options.target === name);
  if (new Set(some.map(({ options }) => options.samples)).size < 2 || some.length < 3) return [];
  const { slope, halfWidth } = fitLine(
    some.map(({ options }) => log(options.samples)),
    some.map(({ result }) => log(gapOf(result))),
  );
  return [
    compared({
      statement: `${name}: power of n in the largest gap between the losses of rows and population`,
      source: "Bietti et al., concentration of the empirical landscape; [MI §8]",
      predicted: -0.5,
      measured: slope,
      interval: [slope - halfWidth, slope + halfWidth],
      note: "where the loss falls in steps, a shift in time counts with the whole height of a step",
      figure: "gaps",
    }),
  ];
}

function pathFigure(names: readonly string[], paths: readonly Outcome<PathOptions, Path>[]): StudyFigure {
  const panels = names.flatMap((name) => {
    const some = paths.filter(({ options, seed }) => options.target === name && seed === paths[0].seed);
    const last = some.at(-1)!.result;
    const [from, to] = [last.times.find((t) => t > 0.02) ?? 0.02, last.times.at(-1)!];
    const x = { label: "flow time t", log: true, domain: [Math.max(from, 0.02), to] as const };
    const at = (times: readonly number[], values: readonly number[]): ChartPoint[] =>
      times.map((t, i) => ({ x: t, y: values[i] })).filter((point) => point.x >= x.domain[0]);
    const series = (key: "loss" | "distance", population: "populationLoss" | "populationDistance") => [
      ...some.map(({ options, result }, i) => ({
        label: `n = ${options.samples}`,
        kind: "line" as const,
        color: i,
        points: at(result.times, result[key]),
      })),
      { label: "population", kind: "dashes" as const, color: "ink" as const, points: at(last.times, last[population]) },
    ];
    const least = Math.min(...last.distance) / 2;
    return [
      { title: name, x, y: { label: "loss" }, series: series("loss", "populationLoss") },
      {
        title: name,
        x,
        y: { label: "angle to the truth, radians", log: true, domain: [least, 3] as const },
        series: series("distance", "populationDistance"),
      },
    ];
  });
  return {
    name: "paths",
    chart: {
      title: "Gradient flow on rows and on the population",
      description: `Loss and principal angles over time for ${names.length} links.`,
      columns: 2,
      panels,
    },
    caption:
      "Left: the profiled loss; right: the 2-norm of the principal angles to the true directions. Dashes are the population, from the same start. Lines that level off on the right have reached the error of estimation of their rows.",
  };
}

function gapFigure(names: readonly string[], paths: readonly Outcome<PathOptions, Path>[]): StudyFigure {
  const sizes = [...new Set(paths.map(({ options }) => options.samples))];
  const first = meanOf(
    paths.filter(({ options }) => options.samples === sizes[0]).map(({ result }) => gapOf(result)),
  ).mean;
  return {
    name: "gaps",
    chart: {
      title: "Largest gap between the losses of rows and population",
      description: `Gaps of ${names.length} links for ${sizes.length} numbers of rows.`,
      panels: [
        {
          x: { label: "rows n", log: true },
          y: { label: "largest |loss on rows − population loss|", log: true },
          series: [
            ...names.map((name, i) => ({
              label: name,
              color: i,
              points: paths
                .filter(({ options }) => options.target === name)
                .map(({ options, result }) => ({ x: options.samples, y: gapOf(result) })),
            })),
            {
              label: "theory: n^(−1/2)",
              kind: "dashes" as const,
              color: "ink" as const,
              points: sizes.map((n) => ({ x: n, y: first * Math.sqrt(sizes[0] / n) })),
            },
          ],
        },
      ],
    },
    caption:
      "One dot a run. The dashed line has the steepness of theory, through the mean of the smallest number of rows.",
  };
}

function pathTable(paths: readonly Outcome<PathOptions, Path>[]): StudyTable {
  return {
    name: "paths",
    title: "Runs of the flow",
    columns: [
      "target",
      "samples",
      "seed",
      "flowSteps",
      "newtonIterations",
      "largestGap",
      "finalDistance",
      "newtonDistance",
    ],
    rows: paths.map(({ options, seed, result }) => [
      options.target,
      options.samples,
      seed,
      result.times.length - 1,
      result.newtonLoss.length - 1,
      gapOf(result),
      result.distance.at(-1)!,
      result.newtonDistance.at(-1)!,
    ]),
  };
}

function newtonTable(newtons: readonly Outcome<NewtonOptions, Newton>[]): StudyTable {
  return {
    name: "newton",
    title: "Fits by Gauss–Newton",
    columns: ["target", "samples", "trial", "iterations", "squaredDistanceOverTheory"],
    rows: newtons.flatMap(({ options, result }) =>
      result.ratios.map((ratio, i) => [options.target, options.samples, i, result.iterations[i], ratio]),
    ),
  };
}
