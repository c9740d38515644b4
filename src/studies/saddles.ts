/** Study: plateaus and escape times of the population flow against the dimension, and the order of learning. */
import { log } from "../base/elementary.js";
import type { ChartPoint, ChartSeries, Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { Link, type SaddleReport, type ScalingStudy, saddleReport, scalingStudy } from "../theory/index.js";
import { knownPower } from "./plantedTimes.js";
import { compared, type Outcome, ofKind, type Study, sized } from "./study.js";

type ScalingOptions = {
  readonly link: string;
  readonly flow: "two-timescale" | "planted";
  readonly start: "diagonal" | "gaussian";
  readonly dims: number[];
  readonly trials: number;
  /** Time over d^predicted that theory gives; slope of the time in log d when the power is 0; null where it is unknown. */
  readonly prefactor: number | null;
};
type OrderOptions = { readonly link: string; readonly dim: number };
/** Of a saddle report, what figures and findings need. */
interface Order {
  readonly plateaus: readonly Omit<SaddleReport["plateaus"][number], "directions">[];
  readonly times: readonly number[];
  readonly loss: readonly number[];
  readonly cosines: readonly (readonly number[])[];
}

/** Link, start and prefactor of the two-timescale flow [MI §5]: 1/(2s(s−1)) along one direction. */
const LAWS = [
  ["z1", "diagonal", 0.5],
  ["h2(z1)", "diagonal", 1 / 4],
  ["h3(z1)", "diagonal", 1 / 12],
  ["h4(z1)", "diagonal", 1 / 24],
  ["z1*z2", "diagonal", 0.5],
  ["z1*z2*z3", "diagonal", 0.25],
  ["z1*z2", "gaussian", null],
  ["z1*z2*z3", "gaussian", null],
  ["z1 + h3(z2)", "gaussian", null],
] as const;
/** Of the flow with the link known: 1/(s(s−2)), and ¼ of log d for s = 2. */
const PLANTED_LAWS = [
  ["h2(z1)", 1 / 4],
  ["h3(z1)", 1 / 3],
  ["h4(z1)", 1 / 8],
] as const;
const ORDERS = ["z1 + z1*z2 + z1*z2*z3", "z1 + h3(z2)", "h2(z1) + h3(z2)"] as const;
const ORDER_DIM = 1000;

export const saddles: Study = {
  name: "saddles",
  title: "Saddles: how long learning waits, and in which order it learns",
  question:
    "A link that shows a new direction only in terms of degree s holds the gradient flow at a saddle. Theory says for how long: a time that grows like d to the power s − 1, and like log d for s = 1. This study measures times over four decades of the dimension d, and watches which direction is learnt when.",

  jobs(scale, seed) {
    const dims = sized(
      scale,
      [1e2, 1e3, 1e4],
      [1e2, 1e3, 1e4, 1e5, 1e6],
      [1e2, 3e2, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6],
    );
    const trials = sized(scale, 5, 9, 25);
    const laws = LAWS.map(([link, start, prefactor]) => ({
      kind: "scaling",
      seed,
      options: { link, flow: "two-timescale", start, dims, trials: start === "diagonal" ? 1 : trials, prefactor },
    }));
    const planted = PLANTED_LAWS.map(([link, prefactor]) => ({
      kind: "scaling",
      seed,
      options: { link, flow: "planted", start: "diagonal", dims, trials: 1, prefactor },
    }));
    const orders = ORDERS.map((link) => ({ kind: "order", seed, options: { link, dim: ORDER_DIM } }));
    return [...(scale === "tiny" ? laws.slice(0, 4) : laws), ...planted, ...orders];
  },

  async run({ kind, seed, options }, { signal, onProgress }) {
    const watch = { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) };
    if (kind === "scaling") {
      const { link, flow, start, dims, trials } = options as ScalingOptions;
      const many = start === "diagonal" ? {} : { trials };
      return scalingStudy(Link.parse(link), { dims, flow, start, seed, ...many, ...watch });
    }
    const { link, dim } = options as OrderOptions;
    const { plateaus, flow } = await saddleReport(Link.parse(link), { dim, seed, ...(signal ? { signal } : {}) });
    return {
      plateaus: plateaus.map(({ directions: _, ...rest }) => rest),
      times: flow.times,
      loss: flow.loss,
      cosines: flow.singularValues.map((values) => Array.from(values)),
    };
  },

  report(outcomes) {
    const scalings = ofKind<ScalingOptions, ScalingStudy>(outcomes, "scaling");
    const orders = ofKind<OrderOptions, Order>(outcomes, "order");
    return {
      seen: [
        "The lines of theory and the measured dots coincide over the whole range: the time is set by the degree in the new variables alone, and a random start changes only the factor before it.",
        "With the link known and frozen the power is smaller, s/2 − 1 instead of s − 1, because the refitted link is itself small until the directions are found. The price of the smaller power is in the study “planted”.",
        "Directions are learnt one leap after the other. On each plateau the loss is what the directions learnt so far leave, to all digits shown.",
      ],
      findings: [...scalings.flatMap(scalingFindings), ...orders.flatMap(orderFindings)],
      figures: [timesFigure(scalings), plantedFigure(scalings), orderFigure(orders)],
      tables: [scalingTable(scalings), plateauTable(orders)],
    };
  },
};

