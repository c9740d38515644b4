/** Rows in parts: the bits of every pass depend on the partition, not on where the parts live. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { columnLargest, columnSums, secondMoment, weightedSum } from "../../src/kernel/columns.js";
import { BLOCK_ROWS } from "../../src/kernel/ops.js";
import { partition, SumTree } from "../../src/kernel/partition.js";
import type { Crew, PartServer } from "../../src/kernel/passes.js";
import { openParts, rowsOf } from "../../src/kernel/places.js";
import { tangentLeverages, tangentSandwich } from "../../src/kernel/tangent.js";
import { Workspace } from "../../src/kernel/workspace.js";
import { derivativeCoefficients, featureCount, featureShape, featureTable } from "../../src/math/multiIndex.js";
import { generator } from "../support/problems.js";

/** Serves parts in this process, every message copied as a port would; parts from `cuts[k]` on go to server k. */
function servedHere(cuts: readonly number[], shards?: number): Crew {
  return {
    ...(shards === undefined ? {} : { shards }),
    open(problem, rows) {
      const parts = problem.starts.length - 1;
      const servers = cuts.map((first, k): PartServer => {
        const opening = structuredClone({ ...problem, first, last: cuts[k + 1] ?? parts });
        const host = openParts(opening, structuredClone(rowsOf(rows, opening)), new RunControl());
        let last: Promise<unknown> = host;
        const call: PartServer["call"] = (name, args) => {
          const sent = structuredClone(args);
          const answer = last.then(async () => structuredClone(await (await host).call(name, sent)));
          last = answer.catch(() => {});
          return answer;
        };
        return { first, last: opening.last, call, close: () => void host.then((h) => h.close()) };
      });
      return { own: cuts[0] ?? parts, servers };
    },
  };
}

interface Case {
  readonly n: number;
  readonly d: number;
  readonly r: number;
  readonly degree: number;
  readonly weighted?: boolean;
}

/** Everything that solvers ask of a workspace. */
async function everything(
  { n, d, r, degree, weighted }: Case,
  crew?: Crew,
): Promise<Record<string, ArrayLike<number>>> {
  const { normal, uniform } = generator(n * 31 + d);
  const data = Float64Array.from({ length: n * d }, () => 3 * normal() + 1);
  const y = Float64Array.from({ length: n }, normal);
  const root = weighted ? Float64Array.from({ length: n }, () => Math.floor(3 * uniform())) : undefined;
  const center = Float64Array.from({ length: d }, normal);
  const inverseScale = Float64Array.from({ length: d }, () => 0.2 + 0.1 * uniform());
  const basis = Float64Array.from({ length: d * r }, normal).map((v) => v / Math.sqrt(d));
  const delta = Float64Array.from({ length: d * r }, normal);
  const complement = d - r;
  const shape = { samples: n, columns: d, rank: r, degree, ...featureShape(r, degree), complement };
  const rows = { data, rows: n, columns: d };
  const w = await Workspace.create(rows, shape, featureTable(r, degree), "wasm", new RunControl(), true, crew);
  try {
    const out: Record<string, ArrayLike<number>> = {};
    w.setTarget(y, root);
    await w.standardize({ center, inverseScale });
    out.weightSum = [w.weightSum];
    out.largest = await columnLargest(w);
    out.sums = await columnSums(w, 1);
    out.squares = await columnSums(w, 2);
    out.second = await secondMoment(w, y);
    const subset = Int32Array.from({ length: n >> 1 }, (_, i) => (7 * i) % n).filter(
      (v, i, all) => all.indexOf(v) === i,
    );
    out.ofSubset = await secondMoment(w, undefined, subset);
    out.weightedSubset = await secondMoment(
      w,
      Float64Array.from(subset, (i) => y[i]),
      subset,
    );
    out.weighted = await weightedSum(w, y);
    await w.projectTrial(basis);
    ({ gram: out.gram, moment: out.moment } = w.normalEquations());
    const penalty = new Float64Array(featureCount(r, degree)).fill(0.1);
    const solved = w.solveTrial(penalty, 1e-14);
    if (!("coefficients" in solved)) throw new Error(`pivot ${solved.pivot}`);
    out.coefficients = solved.coefficients;
    const ck = derivativeCoefficients(solved.coefficients, r, degree);
    const sums = await w.residualsOfTrial(solved.coefficients, ck, true);
    out.residualSums = [sums.sumSquares, ...sums.gradientSquares, ...(sums.transposed as Float64Array)];
    w.acceptTrial();
    out.gradient = await w.residualGradient();
    out.product = await w.gaussNewtonProduct(delta);
    await w.projectDirection(delta);
    await w.combineTrial(
      0.3,
      Float64Array.from({ length: r * r }, (_, k) => 1 / (1 + k)),
    );
    out.combined = w.normalEquations().gram;
    out.z = await w.projections();
    out.along = await w.directionProjections();
    out.slopes = await w.linkGradients();
    out.residuals = await w.residuals();
    await w.accumulateKept(Uint8Array.from({ length: n }, (_, i) => (i % 3 === 1 ? 0 : 1)));
    out.kept = w.normalEquations().gram;
    const outside = Float64Array.from({ length: d * complement }, (_, k) =>
      Math.floor(k / complement) === k % complement ? 1 : 0.1,
    );
    const curvature = Float64Array.from({ length: r * r }, (_, k) => (k % (r + 1) === 0 ? 1e-6 : 0));
    const leverages = await tangentLeverages(w, outside, penalty, curvature);
    if (!leverages) throw new Error("the tangent space is singular");
    out.ofLink = leverages.link;
    out.ofAll = leverages.total;
    out.sandwich = await tangentSandwich(w, y);
    return out;
  } finally {
    w.dispose();
  }
}

