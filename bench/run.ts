/**
 * Tables of bench/README.md and of the README's section on speed, by section: contenders interleaved in one process, CPU time.
 *
 *   npm run bench                           all sections, printed and written
 *   npm run bench -- --quick                small sizes, printed only
 *   npm run bench -- --only iterations,growth
 *   npm run bench -- --nodes node22,node24  the iterations on other versions of Node too, by their executables
 *   npm run bench -- --save                 also renews the baseline of this machine
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { compareToBaseline, type Figures, saveBaseline } from "./baseline.js";
import { benchFits } from "./fits.js";
import { benchFlows, benchPopulationLoss } from "./flows.js";
import { benchGrowth } from "./growth.js";
import { type IterationTimes, SIZES, TFJS, timeIteration } from "./iterations.js";
import { benchKernels } from "./kernels.js";
import { benchMeanField } from "./meanField.js";
import { benchMoments } from "./moments.js";
import { nativeRates, SET_LABELS } from "./native.js";
import { benchVariants } from "./variants.js";
import { benchVersions } from "./versions.js";

const quick = process.argv.includes("--quick");
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1].split(",") : undefined;
const nodes = process.argv.includes("--nodes")
  ? process.argv[process.argv.indexOf("--nodes") + 1].split(",")
  : undefined;
const NATIVE = Object.values(SET_LABELS);

interface Section {
  readonly text: string;
  /** For the baseline. */
  readonly figures?: Figures;
  /** For the README of the package. */
  readonly summary?: string;
}

