/**
 * The automatic fit: held-out R² and CPU seconds of the whole call, and how far its choices are from the best in hindsight.
 *
 *   npm run bench:learner -- [folder]
 *
 * `folder` holds one folder per problem with train.csv, test.csv and meta.json (`response`); a column f of test.csv is the
 * response without noise. Default: the bundled real data. R's `ppr` and `@tensorflow/tfjs` run beside it where installed. A
 * second table is made of generated small tables: correlated and discrete columns, outliers, heavy noise. Writes both
 * into bench/README.md between its markers; `--dry` only prints.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Fit, fitMultiIndex, rSquared } from "../src/index.js";
import { readCsv } from "../src/io/index.js";
import { smallTables } from "./smallTables.js";

interface Problem {
  readonly name: string;
  readonly X: { readonly data: Float64Array; readonly rows: number; readonly columns: number };
  readonly y: Float64Array;
  readonly fresh: { readonly data: Float64Array; readonly rows: number; readonly columns: number };
  readonly truth: Float64Array;
}

const SEEDS = [0, 1, 2];
const seconds = async (work: () => Promise<Fit>): Promise<{ fit: Fit; cpu: number }> => {
  const before = process.cpuUsage();
  const fit = await work();
  const { user, system } = process.cpuUsage(before);
  return { fit, cpu: (user + system) / 1e6 };
};
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

async function readProblem(folder: string, name: string): Promise<Problem> {
  const read = async (file: string) => await readCsv(join(folder, name, file));
  const [train, test] = [await read("train.csv"), await read("test.csv")];
  const meta = join(folder, name, "meta.json");
  const response = existsSync(meta) ? (JSON.parse(readFileSync(meta, "utf8")) as { response: string }).response : "y";
  const names = [...train.columns];
  const target = names.includes(response) ? response : "y";
  const inputs = names.filter((column) => column !== target);
  const pick = (table: typeof train, columns: readonly string[]) => {
    const at = columns.map((column) => table.columns.indexOf(column));
    const data = new Float64Array(table.rows * at.length);
    for (let i = 0; i < table.rows; i++)
      for (let k = 0; k < at.length; k++) data[i * at.length + k] = table.data[i * table.columns.length + at[k]];
    return data;
  };
  const matrix = (table: typeof train) => ({ data: pick(table, inputs), rows: table.rows, columns: inputs.length });
  return {
    name,
    X: matrix(train),
    y: pick(train, [target]),
    fresh: matrix(test),
    truth: pick(test, [test.columns.includes("f") ? "f" : target]),
  };
}

/** R² and CPU seconds of one `ppr` of R with as many terms, or undefined without R. */
function projectionPursuit({ X, y, fresh, truth }: Problem, terms: number): { r2: number; cpu: number } | undefined {
  const script = `
    con <- file("stdin"); v <- scan(con, quiet = TRUE); close(con)
    n <- v[1]; d <- v[2]; m <- v[3]; v <- v[-(1:3)]
    X <- matrix(v[1:(n*d)], n, byrow = TRUE); y <- v[n*d + 1:n]; v <- v[-(1:(n*d + n))]
    Z <- matrix(v[1:(m*d)], m, byrow = TRUE)
    t <- system.time(f <- ppr(X, y, nterms = ${terms}))
    cat(t[1] + t[2], predict(f, Z), sep = "\\n")`;
  const input = [X.rows, X.columns, fresh.rows, ...X.data, ...y, ...fresh.data].join("\n");
  const run = spawnSync("Rscript", ["-e", script], { input, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (run.status !== 0) return undefined;
  const [cpu, ...predicted] = run.stdout.trim().split("\n").map(Number);
  return { r2: rSquared(predicted, truth), cpu };
}

async function problemRow(problem: Problem): Promise<string> {
  const { X, y, fresh, truth } = problem;
  const runs = [];
  for (const seed of SEEDS) runs.push(await seconds(() => fitMultiIndex(X, y, { seed })));
  const r2 = runs.map(({ fit }) => rSquared(fit.model.predict(fresh), truth));
  const { fit } = runs[0];
  const peer = projectionPursuit(problem, Math.max(1, fit.model.rank));
  const link = fit.model.degree === null ? fit.model.link.family : `degree ${fit.model.degree}`;
  const cells = [
    problem.name,
    `${X.rows} × ${X.columns}`,
    `${fit.model.rank}, ${link}`,
    r2.map((v) => v.toFixed(5)).join(" "),
    fit.diagnostics.heldOut.r2.toFixed(4),
    median(runs.map(({ cpu }) => cpu)).toFixed(2),
    peer ? `${peer.r2.toFixed(4)} / ${peer.cpu.toFixed(2)}` : "–",
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The fit's choice beside the best of all ranks and degrees that were looked at, both judged on fresh rows. */
async function hindsightRow(problem: Problem): Promise<{ row: string; gap: number }> {
  const { X, y, fresh, truth, name } = problem;
  const fit = await fitMultiIndex(X, y, { seed: 0 });
  const own = rSquared(fit.model.predict(fresh), truth);
  let best = { r2: 0, name: "constant" };
  for (let rank = 1; rank <= Math.min(4, X.columns); rank++) {
    for (let degree = 1; degree <= 5; degree++) {
      if (rank > 1 && degree === 1) continue;
      const other = await fitMultiIndex(X, y, { seed: 0, rank, degree });
      const r2 = rSquared(other.model.predict(fresh), truth);
      if (r2 > best.r2) best = { r2, name: `${rank}, degree ${degree}` };
    }
  }
  const link = fit.model.degree === null ? fit.model.link.family : `degree ${fit.model.degree}`;
  const gap = best.r2 - own;
  const cells = [
    name,
    `${X.rows} × ${X.columns}`,
    `${fit.model.rank}, ${link}`,
    own.toFixed(3),
    best.name,
    best.r2.toFixed(3),
    gap.toFixed(3),
  ];
  return { row: `| ${cells.join(" | ")} |`, gap };
}

const folder =
  process.argv.slice(2).find((arg) => !arg.startsWith("-")) ?? fileURLToPath(new URL("../data", import.meta.url));
const names = readdirSync(folder)
  .filter((name) => existsSync(join(folder, name, "train.csv")))
  .sort();
const lines = [
  `Machine: ${cpus()[0]?.model ?? "unknown"}, Node ${process.version}, one thread. CPU seconds are those of the whole call, search included (median of seeds ${SEEDS.join(", ")}; the first call of a process compiles).`,
  "",
  "| problem | rows × inputs | rank, link | R² on fresh rows, by seed | R² by leave-one-out | CPU s | R `ppr`: R² / CPU s |",
  "| --- | --- | --- | --- | --- | --- | --- |",
];
for (const name of names) {
  lines.push(await problemRow(await readProblem(folder, name)));
  console.log(lines[lines.length - 1]);
}
lines.push(
  "",
  "Small noisy tables, generated (bench/smallTables.ts): the automatic choice beside the best rank ≤ 4 and degree ≤ 5 in hindsight, R² against the response without noise on 2000 fresh rows.",
  "",
  "| table | rows × inputs | chosen | R² | best in hindsight | R² | gap |",
  "| --- | --- | --- | --- | --- | --- | --- |",
);
const gaps: number[] = [];
for (const table of smallTables()) {
  const { row, gap } = await hindsightRow(table);
  gaps.push(gap);
  lines.push(row);
  console.log(row);
}
lines.push(
  "",
  `Mean gap ${(gaps.reduce((a, b) => a + b, 0) / gaps.length).toFixed(4)}, largest ${Math.max(...gaps).toFixed(3)}.`,
);
console.log(lines[lines.length - 1]);
if (!process.argv.includes("--dry")) {
  const readme = new URL("README.md", import.meta.url);
  const [start, end] = ["<!-- learner -->", "<!-- /learner -->"];
  const text = readFileSync(readme, "utf8");
  const before = text.includes(start)
    ? text.slice(0, text.indexOf(start))
    : `${text.trimEnd()}\n\n## The automatic fit\n\nMade by \`npm run bench:learner\`.\n\n`;
  const after = text.includes(end) ? text.slice(text.indexOf(end) + end.length) : "\n";
  writeFileSync(readme, `${before}${start}\n${lines.join("\n")}\n${end}${after}`);
}