const nameOf = ({ link, start, flow }: ScalingOptions): string =>
  `${link}${start === "gaussian" ? ", random starts" : ""}${flow === "planted" ? ", link known" : ""}`;

function scalingFindings({ options, result }: Outcome<ScalingOptions, ScalingStudy>): Finding[] {
  const { predicted, exponent, interval, dims, times, logSlope } = result;
  const source =
    options.flow === "planted" ? "Bietti et al., planted model; [MI §5]" : "Bietti et al., time scales; [MI §5]";
  const figure = options.flow === "planted" ? "planted-times" : "escape-times";
  const name = nameOf(options);
  const last = times.length - 1;
  if (predicted === 0) {
    if (options.prefactor === null) return [];
    return [
      compared({
        statement: `${name}: the time grows by this per unit of log d`,
        source,
        predicted: options.prefactor,
        measured: logSlope,
        interval: null,
        slack: 0.03,
        note: "leading order; corrections of order 1/log d are allowed 3 %",
        figure,
      }),
    ];
  }
  const time = times[last];
  const ten = dims.findIndex((dim) => dim >= dims[last] / 10);
  const recent = log(Number(time) / Number(times[ten])) / log(dims[last] / dims[ten]);
  const found: Finding[] = [
    compared({
      statement: `${name}: power of d`,
      source,
      predicted: options.flow === "planted" ? knownPower(predicted, dims) : predicted,
      measured: exponent,
      interval,
      slack: 0.005,
      note:
        options.flow === "planted"
          ? `mean steepness over these dimensions of the integral for one direction, ${predicted} for large d; half a per cent is allowed`
          : `leading order in d; half a per cent is allowed; over the last power of ten the steepness is ${recent.toFixed(3)}`,
      figure,
    }),
  ];
  if (options.prefactor !== null && time !== null) {
    found.push(
      compared({
        statement: `${name}: time over d^${predicted} at d = ${dims[last]}`,
        source,
        predicted: options.prefactor,
        measured: time / dims[last] ** predicted,
        interval: null,
        slack: 0.02,
        note: "leading order; 2 % is allowed",
        figure,
      }),
    );
  }
  return found;
}

