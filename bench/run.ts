/**
 * Kernels and one whole iteration against the reference kernel, straightforward TypeScript, ml-matrix and C.
 *
 * Contenders run in one process, interleaved; figures are medians of CPU time. Prints the tables and writes them into
 * bench/README.md between its markers. `--quick` leaves the largest sizes out and writes nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { benchFlows } from "./flows.js";
import { type IterationTimes, SIZES, timeIteration } from "./iterations.js";
import { benchKernels } from "./kernels.js";
import { benchMeanField } from "./meanField.js";
import { benchMoments } from "./moments.js";
import { nativeRates, SET_LABELS } from "./native.js";

const quick = process.argv.includes("--quick");

/** One row of the table of iterations: times with their ratio to ours. */
function iterationRow({ label, times }: IterationTimes, columns: readonly string[]): string[] {
  const wasm = times.get("WASM") as number;
  const show = (ms: number): string => (ms < 10 ? ms.toFixed(2) : ms.toFixed(1));
  const cell = (ms: number | undefined): string =>
    ms === undefined ? "–" : `${show(ms)} (${(ms / wasm).toFixed(ms / wasm < 3 ? 2 : 1)}×)`;
  return [label, show(wasm), ...columns.map((name) => cell(times.get(name)))];
}

const table = (header: string[], rows: string[][]): string =>
  [header, header.map((_, k) => (k === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

async function main(): Promise<void> {
  const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores; Node ${process.version}; one thread; CPU time, medians of interleaved runs`;
  const native = Object.values(SET_LABELS);
  const columns = ["reference kernel", "straightforward TypeScript", "ml-matrix", ...native];
  const iterations: string[][] = [];
  let reason: string | undefined;
  for (const size of quick ? SIZES.slice(0, 2) : SIZES) {
    const timed = await timeIteration(size);
    reason ??= timed.reason;
    iterations.push(iterationRow(timed, columns));
    console.error(iterations[iterations.length - 1].join("   "));
  }
  const rates = await nativeRates();
  const kernels = benchKernels().map(({ name, wasm, reference }) => [
    name,
    wasm.toFixed(1),
    reference.toFixed(1),
    `${(wasm / reference).toFixed(1)}×`,
    ...native.map((label) => {
      const rate = rates.get(name)?.get(label);
      return rate === undefined ? "–" : `${rate.toFixed(1)} (${(wasm / rate).toFixed(2)})`;
    }),
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
    table(["size", "WASM", ...columns], iterations),
    "",
    ...(reason ? [`Without C: ${reason}.`, ""] : []),
    "Kernels with data in cache, GFLOP/s, best of several runs; beside C the fraction of its rate that WASM reaches:",
    "",
    table(["kernel", "WASM", "reference", "ratio", ...native], kernels),
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
