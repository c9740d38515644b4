/** What a study is: independent seeded jobs, and a report made of their results. */
import type { Finding, StudyFigure, StudyTable, Verdict } from "../plot/index.js";

/** "tiny" is for tests; "quick" runs in seconds; "full" in minutes. */
export type Scale = "tiny" | "quick" | "full";

/** Data that JSON keeps. */
export type Json = number | string | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** One piece of work, by itself: its result depends on nothing else, so jobs may run anywhere and in any order. */
export interface JobSpec {
  readonly study: string;
  readonly kind: string;
  readonly seed: number;
  readonly options: { readonly [key: string]: Json };
}

/** What a job is given so that it can be watched and stopped. */
export interface JobWatch {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly phase: string; readonly done: number; readonly total: number }) => void;
}

/** What a crew is given. */
export interface CrewWatch extends JobWatch {
  /** Told the place of a finished job among those given, and its result. */
  readonly onResult: (at: number, result: unknown) => void;
}

/** Runs jobs, anywhere and in any order; rejects when one fails, or with the signal's reason. */
export type StudyCrew = (jobs: readonly JobSpec[], watch: CrewWatch) => Promise<void>;

/** A job that is done. Results are what JSON keeps of them: numbers that are not finite are null. */
export interface Outcome<O = Record<string, Json>, R = unknown> {
  readonly kind: string;
  readonly seed: number;
  readonly options: O;
  readonly result: R;
}

/** What a study says in the end. */
export interface StudyReport {
  readonly seen: readonly string[];
  readonly findings: readonly Finding[];
  readonly figures: readonly StudyFigure[];
  readonly tables: readonly StudyTable[];
}

/** A study. `jobs` and `report` are pure: no clock, no randomness, no files. */
export interface Study {
  readonly name: string;
  readonly title: string;
  /** What is asked, and why it matters. */
  readonly question: string;
  jobs(scale: Scale, seed: number): readonly Omit<JobSpec, "study">[];
  run(job: JobSpec, watch: JobWatch): Promise<unknown>;
  report(outcomes: readonly Outcome[]): StudyReport;
}

/** The value for a size. */
export const sized = <T>(scale: Scale, tiny: T, quick: T, full: T): T =>
  scale === "tiny" ? tiny : scale === "quick" ? quick : full;

/** The outcomes of one kind, in the order of the jobs. */
export function ofKind<O, R>(outcomes: readonly Outcome[], kind: string): readonly Outcome<O, R>[] {
  return outcomes.filter((outcome) => outcome.kind === kind) as unknown as readonly Outcome<O, R>[];
}

/** A number with an interval, and what was expected of it. */
export interface Compared extends Omit<Finding, "verdict" | "interval"> {
  readonly predicted: number;
  readonly measured: number | null;
  readonly interval: readonly [number, number] | null;
  /** Part of the prediction by which it may be off for reasons that `note` names: finite sizes, integrator tolerances. */
  readonly slack?: number;
}

/** A finding: the prediction agrees when it lies in the interval, widened by `slack`. Without a measurement it is open. */
export function compared({ slack = 0, ...finding }: Compared): Finding {
  const { predicted, measured, interval } = finding;
  const room = slack * Math.abs(predicted);
  const [low, high] = interval ?? [measured ?? 0, measured ?? 0];
  const verdict: Verdict =
    measured === null ? "open" : predicted >= low - room && predicted <= high + room ? "agrees" : "differs";
  return { ...finding, verdict };
}

/** Mean and its 95 % interval by Student's law, of at least one value. */
export function meanOf(values: readonly number[]): { mean: number; low: number; high: number; error: number } {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / Math.max(1, n - 1);
  const error = Math.sqrt(variance / n);
  const half = studentPoint(n - 1) * error;
  return { mean, low: mean - half, high: mean + half, error };
}

/** 97.5 % point of Student's law: an expansion in 1/freedom, good to 1 % from 3 degrees of freedom on. */
function studentPoint(freedom: number): number {
  const known = [Number.NaN, 12.706, 4.303, 3.182, 2.776, 2.571][freedom];
  const z = 1.959964;
  return known ?? z + (z * z * z + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom * freedom);
}
