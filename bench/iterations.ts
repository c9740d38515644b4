/** One whole iteration of the solver against everything that can do the same: medians of interleaved CPU time. */
import { mlMatrixIteration } from "../src/cli/mlMatrixIteration.js";
import { profiledLoss } from "../src/theory/index.js";
import { type Evaluator, openEvaluator } from "./evaluator.js";
import { type Iteration, indices, naiveIteration } from "./naive.js";
import { compileNative, NativeProcess } from "./native.js";
import { PENALTY, problemOf, type Size } from "./problem.js";
import { tfjsIteration } from "./tfjs.js";
import { type Contender, contender, interleaved } from "./timing.js";

export const TFJS = "tfjs, wasm (f32, features given)";

/** Samples of fast, middling and very slow contenders. */
interface Runs {
  readonly fast: number;
  readonly middling: number;
  readonly slow: number;
}

export const SIZES: readonly (Size & { readonly runs: Runs })[] = [
  { n: 2_000, d: 20, r: 2, degree: 4, runs: { fast: 31, middling: 15, slow: 15 } },
  { n: 20_000, d: 50, r: 2, degree: 6, runs: { fast: 31, middling: 15, slow: 5 } },
  { n: 100_000, d: 100, r: 3, degree: 5, runs: { fast: 15, middling: 3, slow: 3 } },
  { n: 200_000, d: 500, r: 3, degree: 4, runs: { fast: 9, middling: 1, slow: 0 } },
];

export const labelOf = ({ n, d, r, degree }: Size): string =>
  `${n} × ${d}, r ${r}, degree ${degree} (p = ${indices(r, degree).length})`;

export interface IterationTimes {
  readonly label: string;
  /** CPU milliseconds by contender; "WASM" is ours. */
  readonly times: ReadonlyMap<string, number>;
  /** Why C is missing. */
  readonly reason?: string;
}

/** @param only - parts of the names of contenders wanted beside WASM; all without it */
export async function timeIteration(size: (typeof SIZES)[number], only?: readonly string[]): Promise<IterationTimes> {
  const { n, d, r, degree, runs } = size;
  const problem = problemOf(size);
  const { X, y, W } = problem;
  const rows = { data: X, rows: n, columns: d };
  const basis = { data: W, rows: d, columns: r };
  const call = () => profiledLoss(rows, y, basis, { degree, penalty: PENALTY, kernel: "wasm", threads: 1 });
  const wanted = await call();
  const gradient = wanted.gradient.to1DArray();
  const check = (name: string, got: Iteration, allowed = 1e-8): void => {
    const off = gradient.reduce((most, v, k) => Math.max(most, Math.abs(v - got.gradient[k])), 0);
    const close = Math.abs(got.loss / wanted.loss - 1) <= allowed && off <= allowed;
    if (!close) throw new Error(`${name} computes something else: ${off}`);
  };

  const wants = (name: string): boolean => only === undefined || only.some((part) => name.includes(part));
  const contenders: Contender[] = [];
  const opened: Evaluator[] = [];
  const ours = async (name: string, kernel: "wasm" | "reference", count: number): Promise<void> => {
    const evaluator = await openEvaluator(size, problem, kernel, 1);
    opened.push(evaluator);
    const { loss, euclidean } = await evaluator.iterate();
    check(name, { loss, gradient: euclidean });
    contenders.push(contender(name, count, () => evaluator.iterate()));
  };
  await ours("WASM", "wasm", runs.fast);
  if (wants("one call")) contenders.push(contender("one call of `profiledLoss`", runs.fast, call));
  if (wants("reference kernel")) await ours("reference kernel", "reference", runs.middling);
  if (wants("straightforward TypeScript")) {
    const naive = naiveIteration(X, y, W, n, d, r, degree, PENALTY);
    check("naive", naive());
    contenders.push(contender("straightforward TypeScript", runs.middling, naive));
  }
  if (wants("ml-matrix") && runs.slow > 0) {
    const ml = mlMatrixIteration({ X, y, W, indices: indices(r, degree), penalty: PENALTY });
    check("ml-matrix", ml());
    contenders.push(contender("ml-matrix", runs.slow, ml));
  }
  const tfjs = wants(TFJS) && runs.slow > 0 ? await tfjsIteration(size, problem) : undefined;
  if (tfjs) {
    // single precision: right to a thousandth
    check(TFJS, tfjs(), 1e-3);
    contenders.push(contender(TFJS, runs.slow, tfjs));
  }
  const compiled = wants("C, ") ? compileNative() : { reason: "not asked for" };
  const native = "program" in compiled ? new NativeProcess(compiled.program, size, problem) : undefined;
  try {
    await native?.ready;
    for (const set of (await native?.sets()) ?? []) {
      const got = await (native as NativeProcess).iterate(set, 1);
      const sum = gradient.reduce((s, v) => s + v, 0);
      const square = gradient.reduce((s, v) => s + v * v, 0);
      const off = Math.max(
        Math.abs(got.sum - sum),
        Math.abs(got.square - square),
        Math.abs(got.loss / wanted.loss - 1),
      );
      if (!(off <= 1e-7)) throw new Error(`C with ${set} computes something else: ${off}`);
      contenders.push((native as NativeProcess).contender(set, runs.fast));
    }
    const times = await interleaved(contenders);
    return { label: labelOf(size), times, ...("reason" in compiled ? { reason: compiled.reason } : {}) };
  } finally {
    for (const evaluator of opened) evaluator.close();
    native?.end();
  }
}
