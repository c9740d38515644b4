/** Study: rows needed against the dimension, by leap and by solver. */
import { log } from "../base/elementary.js";
import { createRng, type Rng } from "../base/rng.js";
import { fitLine, median, quantile } from "../base/statistics.js";
import type { Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { informationExponentFlow, Link, type SampleComplexity, sampleComplexityStudy } from "../theory/index.js";
import { compared, type JobSpec, type Outcome, ofKind, type Study, sized } from "./study.js";

type BatchOptions = {
  readonly order: number;
  readonly solver: string;
  readonly dims: number[];
  readonly trials: number;
};
type OnlineOptions = { readonly order: number; readonly dim: number; readonly trials: number };
interface Online {
  /** Rows at which the mean path does. */
  readonly predicted: number;
  /** Rows until the cosine passes ½, one per run; null where the limit came first. */
  readonly rows: readonly (number | null)[];
}

/** Between the dimensions `first` and `last`, d log d is as steep as this power of d. */
const linearWithLog = (first: number, last: number): number => 1 + log(log(last) / log(first)) / log(last / first);

/** Methods that use a batch again; small steps do not change that, as long as the rows stay the same. */
const batchPower = (s: number, first: number, last: number): number =>
  s === 1 ? 1 : s === 2 ? linearWithLog(first, last) : s / 2;
const BATCH_SOURCE = "d, d log d, d^(s/2) of methods that use a batch again; Bietti et al., §5, [MI §8]";

/** Solver, start, and the power of d that theory gives for h_s. */
const SOLVERS: Readonly<
  Record<
    string,
    {
      method: "gradient-flow" | "gauss-newton";
      start: "random" | "slices";
      power: (s: number, first: number, last: number) => number;
      source: string;
    }
  >
> = {
  "gradient flow": {
    method: "gradient-flow",
    start: "random",
    power: batchPower,
    source: BATCH_SOURCE,
  },
  "Gauss–Newton": {
    method: "gauss-newton",
    start: "random",
    power: batchPower,
    source: BATCH_SOURCE,
  },
  "slices, then Gauss–Newton": {
    method: "gauss-newton",
    start: "slices",
    power: () => 1,
    source: "generative exponent 2: transforms of y see h₃ in second moments ([MI §7.6])",
  },
};
const STEP = 0.3;

export const samples: Study = {
  name: "samples",
  title: "Samples: how many rows a leap costs",
  question:
    "A link of leap s hides its direction in moments of order s. How many rows does it take to find it in d dimensions? Theory gives d^(s−1) for one pass of stochastic gradient descent, which sees every row once, d^(s/2) for methods that use their rows again, and d for starts that look at transformed responses.",

  jobs(scale, seed) {
    const orders = sized(scale, [2], [1, 2, 3], [1, 2, 3]);
    const trials = sized(scale, 6, 6, 16);
    return orders.flatMap((order): Omit<JobSpec, "study">[] => [
      ...sized(scale, [64, 256], [32, 64, 128, 256], [32, 64, 128, 256, 512]).map((dim) => ({
        kind: "online",
        seed: seed + dim,
        options: { order, dim, trials: sized(scale, 15, 25, 60) },
      })),
      ...sized(scale, ["Gauss–Newton"], Object.keys(SOLVERS), Object.keys(SOLVERS)).map((solver) => ({
        kind: "batch",
        seed,
        options: { order, solver, trials, dims: sized(scale, [8, 16], [12, 24, 48], [12, 24, 48, 96]) },
      })),
    ]);
  },

  async run({ kind, seed, options }, { signal, onProgress }) {
    if (kind === "online") {
      const { order, dim, trials } = options as OnlineOptions;
      const rng = createRng(seed, "online", order);
      return {
        predicted: await meanRows(order, dim),
        rows: Array.from({ length: trials }, () => onePass(order, dim, rng)),
      };
    }
    const { order, solver, dims, trials } = options as BatchOptions;
    const { method, start } = SOLVERS[solver];
    return sampleComplexityStudy(Link.parse(`h${order}(z1)`), {
      dims,
      trials,
      method,
      start,
      seed,
      maxIterations: 120,
      maxSamples: 6000,
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    });
  },

  report(outcomes) {
    const batches = ofKind<BatchOptions, SampleComplexity>(outcomes, "batch");
    const online = ofKind<OnlineOptions, Online>(outcomes, "online");
    const orders = [...new Set(online.map(({ options }) => options.order))];
    return {
      seen: [
        "One pass of stochastic gradient descent pays the power s − 1 of theory. Solvers that use their rows again pay less, as theory says they may, gradient flow on a fixed batch among them; a start from slices of the response makes the leap cheaper still, though not yet as cheap in these dimensions as the power 1 of theory.",
        "Dimensions up to some dozens leave exponents of full-batch solvers open by a few tenths.",
      ],
      findings: [...orders.map((order) => onlineFinding(order, online)), ...batches.map(batchFinding)],
      figures: orders.map((order) => rowsFigure(order, batches, online)),
      tables: [table(batches, online)],
    };
  },
};

/**
 * Rows until spherical one-pass descent on the correlation loss of h_s passes cosine ½ from d^(−1/2). Only the cosine and the length
 * of a row matter, so rows are drawn as (z, ξ, χ²): the algorithm in law, at a cost that does not grow with d.
 */
function onePass(s: number, d: number, rng: Rng): number | null {
  const gamma = stepOf(s, d);
  let m = 1 / Math.sqrt(d);
  const limit = 400 * d ** Math.max(1, s - 1);
  for (let k = 1; k <= limit; k++) {
    const xi = rng.normal();
    const u = rng.normal();
    const z = m * xi + Math.sqrt(1 - m * m) * u;
    const step = (gamma / d) * hermite(s, z) * slope(s, xi);
    const length = xi * xi + u * u + chiSquared(d - 2, rng);
    m = (m + step * z) / Math.sqrt(1 + 2 * step * xi + step * step * length);
    if (m >= 0.5) return k;
  }
  return null;
}

/** Rows until the mean path of one pass passes ½: the flow of its overlap in the limit of many inputs. */
async function meanRows(s: number, d: number): Promise<number> {
  const gamma = stepOf(s, d);
  const flow = { exponent: s, overlap: 1 / Math.sqrt(d), stepSize: gamma };
  for (let horizon = 1; ; horizon *= 2) {
    const times = Array.from({ length: 512 }, (_, i) => (horizon * (i + 1)) / 512);
    const { overlap } = await informationExponentFlow({ ...flow, times });
    const at = overlap.findIndex((m) => m >= 0.5);
    if (at > 0) {
      const share = (0.5 - overlap[at - 1]) / (overlap[at] - overlap[at - 1]);
      return ((times[at - 1] + share * (times[at] - times[at - 1])) * d) / gamma;
    }
  }
}

const stepOf = (s: number, d: number): number => (s < 3 ? STEP : STEP / Math.sqrt(d));

/** h₁, h₂, h₃, and their derivatives. */
const hermite = (s: number, x: number): number =>
  s === 1 ? x : s === 2 ? (x * x - 1) / Math.SQRT2 : (x * (x * x - 3)) / Math.sqrt(6);
const slope = (s: number, x: number): number => (s === 1 ? 1 : Math.sqrt(s) * hermite(s - 1, x));

/** By Marsaglia and Tsang's method for gamma variables; freedom ≥ 3. */
function chiSquared(freedom: number, rng: Rng): number {
  const d = freedom / 2 - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && log(1 - rng.uniform()) < 0.5 * x * x + d * (1 - v + log(v))) return 2 * d * v;
  }
}

