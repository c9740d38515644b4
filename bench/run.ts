/**
 * Kernels and one whole iteration against the reference kernel, straightforward TypeScript and ml-matrix.
 *
 * Contenders run in one process, interleaved; figures are medians of CPU time. Prints the tables and writes them into
 * bench/README.md between its markers. `--quick` leaves the largest sizes out and writes nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { profiledLoss } from "../src/theory/index.js";
import { benchFlows } from "./flows.js";
import { benchKernels } from "./kernels.js";
import { benchMeanField } from "./meanField.js";
import { mlMatrixIteration } from "./mlMatrix.js";
import { benchMoments } from "./moments.js";
import { type Iteration, indices, naiveIteration } from "./naive.js";

interface Size {
  readonly n: number;
  readonly d: number;
  readonly r: number;
  readonly degree: number;
  /** Runs of each contender: wasm, reference, naive, ml-matrix. */
  readonly runs: readonly [number, number, number, number];
}
const SIZES: readonly Size[] = [
  { n: 2_000, d: 20, r: 2, degree: 4, runs: [31, 15, 15, 15] },
  { n: 20_000, d: 50, r: 2, degree: 6, runs: [31, 15, 15, 5] },
  { n: 100_000, d: 100, r: 3, degree: 5, runs: [15, 5, 5, 3] },
  { n: 200_000, d: 500, r: 3, degree: 4, runs: [9, 3, 3, 0] },
];
const PENALTY = 1e-4;
const quick = process.argv.includes("--quick");

/** Seeded Gaussian rows, a product link, a slightly wrong basis. */
function problem({ n, d, r }: Size) {
  let state = 7;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const X = new Float64Array(n * d);
  for (let i = 0; i < X.length; i++) X[i] = normal();
  const y = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let v = 1;
    for (let k = 0; k < r; k++) v *= X[i * d + k] + 0.3;
    y[i] = v + 0.1 * normal();
  }
  const W = new Float64Array(d * r);
  for (let k = 0; k < r; k++) {
    W[k * r + k] = 0.8;
    W[(r + k) * r + k] = 0.6;
  }
  return { X, y, W };
}

/** CPU milliseconds of one call, from as many calls in a row as fill the clock's resolution many times over. */
async function cpuMs(work: () => unknown, calls: number): Promise<number> {
  const before = process.cpuUsage();
  for (let k = 0; k < calls; k++) await work();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1000 / calls;
}
/** Runs until engines have compiled what they will compile; the first call is several times slower than the hundredth. */
async function warmUp(work: () => unknown): Promise<void> {
  const started = performance.now();
  while (performance.now() - started < WARM_UP_MS) await work();
}
const WARM_UP_MS = 500;
/** A sample lasts at least about this long. */
const SAMPLE_MS = 20;
const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
};

async function measure(size: Size): Promise<string[]> {
  const { n, d, r, degree, runs } = size;
  const { X, y, W } = problem(size);
  const rows = { data: X, rows: n, columns: d };
  const basis = { data: W, rows: d, columns: r };
  const ours = (kernel: "wasm" | "reference") => () =>
    profiledLoss(rows, y, basis, { degree, penalty: PENALTY, kernel, threads: 1 });
  const naive = naiveIteration(X, y, W, n, d, r, degree, PENALTY);
  const ml = runs[3] > 0 ? mlMatrixIteration(X, y, W, n, d, r, degree, PENALTY) : undefined;

  const wanted = await ours("wasm")();
  for (const [name, make] of [
    ["naive", naive],
    ["ml-matrix", ml],
  ] as const) {
    if (make) assertSame(name, make(), wanted.loss, wanted.gradient.to1DArray());
  }
  const contenders = [ours("wasm"), ours("reference"), naive, ml ?? naive];
  const times: number[][] = contenders.map(() => []);
  const calls: number[] = [];
  for (const work of contenders) {
    await warmUp(work);
    calls.push(Math.max(1, Math.round(SAMPLE_MS / (await cpuMs(work, 1)))));
  }
  for (let k = 0; k < Math.max(...runs); k++) {
    for (let c = 0; c < contenders.length; c++) {
      // Spread the fewer runs of a slow contender over the whole time.
      if (Math.floor((k * runs[c]) / runs[0]) === Math.floor(((k + 1) * runs[c]) / runs[0])) continue;
      times[c].push(await cpuMs(contenders[c], calls[c]));
    }
  }
  const [wasm, reference, plain, matrix] = times.map((list) => (list.length ? median(list) : Number.NaN));
  const show = (ms: number): string => (Number.isNaN(ms) ? "–" : ms < 10 ? ms.toFixed(2) : ms.toFixed(1));
  const ratio = (ms: number): string => (Number.isNaN(ms) ? "–" : `${(ms / wasm).toFixed(1)}×`);
  return [
    `${n} × ${d}, r ${r}, degree ${degree} (p = ${indices(r, degree).length})`,
    show(wasm),
    `${show(reference)} (${ratio(reference)})`,
    `${show(plain)} (${ratio(plain)})`,
    `${show(matrix)} (${ratio(matrix)})`,
  ];
}

