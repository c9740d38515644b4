/**
 * The same iteration in C, compiled here: SSE2, AVX2 with FMA, and everything this processor has. It runs in a child
 * process that waits while others are timed and reports its own CPU time.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { indices } from "./naive.js";
import { PENALTY, type Problem, type Size } from "./problem.js";
import type { Contender } from "./timing.js";

const SOURCES = fileURLToPath(new URL("native/", import.meta.url));
const SETS: readonly (readonly [name: string, flags: readonly string[], lanes: number])[] =
  process.arch === "x64"
    ? [
        ["sse2", ["-msse2"], 2],
        ["avx2", ["-mavx2", "-mfma"], 4],
        ["native", ["-march=native"], 8],
      ]
    : ["sse2", "avx2", "native"].map((name) => [name, ["-mcpu=native"], 2] as const);

/** What the columns of a table call the sets. */
export const SET_LABELS: Readonly<Record<string, string>> =
  process.arch === "x64"
    ? { sse2: "C, SSE2", avx2: "C, AVX2 and FMA", native: "C, -march=native" }
    : { native: "C, native" };

export interface NativeResult {
  readonly ms: number;
  readonly loss: number;
  /** Σ and Σ² of the gradient. */
  readonly sum: number;
  readonly square: number;
}

let folder: string | undefined;

/** Compiles once per process. @returns the program, or why there is none */
export function compileNative(): { program: string } | { reason: string } {
  if (folder) return { program: join(folder, "iteration") };
  const into = mkdtempSync(join(tmpdir(), "leapflow-bench-"));
  const compiler = process.env.CC ?? "gcc";
  const run = (args: readonly string[]): unknown => execFileSync(compiler, args, { cwd: SOURCES, stdio: "pipe" });
  try {
    const objects = SETS.map(([name, flags, lanes]) => {
      const object = join(into, `${name}.o`);
      run([
        "-O3",
        "-std=gnu11",
        "-Wno-psabi",
        ...flags,
        `-DNAME=${name}`,
        `-DLANES=${lanes}`,
        "-c",
        "iteration.c",
        "-o",
        object,
      ]);
      return object;
    });
    run(["-O3", "-std=gnu11", "main.c", ...objects, "-lm", "-o", join(into, "iteration")]);
  } catch (error) {
    rmSync(into, { recursive: true, force: true });
    return { reason: `no C was compiled here (${compiler}: ${(error as Error).message.split("\n")[0]})` };
  }
  folder = into;
  process.once("exit", () => rmSync(into, { recursive: true, force: true }));
  return { program: join(into, "iteration") };
}

/** A running program; lines in, lines out. */
export class NativeProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  /** @param size - with `problem`: what it iterates on; kernels need none */
  constructor(program: string, size?: Size, problem?: Problem) {
    const file = size && problem ? writeProblem(program, size, problem) : undefined;
    this.#child = spawn(program, file ? [file] : []);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    // The first answer says that the file was read.
    if (file) this.ready = this.#ask("sets").then(() => rmSync(file));
  }
  readonly ready: Promise<unknown> = Promise.resolve();

  async iterate(set: string, calls: number): Promise<NativeResult> {
    const [ms, loss, sum, square] = (await this.#ask(`${set} ${calls}`)).split(" ").map(Number);
    return { ms, loss, sum, square };
  }

  /** GFLOP/s of a kernel in the cache: project, accumulateTransposed, accumulateGram, fields. */
  async kernelRate(set: string, kernel: number, rank: number, size: number): Promise<number> {
    return Number(await this.#ask(`kernel ${set} ${kernel} ${rank} ${size}`));
  }

  /** Instruction sets of this processor. */
  async sets(): Promise<string[]> {
    return (await this.#ask("sets"))
      .trim()
      .split(" ")
      .filter((set) => set in SET_LABELS);
  }

  contender(set: string, runs: number): Contender {
    return { name: SET_LABELS[set], runs, sample: async (calls) => (await this.iterate(set, calls)).ms };
  }

  end(): void {
    this.#child.stdin.end();
  }

  async #ask(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done || value === "?") throw new Error(`the C program did not answer "${line}"`);
    return value;
  }
}

/** Rates of the kernels that C has too, in the names of the table of kernels: GFLOP/s by label of the set. */
export async function nativeRates(): Promise<Map<string, Map<string, number>>> {
  const out = new Map<string, Map<string, number>>();
  const compiled = compileNative();
  if ("reason" in compiled) return out;
  const native = new NativeProcess(compiled.program);
  for (const [name, kernel, rank, size] of RATED) {
    const rates = new Map<string, number>();
    for (const set of await native.sets()) rates.set(SET_LABELS[set], await native.kernelRate(set, kernel, rank, size));
    out.set(name, rates);
  }
  native.end();
  return out;
}
const RATED: readonly (readonly [name: string, kernel: number, rank: number, size: number])[] = [
  ["project d=100 r=2", 0, 2, 100],
  ["project d=100 r=3", 0, 3, 100],
  ["accumulateTransposed d=100 r=2", 1, 2, 100],
  ["accumulateTransposed d=100 r=3", 1, 3, 100],
  ["accumulateGram p=28", 2, 0, 28],
  ["accumulateGram p=60", 2, 0, 60],
  ["fields r=2 p=28", 3, 2, 28],
  ["fields r=3 p=56", 3, 3, 56],
];

/** The problem in the layout that main.c reads; W by columns. */
function writeProblem(program: string, { n, d, r, degree }: Size, { X, y, W }: Problem): string {
  const beta = indices(r, degree);
  const place = new Map(beta.map((b, j) => [b.join(), j]));
  const prefix = beta.filter((b) => b.reduce((s, v) => s + v, 0) < degree).length;
  // Feature j is its parent (the index without its last variable) times one Hermite value.
  const table = beta.flatMap((b) => {
    const last = b.findLastIndex((v) => v > 0);
    if (last < 0) return [0, 0];
    const parent = b.map((v, k) => (k === last ? 0 : v));
    return [place.get(parent.join()) as number, last * (degree + 1) + b[last]];
  });
  const up: number[] = [];
  const roots: number[] = [];
  for (const b of beta.slice(0, prefix)) {
    for (let k = 0; k < r; k++) {
      up.push(place.get(b.map((v, l) => (l === k ? v + 1 : v)).join()) as number);
      roots.push(Math.sqrt(b[k] + 1));
    }
  }
  const columns = Float64Array.from({ length: d * r }, (_, i) => W[(i % d) * r + Math.floor(i / d)]);
  const file = `${program}-${n}-${d}.bin`;
  const handle = openSync(file, "w");
  const parts = [
    Int32Array.of(n, d, r, degree, beta.length, prefix),
    Float64Array.of(PENALTY),
    Int32Array.from(table),
    Int32Array.from(up),
    Float64Array.from(roots),
    columns,
    y,
    X,
  ];
  for (const part of parts) {
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at, Math.min(2 ** 28, bytes.length - at));
  }
  closeSync(handle);
  return file;
}