const found = ({ result }: Outcome<OnlineOptions, Online>): number[] =>
  result.rows.filter((n): n is number => n !== null);

function onlineFinding(order: number, online: readonly Outcome<OnlineOptions, Online>[]): Finding {
  const some = online.filter(({ options }) => options.order === order);
  const points = some.flatMap((one) => found(one).map((n) => [log(one.options.dim), log(n)] as const));
  const { slope: power, halfWidth } = fitLine(
    points.map(([x]) => x),
    points.map(([, y]) => y),
  );
  const [first, last] = [some[0], some[some.length - 1]];
  const rise = log(last.result.predicted / first.result.predicted);
  return compared({
    statement: `one-pass descent, leap ${order}: power of d in the rows needed`,
    source: "Ben Arous et al.; [SI §h]: d, d log d, d^(s−1) to leading order",
    predicted: rise / log(last.options.dim / first.options.dim),
    measured: power,
    interval: [power - halfWidth, power + halfWidth],
    slack: 0.05,
    note: `d = ${first.options.dim} to ${last.options.dim}; predicted is the mean steepness there of the equation for the mean path; 5 % for the spread around it`,
    figure: `rows-leap-${order}`,
  });
}

/** Rows can never be fewer than of the order of d; between that and what methods of this kind are known to reach, all agrees. */
function batchFinding({ options, result }: Outcome<BatchOptions, SampleComplexity>): Finding {
  const { power, source } = SOLVERS[options.solver];
  const [first, last] = [options.dims[0], options.dims[options.dims.length - 1]];
  const most = power(options.order, first, last);
  const { exponent, interval } = result;
  const verdict = interval === null ? "open" : interval[0] <= most && interval[1] >= 1 ? "agrees" : "differs";
  return {
    statement: `${options.solver}, leap ${options.order}: power of d in the rows needed`,
    source,
    predicted: most === 1 ? 1 : `1 to ${most.toFixed(2)}`,
    measured: exponent,
    interval,
    verdict,
    note: `d = ${first} to ${last}, ${options.trials} fits a point${verdict === "differs" ? "; dimensions are too small to tell a steeper power from logarithms and finite sizes" : ""}`,
    figure: `rows-leap-${options.order}`,
  };
}