function expectSameBits(a: Record<string, ArrayLike<number>>, b: Record<string, ArrayLike<number>>): void {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  for (const [name, values] of Object.entries(a)) {
    expect(b[name].length, name).toBe(values.length);
    expect(
      Array.from(values).findIndex((v, k) => !Object.is(v, b[name][k])),
      name,
    ).toBe(-1);
  }
}

const CASES: Case[] = [
  { n: 400, d: 5, r: 2, degree: 3 },
  { n: 3300, d: 4, r: 2, degree: 6, weighted: true },
  { n: 6200, d: 6, r: 3, degree: 2 },
];

describe("rows in parts", () => {
  it.each(CASES)("same bits wherever the parts live: %o", async (c) => {
    const parts = partition(c.n).length - 1;
    const alone = await everything(c);
    expect(Object.values(alone).every((values) => Array.from(values).every(Number.isFinite))).toBe(true);
    expectSameBits(alone, await everything(c, servedHere([parts >> 1])));
    expectSameBits(alone, await everything(c, servedHere([1])));
    if (parts > 3) expectSameBits(alone, await everything(c, servedHere([1, 2, parts - 1])));
    // A workspace without rows of its own.
    expectSameBits(alone, await everything(c, servedHere([0])));
  });

  it.each([1, 3, 6, 7])("same bits for %i parts that were asked for", async (shards) => {
    const [, c] = CASES;
    const alone = await everything(c, servedHere([], shards));
    for (let cut = 0; cut < shards; cut++) expectSameBits(alone, await everything(c, servedHere([cut], shards)));
  });

  it("cuts depend on the rows alone: few parts for few rows, none without rows", () => {
    expect(Array.from(partition(1))).toEqual([0, 1]);
    expect(Array.from(partition(3 * BLOCK_ROWS))).toEqual([0, 3]);
    expect(Array.from(partition(300))).toEqual([0, 2, 4]);
    for (const n of [300, 5000, 100_000, 3_000_000]) {
      const starts = partition(n);
      expect(starts[starts.length - 1]).toBe(Math.ceil(n / BLOCK_ROWS));
      const sizes = Array.from(starts.subarray(1), (end, k) => end - starts[k]);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(2);
      expect(Math.min(...sizes)).toBeGreaterThan(1);
      expect(sizes.length).toBeLessThanOrEqual(32);
    }
    expect(partition(200, 8).length).toBe(4);
  });
});

describe("the tree of sums", () => {
  it("adds neighbours first, whatever nodes arrive", () => {
    for (let parts = 1; parts < 20; parts++) {
      const leaves = Array.from({ length: parts }, (_, k) => Float64Array.of(1 / (k + 1)));
      const whole = new SumTree();
      leaves.forEach((values, part) => {
        whole.add({ part, level: 0, values: values.slice() });
      });
      const expected = (whole.total() as Float64Array)[0];
      for (let cut = 0; cut <= parts; cut++) {
        const tree = new SumTree();
        const elsewhere = new SumTree();
        leaves.forEach((values, part) => {
          (part < cut ? tree : elsewhere).add({ part, level: 0, values: values.slice() });
        });
        for (const node of elsewhere.take()) tree.add(node);
        expect((tree.total() as Float64Array)[0]).toBe(expected);
      }
      expect(Math.abs(expected - leaves.reduce((sum, [v]) => sum + v, 0))).toBeLessThan(1e-15 * parts);
    }
    expect(new SumTree().total()).toBeUndefined();
  });

  it("keeps few arrays, however many come from elsewhere", () => {
    const tree = new SumTree();
    const sent = Array.from({ length: 200 }, () => new Float64Array(40));
    for (let pass = 0; pass < 100; pass++) {
      tree.add({ part: 0, level: 0, values: tree.leaf(40) });
      tree.add({ part: 1, level: 0, values: sent[2 * pass] });
      tree.add({ part: 2, level: 0, values: sent[2 * pass + 1] });
      tree.total();
    }
    const kept = new Set(Array.from({ length: 200 }, () => tree.leaf(40)));
    expect(sent.filter((values) => kept.has(values)).length).toBeLessThan(10);
  });
});
