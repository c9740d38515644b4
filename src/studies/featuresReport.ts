/** Findings, figures and tables of the study `features`. */
import type { ChartPoint, Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { compared, meanOf, type Outcome, ofKind, type StudyReport } from "./study.js";

/** Families of links that are compared. */
export const FAMILIES = ["Hermite", "ReLU", "kernel"] as const;

export type FamilyOptions = {
  readonly target: string;
  readonly family: (typeof FAMILIES)[number];
  readonly samples: number;
  readonly trials: number;
};
export type WidthOptions = {
  readonly layer: "trained" | "frozen";
  /** Random features beside the constant. */
  readonly width: number;
  readonly samples: number;
  readonly trials: number;
};
/** One entry a data set. */
export interface Fits {
  /** 1 − R² on fresh rows without noise. */
  readonly errors: readonly number[];
  /** The same as predicted; of networks. */
  readonly predicted: readonly number[];
  /** n·dist²/(d − r) over its value in the law of large samples; of families. */
  readonly ratios: readonly number[];
}

type Family = Outcome<FamilyOptions, Fits>;
type Width = Outcome<WidthOptions, Fits>;

/** Families that hold a target, so that what a fit has not learnt of it is noise alone; others miss a part of it. */
const HOLDS: Readonly<Record<string, readonly string[]>> = { polynomial: ["Hermite"], kinks: [] };
const LAYERS = [
  { layer: "trained", label: "directions trained, features frozen" },
  { layer: "frozen", label: "both frozen" },
] as const;

export function report(outcomes: readonly Outcome[]): StudyReport {
  const families = ofKind<FamilyOptions, Fits>(outcomes, "family");
  const widths = ofKind<WidthOptions, Fits>(outcomes, "width");
  return {
    seen: [
      "Every family finds the directions. A family that holds the target is as exact as the law of large samples allows; where it misses a part, that part acts like more noise. Kernels, which miss little of either target, are near the law for both.",
      "The network of the paper needs no more random features than there are monomials. It gets along with a few less, because its trained layer also turns within its own span until the features fit: with finitely many features the loss is not the same for all bases of one span.",
      "With the first layer frozen too, the features have to fill all inputs, not two directions: hundreds of features, as many as there are cubic monomials in all inputs, before the error falls to where nine features over trained directions have it.",
    ],
    findings: [...families.map(familyFinding), ...widths.map(widthFinding)],
    figures: [familyFigure(families), widthFigure(widths)],
    tables: [familyTable(families), widthTable(widths)],
  };
}

function familyFinding({ options, result }: Family): Finding {
  const { target, family, samples, trials } = options;
  const { mean, low, high } = meanOf(result.ratios);
  const holds = HOLDS[target].includes(family);
  return compared({
    statement: `${family} link on the target “${target}”: squared distance of the directions over that of the law of large samples`,
    source: "least squares in the tangent; independence of x⊥ and z, [MI §7.5]",
    predicted: 1,
    measured: mean,
    interval: [low, high],
    slack: 0.05,
    ...(holds ? {} : { beyond: true }),
    note: `${trials} fits of ${samples} rows; 5 % for the finite number of rows${holds ? "" : "; the law is one of families that hold the target, and this one misses a part of it"}`,
    figure: "families",
  });
}

const ratiosOf = ({ result }: Width): number[] => result.errors.map((error, i) => error / result.predicted[i]);

function widthFinding(one: Width): Finding {
  const { layer, width, samples } = one.options;
  const { mean, low, high } = meanOf(ratiosOf(one));
  return compared({
    statement: `${width} random Hermite features over ${layer} directions: 1 − R² over its prediction`,
    source: "projection on random features in the population, E h_k(⟨u,x⟩)h_k(⟨v,x⟩) = ⟨u,v⟩^k; noise of least squares",
    predicted: 1,
    measured: mean,
    interval: [low, high],
    slack: 0.1,
    // Noise in as many weights as a tenth of the rows, with features of heavy tails, is more than the law of light tails says.
    ...(layer === "frozen" && 10 * width > samples ? { beyond: true } : {}),
    note: `${one.result.errors.length} data sets of ${samples} rows; 10 % because features of degree three have heavy tails${layer === "frozen" && 10 * width > samples ? ", and more where their number is not small against that of the rows" : ""}`,
    figure: "width",
  });
}

const spread = (x: number, values: readonly number[]): ChartPoint => {
  const { mean, low, high } = meanOf(values);
  return { x, y: mean, low: Math.max(low, mean / 10), high };
};

function familyFigure(families: readonly Family[]): StudyFigure {
  const targets = [...new Set(families.map(({ options }) => options.target))];
  const x = { label: "target", names: targets };
  const series = (of: (fits: Fits) => readonly number[]) =>
    FAMILIES.map((family, k) => ({
      label: `${family}, mean and 95 %`,
      color: k,
      points: families
        .filter(({ options }) => options.family === family)
        .map(({ options, result }) => spread(targets.indexOf(options.target) + 1 + 0.12 * (k - 1), of(result))),
    }));
  return {
    name: "families",
    chart: {
      title: "Families of links on the same rows",
      description: `Error of the directions and of prediction by family, for the targets ${targets.join(" and ")}.`,
      panels: [
        {
          title: "directions",
          x,
          y: { label: "squared distance / law of large samples", log: true },
          levels: [{ y: 1, label: "law of large samples" }],
          series: series(({ ratios }) => ratios),
        },
        {
          title: "prediction",
          x,
          y: { label: "1 − R² on fresh rows", log: true },
          series: series(({ errors }) => errors),
        },
      ],
    },
    caption:
      "Polynomial: z₁ + z₁z₂ + ½h₃(z₂). Kinks: two ReLU functions along directions at 60°. The same rows for every family.",
  };
}

function widthFigure(widths: readonly Width[]): StudyFigure {
  const of = (layer: string) => widths.filter(({ options }) => options.layer === layer);
  return {
    name: "width",
    chart: {
      title: "Error against the number of random Hermite features",
      description: "Networks with trained and with frozen directions, measured and predicted.",
      panels: [
        {
          x: { label: "random features", log: true },
          y: { label: "1 − R² on fresh rows", log: true },
          series: LAYERS.flatMap(({ layer, label }, k) => [
            {
              label: `${label}, mean and 95 %`,
              color: k,
              points: of(layer).map(({ options, result }) => spread(options.width, result.errors)),
            },
            {
              label: "predicted",
              kind: "dashes" as const,
              color: k,
              points: of(layer).map(({ options, result }) => ({ x: options.width, y: meanOf(result.predicted).mean })),
            },
          ]),
        },
      ],
    },
    caption:
      "The prediction is what the features cannot express of the target in the population, given their directions, and the noise of least squares. Over two directions nine features fill the cubic polynomials, over ten inputs it takes 285.",
  };
}

function familyTable(families: readonly Family[]): StudyTable {
  return {
    name: "families",
    title: "Families of links",
    columns: ["target", "family", "samples", "trial", "oneMinusR2", "squaredDistanceOverLaw"],
    rows: families.flatMap(({ options: { target, family, samples }, result }) =>
      result.errors.map((error, i) => [target, family, samples, i, error, result.ratios[i]]),
    ),
  };
}

function widthTable(widths: readonly Width[]): StudyTable {
  return {
    name: "width",
    title: "Networks of random features",
    columns: ["layer", "features", "samples", "trial", "oneMinusR2", "predicted"],
    rows: widths.flatMap(({ options: { layer, width, samples }, result }) =>
      result.errors.map((error, i) => [layer, width, samples, i, error, result.predicted[i]]),
    ),
  };
}
