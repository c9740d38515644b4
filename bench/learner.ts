/**
 * The automatic fit: held-out R² and CPU seconds of the whole call, and how far its choices are from the best in hindsight.
 *
 *   npm run bench:learner -- [folder]
 *
 * `folder` holds one folder per problem with train.csv, test.csv and meta.json (`response`); a column f of test.csv is the
 * response without noise. Default: the bundled real data. R's `ppr` and the npm peers of bench/peers run beside it where
 * installed (`npm install --prefix bench/peers`), with their settings searched for on held-out rows. A second table is made of generated small tables: correlated and discrete columns, outliers, heavy noise. Writes both
 * into bench/README.md between its markers; `--dry` only prints, `--problems` and
 * `--tables` make one of them.
 */
import { existsSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Fit, fitMultiIndex, rSquared } from "../src/index.js";
import { type Problem, partialLeastSquares, projectionPursuit } from "./peers.js";
import { readProblem } from "./readProblem.js";
import { writeSection } from "./section.js";
import { smallTables } from "./smallTables.js";

const SEEDS = [0, 1, 2];
const seconds = async (work: () => Promise<Fit>): Promise<{ fit: Fit; cpu: number }> => {
  const before = process.cpuUsage();
  const fit = await work();
  const { user, system } = process.cpuUsage(before);
  return { fit, cpu: (user + system) / 1e6 };
};
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

async function problemRow(problem: Problem): Promise<string> {
  const { X, y, fresh, truth } = problem;
  const runs = [];
  for (const seed of SEEDS) runs.push(await seconds(() => fitMultiIndex(X, y, { seed })));
  const r2 = runs.map(({ fit }) => rSquared(fit.model.predict(fresh), truth));
  const { fit } = runs[0];
  const peers = [projectionPursuit(problem, truth), partialLeastSquares(problem, truth)];
  const link = fit.model.degree === null ? fit.model.link.family : `degree ${fit.model.degree}`;
  const cells = [
    problem.name,
    `${X.rows} × ${X.columns}`,
    `${fit.model.rank}, ${link}`,
    r2.map((v) => v.toFixed(5)).join(" "),
    fit.diagnostics.heldOut.r2.toFixed(4),
    median(runs.map(({ cpu }) => cpu)).toFixed(2),
    ...peers.map((peer) =>
      peer ? `${peer.r2.toFixed(4)} / ${peer.fit.toFixed(2)} / ${peer.search.toFixed(1)} (${peer.setting})` : "–",
    ),
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

const machine = `Machine: ${cpus()[0]?.model ?? "unknown"}, Node ${process.version}, one thread.`;

async function problems(folder: string): Promise<void> {
  const lines = [
    `${machine} CPU seconds are those of the whole call, search included (median of seeds ${SEEDS.join(", ")}; the first call of a process compiles). Peers are given their best setting on held-out rows: CPU seconds of one fit at it, then of the search for it.`,
    "",
    "| problem | rows × inputs | rank, link | R² on fresh rows, by seed | R² by leave-one-out | CPU s | R `ppr`: R² / fit s / search s | `ml-pls`: the same |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
  ];
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, "train.csv")));
  for (const name of names.sort()) {
    lines.push(await problemRow(await readProblem(folder, name)));
    console.log(lines[lines.length - 1]);
  }
  writeSection("learner", "The automatic fit", "npm run bench:learner", lines);
}

async function tables(): Promise<void> {
  const lines = [
    "Generated (bench/smallTables.ts): the automatic choice beside the best rank ≤ 4 and degree ≤ 5 in hindsight, R² against the response without noise on 2000 fresh rows.",
    "",
    "| table | rows × inputs | chosen | R² | best in hindsight | R² | gap |",
    "| --- | --- | --- | --- | --- | --- | --- |",
  ];
  const gaps: number[] = [];
  for (const table of smallTables()) {
    const { row, gap } = await hindsightRow(table);
    gaps.push(gap);
    lines.push(row);
    console.log(row);
  }
  const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
  lines.push("", `Mean gap ${mean.toFixed(4)}, largest ${Math.max(...gaps).toFixed(3)}.`);
  console.log(lines[lines.length - 1]);
  writeSection("small tables", "The automatic fit on small noisy tables", "npm run bench:learner", lines);
}

const given = process.argv.slice(2).find((arg) => !arg.startsWith("-"));
if (!process.argv.includes("--tables")) await problems(given ?? fileURLToPath(new URL("../data", import.meta.url)));
if (!process.argv.includes("--problems")) await tables();