function orderFindings({ options, result }: Outcome<OrderOptions, Order>): Finding[] {
  const source = "Bietti et al., saddle-to-saddle; [MI §4, §5]";
  return result.plateaus.flatMap((plateau, i) => {
    const which = `${options.link}: plateau ${i + 1}, leap ${plateau.exponent}`;
    const level = compared({
      statement: `${which}, loss there`,
      source,
      predicted: plateau.level,
      measured: plateau.observedLevel ?? null,
      interval: null,
      slack: 0.01,
      note: "where the loss changes most slowly; 1 % is allowed",
      figure: "order",
    });
    return [level];
  });
}

const pointsOf = ({ result }: Outcome<ScalingOptions, ScalingStudy>): ChartPoint[] =>
  result.dims.flatMap((x, i) => {
    const y = result.times[i];
    const range = result.quartiles[i];
    return y === null ? [] : [{ x, y, ...(range && result.trials > 1 ? { low: range[0], high: range[1] } : {}) }];
  });

/** Measured dots, and the law of theory through its own prefactor; through the dots where theory gives the power alone. */
function lawSeries(outcome: Outcome<ScalingOptions, ScalingStudy>, color: number): ChartSeries[] {
  const { options, result } = outcome;
  const points = pointsOf(outcome);
  const name = nameOf(options);
  const ends = Array.from(
    { length: 41 },
    (_, i) => result.dims[0] * (result.dims.at(-1)! / result.dims[0]) ** (i / 40),
  );
  const factor = options.prefactor ?? result.prefactor ?? 0;
  const middle = points[points.length >> 1];
  const theory = (x: number): number =>
    result.predicted > 0 ? factor * x ** result.predicted : middle.y + factor * log(x / middle.x);
  return [
    { label: result.flow === "planted" ? name : options.link, color, points },
    {
      label: result.predicted > 0 ? `d^${result.predicted}` : "log d",
      kind: "dashes",
      color: "ink",
      points: ends.map((x) => ({ x, y: theory(x) })).filter(({ y }) => y > 0),
    },
  ];
}

/** A link has one color, whatever its start. */
const colorOf = (link: string): number => [...new Set(LAWS.map(([name]) => name as string))].indexOf(link);

const isOf =
  (flow: string, start?: string) =>
  ({ options }: Outcome<ScalingOptions, ScalingStudy>) =>
    options.flow === flow && (start === undefined || options.start === start);

/** One entry of the legend for all lines of theory. */
const withOneTheory = (series: readonly ChartSeries[]): ChartSeries[] =>
  series.map((one) => (one.kind === "dashes" ? { ...one, label: "theory: d^(s−1), log d for s = 1" } : one));

function timesFigure(scalings: readonly Outcome<ScalingOptions, ScalingStudy>[]): StudyFigure {
  const two = scalings.filter(isOf("two-timescale"));
  const panels = (["diagonal", "gaussian"] as const).flatMap((start) => {
    const some = two.filter(isOf("two-timescale", start));
    if (some.length === 0) return [];
    return [
      {
        title: start === "diagonal" ? "start I/√d" : "random starts: medians and middle half",
        x: { label: "dimension d (inputs)", log: true },
        y: { label: "time of the last escape", log: true },
        series: withOneTheory(some.flatMap((outcome) => lawSeries(outcome, colorOf(outcome.options.link)))),
      },
    ];
  });
  return {
    name: "escape-times",
    chart: {
      title: "Time to learn against the dimension",
      description: `Escape times of ${two.length} links over ${scalings[0].result.dims.length} dimensions, with the powers of theory.`,
      panels,
    },
    caption:
      "Dots are measured by integrating the flow; dashes are theory, with its own prefactor 1/(2s(s−1)) above, and through the dots below where theory fixes the power alone. A straight line on these axes is a power of d; its steepness is s − 1.",
  };
}

