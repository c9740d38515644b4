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
import { hindsight } from "./hindsight.js";
import { NPM_PEERS, runPeer } from "./npmPeers.js";
import { type Problem, projectionPursuit } from "./peers.js";
import { readProblem } from "./readProblem.js";
import { writeSection } from "./section.js";
import { drawnTables, smallTables } from "./smallTables.js";

const SEEDS = [0, 1, 2];
const seconds = async (work: () => Promise<Fit>): Promise<{ fit: Fit; cpu: number }> => {
  const before = process.cpuUsage();
  const fit = await work();
  const { user, system } = process.cpuUsage(before);
  return { fit, cpu: (user + system) / 1e6 };
};
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

type Runs = Awaited<ReturnType<typeof seconds>>[];

/** One round to let the engine compile what this problem needs, one to measure. */
async function automatic({ X, y }: Problem): Promise<Runs> {
  for (const seed of SEEDS) await fitMultiIndex(X, y, { seed });
  const runs: Runs = [];
  for (const seed of SEEDS) runs.push(await seconds(() => fitMultiIndex(X, y, { seed })));
  return runs;
}

async function problemRow(problem: Problem, runs: Runs): Promise<string> {
  const { X, fresh, truth } = problem;
  const r2 = runs.map(({ fit }) => rSquared(fit.model.predict(fresh), truth));
  const { fit } = runs[0];
  const peers = [projectionPursuit(problem, truth)];
  for (const peer of NPM_PEERS) peers.push(await runPeer(peer, problem));
  const link = fit.model.degree === null ? fit.model.link.family : `degree ${fit.model.degree}`;
  const cells = [
    problem.name,
    `${X.rows} × ${X.columns}`,
    `${fit.model.rank}, ${link}`,
    r2.map((v) => v.toFixed(5)).join(" "),
    fit.diagnostics.heldOut.r2.toFixed(4),
    median(runs.map(({ cpu }) => cpu)).toFixed(2),
    ...peers.map((peer) =>
      peer
        ? `${Number.isFinite(peer.r2) ? peer.r2.toFixed(4) : "not finite"} / ${peer.fit.toFixed(2)} / ${peer.search.toFixed(1)} (${peer.setting})`
        : "–",
    ),
  ];
  return `| ${cells.join(" | ")} |`;
}

const machine = `Machine: ${cpus()[0]?.model ?? "unknown"}, Node ${process.version}, one thread.`;

async function problems(folder: string): Promise<void> {
  const lines = [
    `${machine} CPU seconds are those of the whole call, search included (median of seeds ${SEEDS.join(", ")}, after a round of fits in which the engine compiles). Peers are given their best setting on held-out rows: CPU seconds of one fit at it, then of the search for it (–: not installed, or minutes a search).`,
    "",
    "| problem | rows × inputs | rank, link | R² on fresh rows, by seed | R² by leave-one-out | CPU s | R `ppr`: R² / fit s / search s | `ml-pls`: the same | `data-analysis-models` | `tfjs` |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  ];
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, "train.csv")));
  names.sort();
  // All of ours first: the engine spends long on collecting what the peers leave behind.
  const measured: { problem: Problem; runs: Runs }[] = [];
  const first = await readProblem(folder, names[0]);
  const { cpu: cold } = await seconds(() => fitMultiIndex(first.X, first.y, { seed: 0 }));
  for (const name of names) {
    const problem = await readProblem(folder, name);
    measured.push({ problem, runs: await automatic(problem) });
  }
  const cpu = measured.reduce((sum, { runs }) => sum + median(runs.map((run) => run.cpu)), 0);
  for (const { problem, runs } of measured) {
    lines.push(await problemRow(problem, runs));
    console.log(lines[lines.length - 1]);
  }
  lines.push(
    "",
    `CPU seconds of the automatic fit over all problems: ${cpu.toFixed(1)}. The first call of the process, ${names[0]}: ${cold.toFixed(2)}.`,
  );
  writeSection("learner", "The automatic fit", "npm run bench:learner", lines);
}

const mean = (values: readonly number[]): string => (values.reduce((a, b) => a + b, 0) / values.length).toFixed(4);

/** The rules of choice were settled on the tables before these. */
const UNSEEN = { first: 60, last: 119 };

/** Both kinds of small tables, each choice beside the best in hindsight. */
async function tables(): Promise<void> {
  const head = [
    "| table | rows × inputs | chosen | R² | least leave-one-out error | rule of one standard error | best in hindsight | R² | gap |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  ];
  const lines = [
    "R² against the response without noise on 2000 fresh rows: the automatic choice, two plain rules on the same candidates (the least leave-one-out error; the smallest rank within one standard error of it, tested against permuted residuals), and the best rank ≤ 4 and degree ≤ 5 in hindsight. The first dozen is that of bench/smallTables.ts; the other sixty are drawn there at random, and were not looked at before the rules were settled (on that dozen and on sixty draws before them).",
    "",
  ];
  for (const [title, problems] of [
    ["Written", smallTables()],
    ["Drawn", drawnTables(UNSEEN.first, UNSEEN.last)],
  ] as const) {
    const rows = [];
    lines.push(...head);
    for (const problem of problems) {
      const row = await hindsight(problem);
      rows.push(row);
      lines.push(row.line);
      console.log(row.line);
    }
    const gaps = rows.map(({ gap }) => gap);
    const summary = `${title} tables: mean R² ${mean(rows.map(({ own }) => own))}; by the least leave-one-out error ${mean(rows.map(({ least }) => least))}, by the rule of one standard error ${mean(rows.map(({ plain }) => plain))}, in hindsight ${mean(rows.map(({ best }) => best))}. Mean gap ${mean(gaps)}, largest ${Math.max(...gaps).toFixed(3)}.`;
    lines.push("", summary, "");
    console.log(summary);
  }
  writeSection("small tables", "The automatic fit on small noisy tables", "npm run bench:learner", lines);
}

const given = process.argv.slice(2).find((arg) => !arg.startsWith("-"));
if (!process.argv.includes("--tables")) await problems(given ?? fileURLToPath(new URL("../data", import.meta.url)));
if (!process.argv.includes("--problems")) await tables();
