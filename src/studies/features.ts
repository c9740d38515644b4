/** Study: families of links on the same targets, and frozen random features over trained and over frozen directions. */
import { createRng } from "../base/rng.js";
import {
  type FeatureMap,
  type FitOptions,
  fitMultiIndex,
  type PlantedSample,
  rSquared,
  sampleMultiIndex,
  subspaceDistance,
} from "../index.js";
import { Link } from "../theory/index.js";
import { traceOfInverse, varianceFactor } from "./asymptotics.js";
import { FAMILIES, type FamilyOptions, type Fits, report, type WidthOptions } from "./featuresReport.js";
import { drawNodes, fitNodes, type Node, nodeDerivative, nodeValue, populationRest } from "./randomFeatures.js";
import { type JobSpec, type Study, sized } from "./study.js";

const relu = (x: number): number => Math.max(0, x);
const POLYNOMIAL = Link.parse("z1 + z1*z2 + 0.5*h3(z2)");
/** The second kink runs across a direction at 60° to the first: both are on their positive side with probability 1/3. */
const [COS, SIN, BOTH] = [0.5, Math.sqrt(3) / 2, 1 / 3];

/** What is planted, and E[∇f ∇fᵀ]⁻¹'s trace, by which the error of the directions is measured. */
interface Target {
  readonly evaluate: (z: ArrayLike<number>) => number;
  readonly trace: () => number;
}
const TARGETS: Readonly<Record<string, Target>> = {
  polynomial: { evaluate: (z) => POLYNOMIAL.evaluate(z), trace: () => varianceFactor(POLYNOMIAL, 1) },
  kinks: {
    evaluate: (z) => relu(z[0]) - relu(COS * z[0] + SIN * z[1]),
    trace: () => {
      const across = SIN * (COS / 2 - BOTH);
      return traceOfInverse([0.5 - 2 * COS * BOTH + (COS * COS) / 2, across, across, (SIN * SIN) / 2], RANK);
    },
  },
};

const DIM = 10;
const RANK = 2;
const NOISE = 0.2;
const DEGREE = 3;
const FRESH = 2000;

export const features: Study = {
  name: "features",
  title: "Features: which links learn the same directions, and what frozen layers cost",
  question:
    "The link may be a Hermite series, a sum of ReLU features or a kernel. Does it matter to the directions, which theory learns with Hermite polynomials (the third open question of the paper)? The paper's own network has a trained orthogonal layer of low rank under frozen random Hermite features. How many of those does it take, and how many when the first layer is frozen too?",

  jobs(scale, seed) {
    const trials = sized(scale, 3, 4, 16);
    const samples = sized(scale, 800, 1500, 3000);
    const options = { samples, trials };
    const trained = sized(scale, [5, 12], [3, 5, 7, 9, 20], [3, 4, 5, 6, 7, 8, 9, 12, 30]);
    const frozen = sized(scale, [40], [10, 40, 120, 300], [10, 20, 40, 80, 150, 300, 600]);
    return [
      ...Object.keys(TARGETS).flatMap((target): Omit<JobSpec, "study">[] =>
        (scale === "tiny" ? FAMILIES.slice(0, 1) : FAMILIES).map((family) => ({
          kind: "family",
          seed,
          options: { target, family, ...options },
        })),
      ),
      ...trained.map((width) => ({ kind: "width", seed, options: { layer: "trained", width, ...options } })),
      ...frozen.map((width) => ({
        kind: "width",
        seed,
        options: { layer: "frozen", width, samples, trials: sized(scale, 2, 3, 6) },
      })),
    ];
  },

  async run({ kind, seed, options }, { signal, onProgress }) {
    const { samples, trials } = options as WidthOptions;
    const out = { errors: [] as number[], predicted: [] as number[], ratios: [] as number[] };
    for (let trial = 0; trial < trials; trial++) {
      const target = TARGETS[kind === "family" ? (options as FamilyOptions).target : "polynomial"];
      const sample = draw(target, samples, seed + trial);
      const more = { seed, ...(signal ? { signal } : {}) };
      if (kind === "family") {
        const settings = familyOptions((options as FamilyOptions).family);
        const { error, distance } = await fitted(sample, samples, { ...settings, ...more });
        out.errors.push(error);
        out.ratios.push((samples * distance * distance) / ((DIM - RANK) * NOISE * NOISE * target.trace()));
      } else {
        const { layer, width } = options as WidthOptions;
        const rng = createRng(seed + trial, "nodes", layer, width);
        const nodes = drawNodes(width, layer === "trained" ? RANK : DIM, RANK, DEGREE, rng);
        const one =
          layer === "trained"
            ? await trainedNetwork(nodes, sample, samples, more)
            : frozenNetwork(nodes, sample, samples);
        out.errors.push(one.error);
        out.predicted.push(one.predicted);
      }
      onProgress?.({ phase: "fit", done: trial + 1, total: trials });
      signal?.throwIfAborted();
    }
    return out satisfies Fits;
  },

  report,
};