const table = (header: string[], rows: string[][]): string =>
  [header, header.map((_, k) => (k === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** The load says how far a table is to be trusted: above the number of cores, others were at work. */
const machine = (): string =>
  `Measured on ${cpus()[0].model.trim()}, ${cpus().length} cores, load average ${loadavg()[1].toFixed(1)}; Node ${process.version}; one thread; CPU time, medians of interleaved runs.`;

const show = (ms: number): string => (ms < 10 ? ms.toFixed(2) : ms.toFixed(1));

function iterationRow({ label, times }: IterationTimes, columns: readonly string[]): string[] {
  const wasm = times.get("WASM") as number;
  const cell = (ms: number | undefined): string =>
    ms === undefined ? "–" : `${show(ms)} (${(ms / wasm).toFixed(ms / wasm < 3 ? 2 : 1)}×)`;
  return [label, show(wasm), ...columns.map((name) => cell(times.get(name)))];
}

async function iterations(): Promise<Section> {
  const columns = [
    "one call of `profiledLoss`",
    "reference kernel",
    "straightforward TypeScript",
    "ml-matrix",
    TFJS,
    ...NATIVE,
  ];
  const timed: IterationTimes[] = [];
  for (const size of quick ? SIZES.slice(0, 2) : SIZES) {
    timed.push(await timeIteration(size));
    console.error(iterationRow(timed[timed.length - 1], columns).join("   "));
  }
  const figures: Record<string, number> = {};
  for (const { label, times } of timed) {
    const wasm = times.get("WASM") as number;
    for (const [name, ms] of times) if (name !== "WASM") figures[`${label}: ${name} over WASM`] = ms / wasm;
  }
  const reason = timed[0].reason;
  const text = [
    machine(),
    "",
    "One whole iteration (projection, features, normal equations, solve, residuals, gradient), milliseconds, with the ratio to WASM:",
    "",
    table(
      ["size", "WASM", ...columns],
      timed.map((row) => iterationRow(row, columns)),
    ),
    ...(reason ? ["", `Without C: ${reason}.`] : []),
  ].join("\n");
  return { text, figures, summary: text };
}

async function kernels(): Promise<Section> {
  const rates = await nativeRates();
  const timings = benchKernels();
  const rows = timings.map(({ name, wasm, reference }) => [
    name,
    wasm.toFixed(1),
    reference.toFixed(1),
    `${(wasm / reference).toFixed(1)}×`,
    ...NATIVE.map((label) => {
      const rate = rates.get(name)?.get(label);
      return rate === undefined ? "–" : `${rate.toFixed(1)} (${(wasm / rate).toFixed(2)})`;
    }),
  ]);
  return {
    text: [
      machine(),
      "",
      "Kernels with data in cache, GFLOP/s, best of several runs; beside C the part of its rate that WASM reaches:",
      "",
      table(["kernel", "WASM", "reference", "ratio", ...NATIVE], rows),
    ].join("\n"),
    figures: Object.fromEntries(
      timings.map(({ name, wasm, reference }) => [`${name}: WASM over reference`, wasm / reference]),
    ),
  };
}

async function moments(): Promise<Section> {
  const rows = benchMoments().map((t) => [
    `r ${t.rank}, degree ${t.degree} (p = ${t.features})`,
    t.direct.toFixed(1),
    t.moments.toFixed(1),
    `${(t.direct / t.moments).toFixed(1)}×`,
    t.expansion.toFixed(1),
  ]);
  const head =
    "Normal equations of a block of 96 rows, microseconds: directly, and by moments with the expansion once a pass:";
  return { text: [head, "", table(["shape", "direct", "moments", "ratio", "expansion"], rows)].join("\n") };
}

async function growth(): Promise<Section> {
  const rows = (await benchGrowth(quick ? 3 : 9)).map(({ what, values, times, exponent }) => [
    what,
    values.map((value, k) => `${value}: ${show(times[k])}`).join(", "),
    exponent.toFixed(2),
  ]);
  const head = "Growth of the time of an iteration (WASM): milliseconds by value, and the exponent that fits them:";
  return { text: [machine(), "", head, "", table(["in", "value: time", "exponent"], rows)].join("\n") };
}

async function predictions(): Promise<Section> {
  const rows = (await benchMeanField(quick)).map(({ name, wasm, reference }) => [
    name,
    wasm.toFixed(2),
    reference.toFixed(2),
    `${(reference / wasm).toFixed(1)}×`,
  ]);
  const { name, flows, cpuSeconds } = await benchFlows(quick ? 100 : 1000);
  return {
    text: [
      "Mean-field predictions of phase retrieval with `dmft`, seconds of CPU a replicate:",
      "",
      table(["prediction", "WASM", "reference", "ratio"], rows),
      "",
      `Population flows: ${flows} of the ${name}, each from a random start to its minimum: ${cpuSeconds.toFixed(1)} s of CPU. One population loss with its velocity at r = 3, degree 10: ${benchPopulationLoss().toFixed(0)} µs.`,
    ].join("\n"),
  };
}

async function variants(): Promise<Section> {
  const timings = await benchVariants(quick, quick ? 9 : 21);
  const rows = timings.map(({ what, label, plain, variant }) => [
    what,
    label,
    show(plain),
    show(variant),
    `${(plain / variant).toFixed(2)}×`,
  ]);
  return {
    text: [
      machine(),
      "",
      "What options make of an iteration, milliseconds without and with them, medians of interleaved runs:",
      "",
      table(["option", "size", "without", "with", "faster"], rows),
    ].join("\n"),
    figures: Object.fromEntries(
      timings.map(({ what, label, plain, variant }) => [`${label}: ${what}`, plain / variant]),
    ),
  };
}

async function fits(): Promise<Section> {
  const rows = benchFits(quick).map(({ label, batches, threads, iterations, r2, cpu, clock, memory }) => [
    label,
    batches,
    String(threads),
    String(iterations),
    r2.toFixed(4),
    cpu.toFixed(2),
    clock.toFixed(2),
    memory.toFixed(1),
  ]);
  return {
    text: [
      machine().replace("; one thread; CPU time, medians of interleaved runs", ""),
      "",
      'Whole fits with rank and degree given (five starts, whitening, ridge, descent, leave-one-out diagnostics), seconds, with the starts compared on all rows (`batches: "none"`) and on batches of them:',
      "",
      table(["size", "batches", "threads", "iterations", "R²", "CPU", "clock", "peak memory of the process / X"], rows),
    ].join("\n"),
  };
}

async function versions(): Promise<Section | undefined> {
  if (nodes === undefined) return undefined;
  const timings = benchVersions(nodes, quick);
  const columns = ["straightforward TypeScript", "ml-matrix", TFJS, ...NATIVE];
  const rows = timings.map(({ version, label, times }) => {
    const [first, ...rest] = iterationRow({ label, times: new Map(times) }, columns);
    return [version, first, ...rest];
  });
  return {
    text: [
      machine().replace(` Node ${process.version};`, ""),
      "",
      "One whole iteration by version of Node, milliseconds, with the ratio to WASM:",
      "",
      table(["Node", "size", "WASM", ...columns], rows),
    ].join("\n"),
  };
}

const SECTIONS = { iterations, versions, variants, fits, kernels, moments, growth, predictions };

/** Puts text between the markers of a section. */
function write(page: string, section: string, text: string): void {
  const file = fileURLToPath(new URL(page, import.meta.url));
  const [open, close] = [`<!-- ${section} -->\n`, `<!-- /${section} -->`];
  const before = readFileSync(file, "utf8");
  const [from, to] = [before.indexOf(open), before.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`${page} has no place for "${section}"`);
  writeFileSync(file, `${before.slice(0, from + open.length)}\n${text}\n\n${before.slice(to)}`);
}

async function main(): Promise<void> {
  const unknown = only?.filter((name) => !(name in SECTIONS)) ?? [];
  if (unknown.length > 0) throw new Error(`no section ${unknown.join()}; there are ${Object.keys(SECTIONS).join()}`);
  const figures: Record<string, number> = {};
  for (const [name, run] of Object.entries(SECTIONS)) {
    if (only && !only.includes(name)) continue;
    const section = await run();
    if (section === undefined) continue;
    console.log(`\n${section.text}`);
    Object.assign(figures, section.figures);
    if (quick) continue;
    write("README.md", name, section.text);
    if (section.summary) write("../README.md", "speed", section.summary);
  }
  const changes = compareToBaseline(figures);
  if (changes === undefined) console.log("\nNo baseline of this machine; --save makes one.");
  else
    console.log(
      changes.length > 0 ? `\nChanged by more than 10 %:\n${changes.join("\n")}` : "\nNo change beyond 10 %.",
    );
  if (process.argv.includes("--save") && !quick) saveBaseline(figures);
}

main();
