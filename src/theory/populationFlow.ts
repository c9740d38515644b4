/** Two-timescale and planted flows in overlap coordinates. */
import { checkFunction, checkInteger, checkNumber, checkOptions, checkSignal } from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { InputError, OptionError } from "../base/errors.js";
import { checkSeed, createRng } from "../base/rng.js";
import type { MatrixLike } from "../base/types.js";
import { readVector } from "../data/input.js";
import { type Matrix, toMatrix } from "../math/dense.js";
import { JacobiSolver } from "../math/jacobi.js";
import { ExplicitStepper, locateRoot } from "../math/ode.js";
import { leapExponents } from "../model/exponents.js";
import type { Link } from "../model/link.js";
import { checkNorm, readOverlap } from "./averaging.js";
import { TwoTimescaleSystem } from "./twoTimescaleSystem.js";

export interface FlowOptions {
  readonly dim?: number;
  readonly rank?: number;
  readonly seed?: number;
  readonly trial?: number;
  readonly start?: MatrixLike;
  readonly times?: ArrayLike<number>;
  readonly horizon?: number;
  readonly tolerance?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly time: number; readonly loss: number }) => void;
}

export interface Escape {
  readonly time: number;
  readonly count: number;
  readonly predictedExponent: number;
}

export type FlowStopReason = "converged" | "horizon" | "stationary" | "iteration-limit" | "step-limit" | "trapped";

export interface Flow {
  readonly times: Float64Array;
  readonly loss: Float64Array;
  readonly singularValues: readonly Float64Array[];
  readonly overlaps: readonly Matrix[];
  readonly escapes: readonly Escape[];
  readonly stop: { readonly reason: FlowStopReason; readonly converged: boolean; readonly iterations: number };
}

const MAX_STEPS = 200_000;

export async function populationFlow(link: Link, options: FlowOptions = {}): Promise<Flow> {
  const given = checkOptions(
    options,
    ["dim", "rank", "seed", "trial", "start", "times", "horizon", "tolerance", "signal", "onProgress"],
    "populationFlow",
  );
  const signal = given.signal === undefined ? undefined : checkSignal(given.signal);
  const control = new RunControl({ signal });
  const tolerance =
    given.tolerance === undefined ? 1e-9 : checkNumber(given.tolerance, "tolerance", { min: 1e-14, max: 0.1 });
  const times = given.times === undefined ? undefined : readVector(given.times, "times");
  const horizon =
    given.horizon === undefined || given.horizon === Number.POSITIVE_INFINITY
      ? (times?.[times.length - 1] ?? Number.POSITIVE_INFINITY)
      : checkNumber(given.horizon, "horizon", { min: 0 });
  if (given.onProgress !== undefined) checkFunction(given.onProgress, "onProgress");
  const { data: m0, rank } = readStart(link, given);
  const p = link.rank;
  const system = new TwoTimescaleSystem(link.coefficients, p, link.degree, rank);
  const stepper = new ExplicitStepper(system, tolerance);
  system.start(m0, stepper.y);
  stepper.restart(0.01);
  const k = Math.min(rank, p);
  const rows = { times: [] as number[], loss: [] as number[], values: [] as Float64Array[], overlaps: [] as Matrix[] };
  const record = (t: number, y: Float64Array): number => {
    const m = new Float64Array(rank * p);
    const values = new Float64Array(k);
    system.overlap(y, m);
    system.values(y, values);
    const loss = system.loss(y);
    rows.times.push(t);
    rows.loss.push(loss);
    rows.values.push(values);
    rows.overlaps.push(toMatrix(m, rank, p));
    return loss;
  };
  const norm = link.coefficients.reduce((s, c, j) => (j === 0 ? 0 : s + c * c), 0);
  // The k-th escape is that of the directions up to the k-th leap.
  const pending = escapesOf(link, k);
  const escapes: Escape[] = [];
  const values = new Float64Array(k);
  system.values(stepper.y, values);
  const fresh = pending.filter((e) => values[e.last] < 0.5);
  let time = 0;
  let asked = 0;
  const trial = new Float64Array(system.size);
  let loss = record(0, stepper.y);
  if (times !== undefined) {
    rows.times.length = 0;
    rows.loss.length = 0;
    rows.values.length = 0;
    rows.overlaps.length = 0;
    while (asked < times.length && times[asked] <= 0) {
      record(0, stepper.y);
      asked++;
    }
  }
  let reason: FlowStopReason = "iteration-limit";
  let iterations = 0;
  for (; iterations < MAX_STEPS; iterations++) {
    if (times !== undefined && asked >= times.length && given.horizon === undefined) {
      reason = loss <= 1e-12 * norm ? "converged" : "horizon";
      break;
    }
    if (loss <= 1e-12 * norm) {
      reason = "converged";
      break;
    }
    if (time >= horizon) {
      reason = "horizon";
      break;
    }
    await control.breathe();
    stepper.y[system.size - 1] = 0;
    if (!stepper.advance(Number.POSITIVE_INFINITY)) {
      reason = "step-limit";
      break;
    }
    const elapsed = stepper.y[system.size - 1];
    const timeAt = (th: number): number => {
      stepper.at(th, trial);
      return trial[system.size - 1];
    };
    const thetaOf = (t: number): number =>
      t >= time + elapsed ? 1 : locateRoot((th) => timeAt(th) - (t - time), time - t, time + elapsed - t);
    const end = Math.min(time + elapsed, horizon);
    system.values(stepper.y, values);
    while (fresh.length > 0 && values[fresh[0].last] >= 0.5) {
      const probe = new Float64Array(k);
      const { last, count, exponent } = fresh[0];
      const gap = (th: number): number => {
        stepper.at(th, trial);
        system.values(trial, probe);
        return probe[last] - 0.5;
      };
      const theta = locateRoot(gap, Math.min(gap(0), -1e-300), values[last] - 0.5, 1e-12);
      stepper.at(theta, trial);
      const t = time + trial[system.size - 1];
      if (t > end) break;
      escapes.push({ time: t, count, predictedExponent: exponent });
      fresh.shift();
    }
    if (times !== undefined) {
      while (asked < times.length && times[asked] <= end) {
        stepper.at(thetaOf(times[asked]), trial);
        record(times[asked], trial);
        asked++;
      }
    }
    if (time + elapsed > horizon) {
      stepper.at(thetaOf(horizon), trial);
      stepper.y.set(trial);
      stepper.touch();
      time = horizon;
    } else {
      time += elapsed;
    }
    system.settle(stepper.y);
    stepper.touch();
    loss = times === undefined ? record(time, stepper.y) : system.loss(stepper.y);
    options.onProgress?.({ time, loss });
  }
  if (times !== undefined) for (; asked < times.length; asked++) record(times[asked], stepper.y);
  return {
    times: Float64Array.from(rows.times),
    loss: Float64Array.from(rows.loss),
    singularValues: rows.values,
    overlaps: rows.overlaps,
    escapes,
    stop: { reason, converged: reason === "converged", iterations },
  };
}