function draw(target: Target, samples: number, seed: number): PlantedSample {
  const planted = {
    rank: RANK,
    evaluateMany: (Z: Float64Array, n: number) => ({
      values: Float64Array.from({ length: n }, (_, i) => target.evaluate(Z.subarray(i * RANK, (i + 1) * RANK))),
    }),
  };
  return sampleMultiIndex(planted, { dim: DIM, samples: samples + FRESH, noiseStd: NOISE, seed });
}

/** 1 − R² against noise-free responses of rows that were not fitted. */
function errorOf({ f }: PlantedSample, samples: number, predicted: Float64Array): number {
  return 1 - rSquared(predicted, f.slice(samples));
}

const rowsFrom = ({ X }: PlantedSample, from: number, rows: number) => ({
  data: X.data.slice(from * DIM, (from + rows) * DIM),
  rows,
  columns: DIM,
});

function familyOptions(family: string): FitOptions {
  const common = { rank: RANK, whiten: "none" as const, restarts: 1 };
  return family === "Hermite"
    ? { ...common, degree: DEGREE }
    : { ...common, link: family === "ReLU" ? "relu" : "kernel" };
}

async function fitted(sample: PlantedSample, samples: number, settings: FitOptions) {
  const { model } = await fitMultiIndex(rowsFrom(sample, 0, samples), sample.y.slice(0, samples), settings);
  const predicted = model.predict(rowsFrom(sample, samples, FRESH));
  return { model, error: errorOf(sample, samples, predicted), distance: subspaceDistance(model.basis, sample.basis) };
}

/** What is missed in the population, and the noise that n rows leave in as many weights, over the variance of the target. */
function predictedError(missed: number, weights: number, samples: number): number {
  const variance = POLYNOMIAL.coefficients.slice(1).reduce((sum, c) => sum + c * c, 0);
  return (missed + ((NOISE * NOISE + missed) * weights) / (samples - weights - 1)) / variance;
}

/** The paper's network: orthogonal directions are trained, random Hermite features over them are not. */
async function trainedNetwork(nodes: readonly Node[], sample: PlantedSample, samples: number, more: FitOptions) {
  const link: FeatureMap = {
    value: (z) => nodes.map((node) => nodeValue(node, z)),
    derivative: (z) => nodes.map((node) => nodeDerivative(node, z)),
  };
  const { model, error } = await fitted(sample, samples, { rank: RANK, link, restarts: 1, whiten: "none", ...more });
  const [w, u] = [model.basis.to2DArray(), sample.basis.to2DArray()];
  // Uᵀ W v: how a direction of the trained layer looks from the truth.
  const overlap = Array.from({ length: RANK }, (_, a) =>
    Array.from({ length: RANK }, (_, b) => u.reduce((sum, row, i) => sum + row[a] * w[i][b], 0)),
  );
  const { missed, independent } = populationRest(POLYNOMIAL, nodes, ({ direction }) =>
    overlap.map((row) => row.reduce((sum, m, b) => sum + m * direction[b], 0)),
  );
  return { error, predicted: predictedError(missed, independent, samples) };
}

/** The same with a frozen first layer: linear regression on random features of all inputs. */
function frozenNetwork(nodes: readonly Node[], sample: PlantedSample, samples: number) {
  const { data } = rowsFrom(sample, 0, samples);
  const weights = fitNodes(nodes, data, sample.y.slice(0, samples));
  const fresh = rowsFrom(sample, samples, FRESH).data;
  const predicted = Float64Array.from({ length: FRESH }, (_, i) =>
    nodes.reduce((sum, node, j) => sum + weights[j] * nodeValue(node, fresh, i * DIM), weights[nodes.length]),
  );
  const u = sample.basis.to2DArray();
  const { missed, independent } = populationRest(POLYNOMIAL, nodes, ({ direction }) =>
    Array.from({ length: RANK }, (_, a) => u.reduce((sum, row, i) => sum + row[a] * direction[i], 0)),
  );
  return {
    error: errorOf(sample, samples, predicted),
    predicted: predictedError(missed, independent, samples),
  };
}