/** All contenders must compute the same thing. */
function assertSame(name: string, got: Iteration, loss: number, gradient: number[]): void {
  const off = gradient.reduce((most, v, k) => Math.max(most, Math.abs(v - got.gradient[k])), 0);
  if (Math.abs(got.loss / loss - 1) > 1e-8 || off > 1e-8) throw new Error(`${name} computes something else: ${off}`);
}

const table = (header: string[], rows: string[][]): string =>
  [header, header.map((_, k) => (k === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

async function main(): Promise<void> {
  const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores; Node ${process.version}; one thread; CPU time, medians of interleaved runs`;
  const iterations: string[][] = [];
  for (const size of quick ? SIZES.slice(0, 2) : SIZES) {
    iterations.push(await measure(size));
    console.error(iterations[iterations.length - 1].join("   "));
  }
  const kernels = benchKernels().map(({ name, wasm, reference }) => [
    name,
    wasm.toFixed(1),
    reference.toFixed(1),
    `${(wasm / reference).toFixed(1)}×`,
  ]);
  const predictions = (await benchMeanField(quick)).map(({ name, wasm, reference }) => [
    name,
    wasm.toFixed(2),
    reference.toFixed(2),
    `${(reference / wasm).toFixed(1)}×`,
  ]);
  const moments = benchMoments().map((t) => [
    `r ${t.rank}, degree ${t.degree} (p = ${t.features})`,
    t.direct.toFixed(1),
    t.moments.toFixed(1),
    `${(t.direct / t.moments).toFixed(1)}×`,
    t.expansion.toFixed(1),
  ]);
  const { name, flows, cpuSeconds } = await benchFlows(quick ? 100 : 1000);
  const text = [
    `Measured on ${machine}.`,
    "",
    "One whole iteration (projection, features, normal equations, solve, residuals, gradient), milliseconds, with the ratio to WASM:",
    "",
    table(["size", "WASM", "reference kernel", "straightforward TypeScript", "ml-matrix"], iterations),
    "",
    "Kernels with data in cache, GFLOP/s, best of several runs:",
    "",
    table(["kernel", "WASM", "reference", "ratio"], kernels),
    "",
    "Normal equations of a block of 96 rows, microseconds: directly, and by moments with the expansion once a pass:",
    "",
    table(["shape", "direct", "moments", "ratio", "expansion"], moments),
    "",
    "Mean-field predictions of phase retrieval with `dmft`, seconds of CPU a replicate:",
    "",
    table(["prediction", "WASM", "reference", "ratio"], predictions),
    "",
    `Population flows: ${flows} of the ${name}, each from a random start to its minimum: ${cpuSeconds.toFixed(1)} s of CPU.`,
  ].join("\n");
  console.log(text);
  if (quick) return;
  const file = fileURLToPath(new URL("README.md", import.meta.url));
  const page = readFileSync(file, "utf8");
  writeFileSync(file, page.replace(/(<!-- results -->\n)[\s\S]*(<!-- \/results -->)/, `$1\n${text}\n\n$2`));
}

main();
