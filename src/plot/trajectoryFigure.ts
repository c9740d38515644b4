/** A predicted trajectory of gradient descent, with the simulated one over it. */
import { checkOptions, describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import type { Simulation, Trajectory } from "../index.js";
import {
  checkFigure,
  decades,
  drawFigure,
  type FigureOptions,
  type Plot,
  powerOfTen,
  SERIES_COLORS,
} from "./figure.js";

/** What a trajectory's figure is drawn from; every result of `dmft` and `informationExponentFlow` is one. */
export type TrajectoryRecord = Pick<Trajectory, "overlap" | "normSquared" | "trainLoss" | "testLoss"> &
  Partial<Pick<Trajectory, "times">>;

/** A simulation to compare with; every result of `simulateSingleIndex` is one. */
export type SimulationRecord = TrajectoryRecord &
  Pick<Simulation, "dim" | "trials"> & { readonly standardErrors: TrajectoryRecord };

/** Size and title, and the simulation to draw beside the prediction. */
export interface TrajectoryFigureOptions extends FigureOptions {
  readonly simulation?: SimulationRecord;
}

type CurveKey = "overlap" | "normSquared" | "trainLoss" | "testLoss";
const KEYS: readonly CurveKey[] = ["overlap", "normSquared", "trainLoss", "testLoss"];
const LABELS: Readonly<Record<CurveKey, string>> = {
  overlap: "overlap m",
  normSquared: "squared norm q",
  trainLoss: "training loss",
  testLoss: "loss on fresh rows",
};

/**
 * Overlap and norm above, losses below on a logarithmic axis, against the step; a simulation as dots with bars of two standard errors.
 *
 * @returns an SVG document, readable on light and dark paper
 * @throws {InputError} `TYPE`, `SHAPE`. @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 */
export async function trajectoryFigure(
  predicted: TrajectoryRecord,
  options: TrajectoryFigureOptions = {},
): Promise<string> {
  const { simulation, ...rest } = checkOptions(options, ["simulation", "width", "title"], "trajectoryFigure");
  const figure = checkFigure(rest, "trajectoryFigure");
  const steps = checkCurves(predicted, "predicted");
  const simulated = simulation as SimulationRecord | undefined;
  if (simulated !== undefined && checkCurves(simulated, "simulation") !== steps) {
    throw new InputError("SHAPE", "predicted and simulation have different numbers of steps.");
  }
  const colorOf = (key: CurveKey): string => SERIES_COLORS[KEYS.indexOf(key)];
  return drawFigure((plot) => {
    const dots = simulated === undefined ? "" : ` and ${simulated.trials} simulated runs at d = ${simulated.dim}`;
    return {
      title: "Gradient descent, predicted",
      description: `Overlap, squared norm and losses over ${steps} steps, predicted${dots}.`,
      legend: [
        ...KEYS.map((key) => ({ label: LABELS[key], color: colorOf(key) })),
        ...(simulated === undefined
          ? []
          : [
              {
                label: `simulation, d = ${simulated.dim}, ${simulated.trials} trials, ± 2 standard errors`,
                color: "currentColor",
                shape: "dot" as const,
              },
            ]),
      ],
      panels: [
        panelOf(plot, ["overlap", "normSquared"], predicted, simulated, colorOf, false),
        panelOf(plot, ["trainLoss", "testLoss"], predicted, simulated, colorOf, true),
      ],
    };
  }, figure);
}

function panelOf(
  plot: Plot,
  keys: readonly CurveKey[],
  predicted: TrajectoryRecord,
  simulated: SimulationRecord | undefined,
  colorOf: (key: CurveKey) => string,
  isLoss: boolean,
) {
  const grid = { stroke: "currentColor", strokeOpacity: 0.12 };
  const positive = keys.flatMap((key) => Array.from(predicted[key])).filter((value) => value > 0);
  const isLog = isLoss && positive.length > 0;
  const range: [number, number] = [Math.min(...positive) / 1.3, Math.max(...positive) * 1.3];
  const scale = isLog
    ? { type: "log" as const, domain: range, ticks: decades(range[0] / 10, range[1] * 10, 8), tickFormat: powerOfTen }
    : { nice: true, zero: true };
  const marks = keys.flatMap((key) => {
    const line = Array.from(predicted[key], (value, i) => ({ t: predicted.times?.[i] ?? i, value })).filter(
      ({ value }) => !isLog || value > 0,
    );
    const dots = simulated === undefined ? [] : dotsOf(simulated, key, isLog ? range[0] : -Infinity);
    return [
      plot.line(line, { x: "t", y: "value", stroke: colorOf(key), strokeWidth: 2 }),
      plot.ruleX(dots, { x: "t", y1: "low", y2: "high", stroke: colorOf(key), strokeWidth: 1.5 }),
      plot.dot(dots, { x: "t", y: "value", fill: colorOf(key), r: 3 }),
    ];
  });
  return {
    height: 250,
    options: {
      x: { label: isLoss ? "step t" : null },
      y: { ...scale, label: isLoss ? "loss per row" : "m and q" },
      marginTop: 26,
      marginBottom: 40,
      clip: true as const,
    },
    marks: [plot.gridY(grid), ...marks],
  };
}

/** At most some forty dots, so that they can be told apart. */
function dotsOf(simulated: SimulationRecord, key: CurveKey, floor: number) {
  const values = simulated[key];
  const every = Math.max(1, Math.floor(values.length / 40));
  return Array.from(values, (value, i) => {
    const reach = 2 * simulated.standardErrors[key][i];
    const t = simulated.times?.[i] ?? i;
    return { i, t, value, low: Math.max(value - reach, floor), high: value + reach };
  }).filter(({ i, value }) => i % every === 0 && value > floor);
}

function checkCurves(given: TrajectoryRecord, name: string): number {
  const lengths = KEYS.map((key) => (given as Partial<TrajectoryRecord> | undefined | null)?.[key]?.length);
  if (lengths.some((length) => length === undefined)) {
    throw new InputError("TYPE", `${name} is ${describe(given)}; expected curves ${KEYS.join(", ")}.`);
  }
  if (lengths.some((length) => length !== lengths[0]) || lengths[0] === 0) {
    throw new InputError("SHAPE", `the curves of ${name} have ${lengths.join(", ")} entries; expected one length ≥ 1.`);
  }
  return (lengths[0] as number) - 1;
}