function escapesOf(link: Link, k: number): { last: number; count: number; exponent: number }[] {
  const out: { last: number; count: number; exponent: number }[] = [];
  let learnt = 0;
  for (const { exponent, dimensions } of leapExponents(link).steps) {
    const last = Math.min(k, learnt + dimensions);
    if (last > learnt) out.push({ last: last - 1, count: last - learnt, exponent });
    learnt = last;
  }
  return out;
}

function readStart(link: Link, given: Readonly<Record<string, unknown>>): { data: Float64Array; rank: number } {
  const asked = given.rank === undefined ? undefined : checkInteger(given.rank, "rank", { min: 1 });
  if (given.start !== undefined) {
    const { data, rows, columns } = readOverlap(given.start, link, "start");
    if (asked !== undefined && asked !== rows) {
      throw new InputError(
        "SHAPE",
        `start is ${rows}×${columns}, but rank is ${asked}; it needs one row per learner's direction.`,
      );
    }
    const svd = new JacobiSolver(rows, columns);
    svd.decompose(data);
    checkNorm(svd.values[0], "start");
    return { data, rank: rows };
  }
  if (given.dim === undefined)
    throw new OptionError("TYPE", "dim is undefined; a random start needs the dimension (or give start).");
  const dim = checkInteger(given.dim, "dim", { min: 1 });
  const rank = asked ?? link.rank;
  const seed = given.seed ?? 0;
  checkSeed(seed);
  const trial = given.trial === undefined ? 0 : checkInteger(given.trial, "trial", { min: 0 });
  const rng = createRng(seed as number, "overlap", trial);
  const data = Float64Array.from({ length: rank * link.rank }, () => rng.normal() / Math.sqrt(dim));
  const svd = new JacobiSolver(rank, link.rank);
  svd.decompose(data);
  if (svd.values[0] >= 1) for (let i = 0; i < data.length; i++) data[i] *= 0.9 / svd.values[0];
  return { data, rank };
}
