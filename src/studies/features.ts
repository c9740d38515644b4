/** Study: families of links on the same targets, and frozen random features against trained directions. */
import { createRng } from "../base/rng.js";
import { type FeatureMap, type FitOptions, fitMultiIndex, rSquared, sampleMultiIndex } from "../index.js";
import type { Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { hermite, hermiteDerivative } from "../theory/index.js";
import { compared, meanOf, type Outcome, ofKind, type Study, sized } from "./study.js";

const relu = (x: number): number => Math.max(0, x);
const TARGETS: Readonly<Record<string, (z: ArrayLike<number>) => number>> = {
  polynomial: (z) => z[0] + z[0] * z[1],
  kinks: (z) => relu(z[0]) - relu(z[1] + 0.3 * z[0]),
};
const FAMILIES = ["hermite", "relu", "kernel"] as const;
type CompareOptions = {
  readonly target: string;
  readonly family: string;
  readonly samples: number;
  readonly trials: number;
};
type WidthOptions = {
  readonly target: string;
  readonly layer: "trained" | "frozen";
  readonly width: number;
  readonly samples: number;
  readonly trials: number;
};
interface Scores {
  /** 1 − R² on fresh noise-free responses, one per trial. */
  readonly errors: readonly number[];
}

const DIM = 10;
const RANK = 2;
const NOISE = 0.1;
const DEGREE = 4;
/** Features of total degree ≤ 4 in two variables. */
const ENOUGH = 15;

export const features: Study = {
  name: "features",
  title: "Features: which links learn the same directions, and what frozen layers cost",
  question:
    "The link may be a Hermite series, a sum of random ReLU features or a kernel; which one does not matter to the directions, says the theory, but it does to the prediction. The paper's network has a trained orthogonal layer of low rank under frozen random Hermite features. Here it is compared with the whole Hermite basis, and with networks whose first layer is frozen too.",

  jobs(scale, seed) {
    const trials = sized(scale, 4, 4, 12);
    const samples = sized(scale, 1000, 1500, 3000);
    const targets = Object.keys(TARGETS);
    const widths = sized(scale, [ENOUGH], [5, 10, ENOUGH, 30, 60], [5, 8, 10, 12, ENOUGH, 20, 30, 60, 120]);
    const wide = sized(scale, [60], [60, 250], [30, 60, 120, 250, 500, 1000]);
    return [
      ...targets.flatMap((target) =>
        (scale === "tiny" ? (["hermite"] as const) : FAMILIES).map((family) => ({
          kind: "family",
          seed,
          options: { target, family, samples, trials },
        })),
      ),
      ...widths.map((width) => ({
        kind: "width",
        seed,
        options: { target: "polynomial", layer: "trained", width, samples, trials },
      })),
      ...wide.map((width) => ({
        kind: "width",
        seed,
        options: { target: "polynomial", layer: "frozen", width, samples, trials: Math.min(trials, 4) },
      })),
    ];
  },

  async run({ kind, seed, options }, { signal, onProgress }) {
    const { target, samples, trials } = options as CompareOptions;
    const errors: number[] = [];
    for (let trial = 0; trial < trials; trial++) {
      const settings =
        kind === "family" ? family(options.family as string) : network(options as WidthOptions, seed + trial);
      errors.push(await errorOf(target, samples, seed + trial, { ...settings, seed, ...(signal ? { signal } : {}) }));
      onProgress?.({ phase: "fit", done: trial + 1, total: trials });
    }
    return { errors };
  },

  report(outcomes) {
    const families = ofKind<CompareOptions, Scores>(outcomes, "family");
    const widths = ofKind<WidthOptions, Scores>(outcomes, "width");
    const basis = families.find(({ options }) => options.target === "polynomial" && options.family === "hermite")!;
    return {
      seen: [
        "All families find the target; the polynomial one is best where the truth is a polynomial, the others where it has kinks.",
        `The network with frozen random Hermite features over a trained low-rank layer is as good as the whole Hermite basis once it has as many features as the basis (${ENOUGH} here), and misses a part of the target below.`,
        "With the first layer frozen too, features have to fill all inputs instead of two directions, and hundreds of them do less than fifteen over trained directions.",
      ],
      findings: widths.flatMap((one) => widthFinding(one, basis)),
      figures: [familyFigure(families), widthFigure(widths, basis)],
      tables: [table(families, widths)],
    };
  },
};

function family(name: string): FitOptions {
  return name === "hermite" ? { rank: RANK, degree: DEGREE } : { rank: RANK, link: name as "relu" | "kernel" };
}

/** Degrees of random features go round 1…4 in proportion to the sizes of the degrees' spaces, so that ENOUGH of them fill all. */
const ROUND = [1, 2, 3, 4, 2, 3, 4, 1, 3, 4, 2, 3, 4, 4];

function network({ layer, width }: WidthOptions, seed: number): FitOptions {
  const inputs = layer === "trained" ? RANK : DIM;
  const rng = createRng(seed, "features", layer, width);
  const nodes = Array.from({ length: width - 1 }, (_, j) => {
    const direction = Array.from({ length: inputs }, () => rng.normal());
    const norm = Math.sqrt(direction.reduce((sum, v) => sum + v * v, 0));
    return { direction: direction.map((v) => v / norm), degree: ROUND[j % ROUND.length] };
  });
  const at = (direction: readonly number[], z: number[]): number => direction.reduce((sum, w, k) => sum + w * z[k], 0);
  const link: FeatureMap = {
    value: (z) => [1, ...nodes.map(({ direction, degree }) => hermite(at(direction, z), degree)[degree])],
    derivative: (z) => [
      new Array<number>(inputs).fill(0),
      ...nodes.map(({ direction, degree }) => {
        const slope = hermiteDerivative(at(direction, z), degree)[degree];
        return direction.map((w) => w * slope);
      }),
    ],
  };
  if (layer === "trained") return { rank: RANK, link, restarts: 0 };
  const identity = Array.from({ length: DIM }, (_, i) => Array.from({ length: DIM }, (_, j) => (i === j ? 1 : 0)));
  return { rank: DIM, link, start: identity, restarts: 0, maxIterations: 0, whiten: "none" };
}

async function errorOf(target: string, samples: number, seed: number, settings: FitOptions): Promise<number> {
  const planted = {
    rank: RANK,
    evaluateMany: (Z: Float64Array, n: number) => ({
      values: Float64Array.from({ length: n }, (_, i) => TARGETS[target](Z.subarray(i * RANK, (i + 1) * RANK))),
    }),
  };
  const fresh = 1000;
  const { X, y, f } = sampleMultiIndex(planted, { dim: DIM, samples: samples + fresh, noiseStd: NOISE, seed });
  const part = (from: number, rows: number) => ({
    data: X.data.slice(from * DIM, (from + rows) * DIM),
    rows,
    columns: DIM,
  });
  const fit = await fitMultiIndex(part(0, samples), y.slice(0, samples), settings);
  return 1 - rSquared(f.slice(samples), fit.model.predict(part(samples, fresh)));
}

function widthFinding(
  { options, result }: Outcome<WidthOptions, Scores>,
  basis: Outcome<CompareOptions, Scores>,
): Finding[] {
  if (options.layer !== "trained" || options.width < ENOUGH || options.width > 2 * ENOUGH) return [];
  const differences = result.errors.map((error, i) => error - basis.result.errors[i]);
  const { mean, low, high } = meanOf(differences);
  return [
    compared({
      statement: `network of ${options.width} frozen random Hermite features over trained directions: 1 − R² beyond that of the whole basis`,
      source: "random directions span the polynomials of a degree once there are as many as its dimension",
      predicted: 0,
      measured: mean,
      interval: [low, high],
      note: `${options.trials} data sets, differences in pairs`,
      figure: "width",
    }),
  ];
}

function familyFigure(families: readonly Outcome<CompareOptions, Scores>[]): StudyFigure {
  const targets = Object.keys(TARGETS);
  return {
    name: "families",
    chart: {
      title: "Families of links on the same rows",
      description: "Error on fresh rows by family, for two targets.",
      panels: [
        {
          x: {
            label: targets.map((target, i) => `${i + 1} ${target}`).join("   "),
            domain: [0.5, targets.length + 0.6],
          },
          y: { label: "1 − R² on fresh rows", log: true },
          series: FAMILIES.map((name, k) => ({
            label: name,
            color: k,
            points: families
              .filter(({ options }) => options.family === name)
              .flatMap(({ options, result }) =>
                result.errors.map((y) => ({ x: targets.indexOf(options.target) + 1 + 0.12 * (k - 1), y })),
              ),
          })),
        },
      ],
    },
    caption: "One dot a data set.",
  };
}

function widthFigure(
  widths: readonly Outcome<WidthOptions, Scores>[],
  basis: Outcome<CompareOptions, Scores>,
): StudyFigure {
  return {
    name: "width",
    chart: {
      title: "Error against the number of random features",
      description: "Networks with trained and with frozen directions.",
      panels: [
        {
          x: { label: "random Hermite features", log: true },
          y: { label: "1 − R² on fresh rows", log: true },
          levels: [{ y: meanOf(basis.result.errors).mean, label: `whole Hermite basis, ${ENOUGH} features` }],
          series: (["trained", "frozen"] as const).map((layer, k) => ({
            label: layer === "trained" ? "directions trained, features frozen" : "all frozen",
            color: k,
            points: widths
              .filter(({ options }) => options.layer === layer)
              .flatMap(({ options, result }) => result.errors.map((y) => ({ x: options.width, y }))),
          })),
        },
      ],
    },
    caption:
      "One dot a data set. The dotted line is the whole Hermite basis of the same degree over trained directions.",
  };
}

function table(
  families: readonly Outcome<CompareOptions, Scores>[],
  widths: readonly Outcome<WidthOptions, Scores>[],
): StudyTable {
  return {
    name: "errors",
    title: "Errors on fresh rows",
    columns: ["target", "link", "features", "trial", "oneMinusR2"],
    rows: [
      ...families.flatMap(({ options, result }) =>
        result.errors.map((e, i) => [options.target, options.family, null, i, e]),
      ),
      ...widths.flatMap(({ options, result }) =>
        result.errors.map((e, i) => [options.target, `${options.layer} network`, options.width, i, e]),
      ),
    ],
  };
}