function plantedFigure(scalings: readonly Outcome<ScalingOptions, ScalingStudy>[]): StudyFigure {
  const some = scalings.filter(isOf("planted"));
  return {
    name: "planted-times",
    chart: {
      title: "Time to learn when the link is known",
      description: `Escape times of the planted flow for ${some.length} links.`,
      panels: [
        {
          x: { label: "dimension d (inputs)", log: true },
          y: { label: "time of the escape", log: true },
          series: some
            .flatMap(lawSeries)
            .map((one) => (one.kind === "dashes" ? { ...one, label: "theory: d^(s/2−1), log d for s = 2" } : one)),
        },
      ],
    },
    caption: "The same links with the link known and frozen: powers s/2 − 1 instead of s − 1.",
  };
}

function orderFigure(orders: readonly Outcome<OrderOptions, Order>[]): StudyFigure {
  return {
    name: "order",
    chart: {
      title: "From saddle to saddle",
      description: "Loss and cosines over logarithmic time for links with several leaps, with predicted plateaus.",
      columns: 2,
      panels: orders.flatMap(({ options, result }) => {
        const first = Math.max(result.plateaus[0]?.escapeTime ?? 1, 1e-3) / 20;
        const last = result.times.at(-1)!;
        const shown = thinned(result.times, first);
        const x = { label: "flow time t", log: true, domain: [first, last] as const };
        const size = result.loss[0];
        return [
          {
            title: options.link,
            x,
            y: { label: "loss", domain: [0, 1.12 * size] as const },
            levels: result.plateaus.map(({ level, exponent }) => ({ y: level, label: `leap ${exponent}` })),
            series: [
              {
                label: "loss",
                kind: "line" as const,
                color: "ink" as const,
                points: shown.map((i) => ({ x: result.times[i], y: result.loss[i] })),
              },
            ],
          },
          {
            title: `d = ${options.dim}`,
            x,
            y: { label: "cosines with the true directions", domain: [0, 1.05] as const },
            series: result.cosines[0].map((_, k) => ({
              label: `cosine ${k + 1}`,
              kind: "line" as const,
              color: k,
              points: shown.map((i) => ({ x: result.times[i], y: result.cosines[i][k] })),
            })),
          },
        ];
      }),
    },
    caption:
      "Dotted lines are the predicted plateaus: the loss that remains when the leaps before are learnt and nothing else is. Each fall of the loss is one leap; the cosine of its directions rises with it.",
  };
}

/** Indices of times from `first` on, at most some three hundred, evenly on the logarithmic axis. */
function thinned(times: readonly number[], first: number): number[] {
  const step = Math.log(times.at(-1)! / first) / 300;
  let last = -Infinity;
  const from = times.findIndex((time) => time >= first);
  return times.flatMap((time, i) => {
    if (i < from - 1 || (i < times.length - 1 && time > 0 && Math.log(time) - last < step)) return [];
    last = time > 0 ? Math.log(time) : -Infinity;
    return time > 0 ? [i] : [];
  });
}

function scalingTable(scalings: readonly Outcome<ScalingOptions, ScalingStudy>[]): StudyTable {
  return {
    name: "escape-times",
    title: "Escape times",
    columns: ["link", "flow", "start", "dim", "time", "lowerQuartile", "upperQuartile", "escaped", "trials"],
    rows: scalings.flatMap(({ options, result }) =>
      result.dims.map((dim, i) => [
        options.link,
        options.flow,
        options.start,
        dim,
        result.times[i],
        result.quartiles[i]?.[0] ?? null,
        result.quartiles[i]?.[1] ?? null,
        result.escaped[i],
        result.trials,
      ]),
    ),
  };
}

function plateauTable(orders: readonly Outcome<OrderOptions, Order>[]): StudyTable {
  return {
    name: "plateaus",
    title: "Plateaus",
    columns: ["link", "dim", "leap", "directions", "level", "observedLevel", "predictedTime", "escapeTime"],
    rows: orders.flatMap(({ options, result }) =>
      result.plateaus.map((p) => [
        options.link,
        options.dim,
        p.exponent,
        p.count,
        p.level,
        p.observedLevel ?? null,
        p.predictedTime,
        p.escapeTime ?? null,
      ]),
    ),
  };
}
