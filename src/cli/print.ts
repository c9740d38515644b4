/** What commands print: JSON, summaries, and a progress line on a terminal. */
import pc from "picocolors";
import type { FitReport } from "./commands/fit.js";

/** Inputs listed in a summary; the rest are counted. */
const LISTED_INPUTS = 16;
const BAR_WIDTH = 24;
const PROGRESS_EVERY_MS = 100;

/** One JSON document, numbers in full precision. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printText(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Text that comes in pieces, no faster than its reader takes it. */
export async function printPieces(pieces: AsyncIterable<string>): Promise<void> {
  for await (const piece of pieces) {
    if (process.stdout.write(piece)) continue;
    await new Promise<void>((resolve) => process.stdout.once("drain", resolve));
  }
}

/** A number for people: five significant digits, exponents only for extremes. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(3);
  return String(Number(value.toPrecision(5)));
}

export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** Rows under a dim head, columns aligned to the left. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, j) => Math.max(title.length, ...rows.map((row) => row[j].length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, j) => cell.padEnd(widths[j]))
      .join("  ")
      .trimEnd();
  return [`  ${pc.dim(line(head))}`, ...rows.map((row) => `  ${line(row)}`)];
}

const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

/** The readable summary of a fit. */
export function fitSummary(
  report: FitReport,
  path: string,
  files: { readonly save?: string; readonly report?: string } = {},
): string {
  const { fit, train, test, target } = report;
  const { model, stop, kernel, diagnostics } = fit;
  const label = (text: string): string => pc.dim(text.padEnd(12));
  const link = model.degree === null ? model.link.family : `degree ${model.degree}`;
  const measured = (which: "r2" | "rmse"): string => {
    const fitted = `${figure(train[which])} on the training rows`;
    if (test !== undefined) return `${pc.bold(figure(test[which]))} on held-out rows, ${fitted}`;
    return which === "r2" ? `${fitted}, ${figure(diagnostics.heldOut.r2)} estimated on new ones` : fitted;
  };
  const lines = [
    `${pc.bold(target)} from ${count(model.dim, "input")} of ${path}`,
    "",
    `  ${label("rows")}${report.samples}${report.testSamples > 0 ? ` to fit, ${report.testSamples} held out` : ""}`,
    `  ${label("model")}rank ${model.rank}, ${link}, ${count(model.link.featureCount, "feature")}`,
    `  ${label("R²")}${measured("r2")}`,
    `  ${label("RMSE")}${measured("rmse")}`,
    `  ${label("stopped")}${stop.reason} after ${count(stop.iterations, "iteration")}, ${seconds(report.elapsedMs)}`,
    `  ${label("kernel")}${kernel.name}${kernel.simd ? " with SIMD" : ""}, ${count(kernel.threads, "thread")}${kernel.reason === undefined ? "" : ` (${kernel.reason})`}`,
    `  ${label("seed")}${fit.seed}`,
  ];
  if (report.cluster) {
    lines.push(
      `  ${label("cluster")}${count(report.cluster.members, "member")}, ${count(report.cluster.shards, "shard")}`,
    );
  }
  if (files.save !== undefined) lines.push(`  ${label("saved to")}${files.save}`);
  if (files.report !== undefined) lines.push(`  ${label("report in")}${files.report}`);
  if (model.rank > 0) lines.push("", ...directionTable(report));
  for (const { code, message } of diagnostics.warnings) lines.push("", `${pc.yellow(`warning ${code}`)} ${message}`);
  return lines.join("\n");
}

/** Inputs by importance, with their loadings on each direction; both per standard deviation of the input. */
function directionTable({ fit, columns }: FitReport): string[] {
  const { model } = fit;
  const { columnScale, directions } = model.data;
  const share = model.importance("standardized");
  const order = Array.from(share.keys()).sort((a, b) => share[b] - share[a] || a - b);
  const listed = order.slice(0, LISTED_INPUTS);
  const scaled = directions.map((row, j) => row.map((value) => value * columnScale[j]));
  const norms = Array.from({ length: model.rank }, (_, k) => {
    const largest = scaled.reduce((most, row) => Math.max(most, Math.abs(row[k])), 0);
    return largest === 0 ? 1 : largest * Math.sqrt(scaled.reduce((sum, row) => sum + (row[k] / largest) ** 2, 0));
  });
  const width = Math.max(5, ...listed.map((j) => columns[j].length));
  const heads = norms.map((_, k) => `z${k + 1}`.padStart(7)).join("");
  const lines = [
    `  ${pc.dim(`${"input".padEnd(width)}${heads}  importance (loadings and importance per standard deviation)`)}`,
  ];
  for (const j of listed) {
    const loadings = norms
      .map((norm, k) =>
        (scaled[j][k] / norm)
          .toFixed(2)
          .replace(/^-0\.00$/, "0.00")
          .padStart(7),
      )
      .join("");
    const blocks = "█".repeat(Math.round(share[j] * BAR_WIDTH));
    const bar = blocks === "" ? "" : pc.cyan(blocks);
    lines.push(
      `  ${columns[j].padEnd(width)}${loadings}  ${`${(100 * share[j]).toFixed(1)} %`.padStart(7)} ${bar}`.trimEnd(),
    );
  }
  if (order.length > listed.length) {
    const rest = order.slice(listed.length).reduce((sum, j) => sum + share[j], 0);
    lines.push(`  ${pc.dim(`and ${order.length - listed.length} more with ${(100 * rest).toFixed(1)} % together`)}`);
  }
  return lines;
}

/** One line on stderr that is rewritten in place; silent unless stderr is a terminal. */
export function progressLine(): {
  show(step: { phase: string; iteration: number; loss: number }): void;
  say(text: string): void;
  clear(): void;
} {
  const stream = process.stderr;
  const started = performance.now();
  let shownAt = -Infinity;
  let shown = false;
  const say = (text: string): void => {
    const now = performance.now();
    if (stream.isTTY !== true || now - shownAt < PROGRESS_EVERY_MS) return;
    shownAt = now;
    shown = true;
    stream.write(`\r\u001b[K${text}  ${seconds(now - started)}`);
  };
  return {
    show: ({ phase, iteration, loss }) => say(`${phase}, iteration ${iteration}  loss ${figure(loss)}`),
    say,
    clear() {
      if (shown) stream.write("\r\u001b[K");
    },
  };
}
