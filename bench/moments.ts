/** Normal equations of a block by moments against directly, interleaved, and the expansion that follows once a pass. */
import { readFileSync } from "node:fs";
import { momentPlan } from "../src/kernel/momentPlan.js";
import { BLOCK_ROWS as B } from "../src/kernel/ops.js";
import { createWasmMachine } from "../src/kernel/wasm.js";
import { featureCount, featureTable } from "../src/math/multiIndex.js";

export interface MomentTiming {
  readonly rank: number;
  readonly degree: number;
  readonly features: number;
  /** Microseconds of CPU a block, medians of interleaved runs. */
  readonly direct: number;
  readonly moments: number;
  /** Microseconds a pass. */
  readonly expansion: number;
}

const SHAPES = [
  [2, 6],
  [3, 3],
  [3, 5],
  [4, 4],
  [5, 4],
  [5, 5],
  [6, 5],
] as const;

function jobs(rank: number, degree: number): { direct(): void; moments(): void; expansion(): void } {
  const { sizes, table, widths, places, factors, entries } = momentPlan(rank, degree);
  const p = featureCount(rank, degree);
  const rows = sizes.firstRows + sizes.secondRows;
  const lengths = {
    z: rank * B,
    root: B,
    y: B,
    pairs: p,
    table: rows + sizes.responseRows,
    widths: widths.length,
    h: rank * (2 * degree + 1) * B,
    phi: p * B,
    rows: rows * B,
    response: sizes.responseRows * B,
    sums: sizes.sums + sizes.responseSums,
    places: sizes.terms,
    factors: sizes.terms,
    entries: sizes.terms,
    gram: (p * (p + 1)) / 2,
    moment: p,
  };
  const names = Object.keys(lengths) as (keyof typeof lengths)[];
  const padded = (name: keyof typeof lengths): number => 64 * Math.ceil(lengths[name] / 8);
  const module = new WebAssembly.Module(readFileSync(new URL("../build/leapflow.wasm", import.meta.url)));
  const machine = createWasmMachine({ module, bytes: names.reduce((sum, name) => sum + padded(name), 0) });
  const { ops, f64, i32 } = machine;
  const at = {} as Record<keyof typeof lengths, number>;
  names.reduce((next, name) => {
    at[name] = next;
    return next + padded(name);
  }, machine.base);
  for (let i = 0; i < rank * B; i++) f64[at.z / 8 + i] = 1.5 * (((i * 7919) % 1009) / 504 - 1);
  f64.fill(1, at.root / 8, at.root / 8 + 2 * B);
  i32.set(featureTable(rank, degree), at.pairs / 4);
  i32.set(table, at.table / 4);
  i32.set(widths, at.widths / 4);
  i32.set(places, at.places / 4);
  i32.set(entries, at.entries / 4);
  f64.set(factors, at.factors / 8);
  const second = at.rows + 8 * B * sizes.firstRows;
  const groups = sizes.widths.length;
  return {
    direct() {
      ops.features(at.z, rank, degree, at.root, at.pairs, p, at.h, at.phi);
      ops.accumulateGram(at.phi, p, at.gram);
      ops.accumulateMoment(at.phi, p, at.y, at.moment);
    },
    moments() {
      const { first, firstRows, secondRows, responseRows } = sizes;
      const zs = at.z + 8 * B * first;
      if (first === 1) ops.hermite(at.z, at.root, 2 * degree, at.rows);
      else ops.features(at.z, first, 2 * degree, at.root, at.table, firstRows, at.h, at.rows);
      if (rank - first === 1) {
        ops.hermite(zs, at.root, 2 * degree, second);
        ops.hermite(zs, at.y, degree, at.response);
      } else {
        ops.features(zs, rank - first, 2 * degree, at.root, at.table + 8 * firstRows, secondRows, at.h, second);
        ops.features(zs, 0, 2 * degree, at.y, at.table + 8 * rows, responseRows, at.h, at.response);
      }
      ops.accumulateProducts(at.rows, groups, second, at.widths, at.sums);
      const sums = at.sums + 8 * sizes.sums;
      ops.accumulateProducts(at.rows, sizes.responseWidths.length, at.response, at.widths + 4 * groups, sums);
    },
    expansion() {
      ops.combineSums(at.sums, sizes.terms, at.places, at.factors, at.entries, lengths.gram, at.gram);
    },
  };
}

/** Times every shape. */
export function benchMoments(runs = 15, milliseconds = 15): MomentTiming[] {
  return SHAPES.map(([rank, degree]) => {
    const work = Object.values(jobs(rank, degree));
    const time = (job: () => void, calls: number): number => {
      const before = process.cpuUsage();
      for (let i = 0; i < calls; i++) job();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / calls;
    };
    const calls = work.map((job) => {
      let count = 1;
      while (time(job, count) * count < 1000 * milliseconds) count *= 2;
      return count;
    });
    const times: number[][] = work.map(() => []);
    for (let k = 0; k < runs; k++) {
      for (let w = 0; w < work.length; w++) times[w].push(time(work[w], calls[w]));
    }
    const [direct, moments, expansion] = times.map((list) => list.sort((a, b) => a - b)[runs >> 1]);
    return { rank, degree, features: featureCount(rank, degree), direct, moments, expansion };
  });
}
