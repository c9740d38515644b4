/**
 * A streamed fit beside the same fit in memory: `tsx bench/streamed.ts big.parquet [rows in memory]`.
 *
 * Three figures: the whole streamed fit with the peak memory of the process, and where its time went; one point of an iteration
 * (link solved, loss and gradient) streamed from the decoded rows in the page cache, and the same point over arrays in memory,
 * a million rows; and, with as many rows in memory as the table has, the whole fit there. The processor's time comes first,
 * that of the clock second.
 */
import { RunControl } from "../src/base/control.js";
import { fitMultiIndex, fitStreamed, type StreamedFit } from "../src/index.js";
import { openTable, spooled } from "../src/io/index.js";
import { orthonormalize } from "../src/math/grassmann.js";
import { fromRawDirections } from "../src/solve/inputMap.js";
import { degreePenalty, Penalty } from "../src/solve/linkSolve.js";
import { ProfiledLoss } from "../src/solve/objective.js";
import { fillOptions } from "../src/solve/options.js";
import { mapInputs, openProblem, readData } from "../src/solve/problem.js";

const [file, count = "1000000"] = process.argv.slice(2);
if (!file) throw new Error("usage: tsx bench/streamed.ts <file.parquet> [rows in memory]");
const options = { rank: 3, degree: 4, seed: 1, restarts: 0, start: "slices", whiten: "scale", ridge: 1e-6 } as const;
const table = await openTable(file);
const names = table.columns.map(({ name }) => name).filter((name) => name !== "y");
const d = names.length;
const all = [...names, "y"];

interface Spent {
  readonly cpu: number;
  readonly wall: number;
}
/** Seconds so far. */
function clock(): Spent {
  const { user, system } = process.cpuUsage();
  return { cpu: (user + system) / 1e6, wall: performance.now() / 1e3 };
}
const since = (from: Spent, to = clock()): Spent => ({ cpu: to.cpu - from.cpu, wall: to.wall - from.wall });
const show = ({ cpu, wall }: Spent, digits = 1): string => `${cpu.toFixed(digits)} s (${wall.toFixed(digits)} s)`;
const least = (list: readonly Spent[]): Spent => ({
  cpu: Math.min(...list.map(({ cpu }) => cpu)),
  wall: Math.min(...list.map(({ wall }) => wall)),
});

const source = spooled(table.select(all));
const ends: Spent[] = [];
let rows = 0;
const started = clock();
const streamed: StreamedFit = await fitStreamed(source, {
  ...options,
  target: "y",
  memoryBytes: 2 ** 27,
  onRows: ({ pass, rows: done }) => {
    rows = Math.max(rows, done);
    ends[pass - 1] = clock();
  },
});
const whole = since(started);
const peak = Math.round(process.resourceUsage().maxRSS / 1024);
await source.dispose();
console.log(`node ${process.version}, ${rows} rows of ${d}; processor time (clock)`);
console.log(`streamed fit: ${show(whole)}, ${streamed.passes} passes, peak memory of the process ${peak} MiB`);
console.log(`  R² ${streamed.r2Train.toFixed(8)}, ${streamed.stop.reason}`);
console.log(`  first pass, which decodes and spools: ${show(since(started, ends[0]))}`);
// A point is two passes: 2 and 3, 4 and 5, …; before pass 2 the sample was fitted, which is not theirs.
const points = ends.flatMap((end, k) => (k >= 4 && k % 2 === 0 ? [since(ends[k - 2], end)] : []));
const perMillion = ({ cpu, wall }: Spent, n: number): Spent => ({ cpu: (1e6 * cpu) / n, wall: (1e6 * wall) / n });
const point = perMillion(least(points), rows);
console.log(`  least time of a point, 10⁶ rows: ${show(point, 3)}`);

const n = Math.min(rows, Number(count));
const X = new Float64Array(n * d);
const y = new Float64Array(n);
let at = 0;
for await (const block of table.select(all)) {
  for (let i = 0; i < block.rows && at < n; i++, at++) {
    const row = i * (d + 1);
    for (let j = 0; j < d; j++) X[at * d + j] = block.data[row + j];
    y[at] = block.data[row + d];
  }
  if (at === n) break;
}
const dense = { data: X, rows: n, columns: d };

const filled = fillOptions(options);
const control = new RunControl({});
const data = await readData(dense, y, filled, control);
const problem = await openProblem(data, await mapInputs(data, filled, control), 3, 4, filled, control);
const loss = new ProfiledLoss(problem.workspace, problem.inputs, new Penalty(degreePenalty(3, 4), 1e-6, 1));
const raw = Float64Array.from(streamed.model.data.directions.flat());
const { basis } = orthonormalize(fromRawDirections(problem.inputs, raw, 3), d, 3, 0);
const inMemory: Spent[] = [];
for (let trial = 0; trial < 6; trial++) {
  const from = clock();
  await loss.at(basis);
  inMemory.push(since(from));
}
problem.workspace.dispose();
const memory = perMillion(least(inMemory), n);
console.log(`the same point in memory, over ${n} rows: ${show(memory, 3)}`);
const percent = (a: Spent, b: Spent): string =>
  `${((100 * a.cpu) / b.cpu).toFixed(0)} % (${((100 * a.wall) / b.wall).toFixed(0)} %)`;
console.log(`speed of a streamed point: ${percent(memory, point)} of one in memory`);

if (n === rows) {
  const from = clock();
  const fit = await fitMultiIndex(dense, y, options);
  const spent = since(from);
  console.log(`the fit in memory: ${show(spent)}, R² ${fit.r2Train.toFixed(8)}, ${fit.stop.reason}`);
  console.log(`speed of the streamed fit, decoding and all: ${percent(spent, whole)} of the one in memory`);
}