function rowsFigure(
  order: number,
  batches: readonly Outcome<BatchOptions, SampleComplexity>[],
  online: readonly Outcome<OnlineOptions, Online>[],
): StudyFigure {
  const names = Object.keys(SOLVERS);
  const passes = online.filter(({ options, result }) => options.order === order && result.rows.some((n) => n !== null));
  return {
    name: `rows-leap-${order}`,
    chart: {
      title: `Rows needed against the dimension, leap ${order}`,
      description: `Rows at which half of the runs find the direction of h${order}, by solver.`,
      panels: [
        {
          x: { label: "dimension d (inputs)", log: true },
          y: { label: "rows at which half of the runs succeed", log: true },
          series: [
            {
              label: "one-pass descent, predicted",
              kind: "dashes",
              color: "ink",
              points: passes.map(({ options, result }) => ({ x: options.dim, y: result.predicted })),
            },
            {
              label: "one-pass descent, middle half",
              color: 3,
              points: passes.map((one) => ({
                x: one.options.dim,
                y: median(found(one)),
                low: quantile(found(one), 0.25),
                high: quantile(found(one), 0.75),
              })),
            },
            ...batches
              .filter(({ options }) => options.order === order)
              .map(({ options, result }) => ({
                label: options.solver,
                color: names.indexOf(options.solver),
                points: result.dims.flatMap((x, i) =>
                  result.samples[i] === null ? [] : [{ x, y: result.samples[i] as number }],
                ),
              })),
          ],
        },
      ],
    },
    caption:
      "The steepness is the power of d. The dashed line is the equation of theory for the mean path of one-pass descent; from leap 2 on, many runs wait longer or shorter than it, because chance rules where the path begins.",
  };
}

function table(
  batches: readonly Outcome<BatchOptions, SampleComplexity>[],
  online: readonly Outcome<OnlineOptions, Online>[],
): StudyTable {
  return {
    name: "rows",
    title: "Rows needed",
    columns: ["leap", "solver", "dim", "rows", "predictedRows", "trials"],
    rows: [
      ...online.map((one) => [
        one.options.order,
        "one-pass descent",
        one.options.dim,
        found(one).length > 0 ? median(found(one)) : null,
        one.result.predicted,
        one.options.trials,
      ]),
      ...batches.flatMap(({ options, result }) =>
        result.dims.map((dim, i) => [options.order, options.solver, dim, result.samples[i], null, options.trials]),
      ),
    ],
  };
}
