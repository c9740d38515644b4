/**
 * What studies predict with, and the numbers of a reference at the smallest size; every study as a whole is held against theory in
 * test/cli/study.test.ts, at its quick size, key predictions by name and number.
 */
import { Matrix, solve } from "ml-matrix";
import { expect, test } from "vitest";
import { createRng } from "../../src/base/rng.js";
import type { Finding } from "../../src/plot/index.js";
import { runStudy } from "../../src/studies/index.js";
import { drawNodes, nodeValue, populationRest } from "../../src/studies/randomFeatures.js";
import { angleTrapShare, trapShare } from "../../src/studies/trapShares.js";
import { gaussHermite, Link, trapStudy } from "../../src/theory/index.js";

const tiny = (name: string) => runStudy(name, { scale: "tiny", seed: 1 });
const about = (findings: readonly Finding[], pattern: RegExp): Finding[] => {
  const found = findings.filter(({ statement }) => pattern.test(statement));
  expect(found.length).toBeGreaterThan(0);
  return found;
};

test("the picture of angles: k − 1 of k valleys are wrong while the breaking part is weak", () => {
  for (const k of [2, 3, 5, 8]) expect(angleTrapShare(k, 0.3)).toBeCloseTo(1 - 1 / k, 12);
});

test("twofold symmetry: two cosines side by side trap less than one half, as measured in a dimension of their own", async () => {
  const share = trapShare(2, 0.5);
  expect(share).toBeCloseTo(0.408, 3);
  // Without a breaking part nothing pulls.
  expect(trapShare(2, 0)).toBeCloseTo(0.5, 6);
  const link = Link.named("harmonic", { order: 2, mix: 0.5 });
  const { planted } = await trapStudy(link, { dim: 200, trials: 150, seed: 9 });
  expect(share).toBeGreaterThan(planted.interval[0]);
  expect(share).toBeLessThan(planted.interval[1]);
});

test("wirtinger: the algorithm follows the equations, and the small implementation of them agrees with `dmft`", async () => {
  const { findings } = await tiny("wirtinger");
  for (const { predicted, measured } of about(findings, /after 10 steps/)) {
    expect(Math.abs((measured as number) - (predicted as number))).toBeLessThan(0.15);
  }
  const [complete] = about(findings, /equations complete/);
  // [SI §d], table of ablations: m(5) of the full equations, and with the memory of the start left out; 0.02 is three standard
  // deviations of 4096 plain paths.
  expect(Math.abs((complete.predicted as number) - 0.6816)).toBeLessThan(0.02);
  const [forgetful] = about(findings, /without memory of the start/);
  expect(Math.abs((forgetful.predicted as number) - 0.7551)).toBeLessThan(0.02);
});

test("features: what random features miss is what least squares on the whole population leaves", () => {
  const link = Link.parse("z1 + z1*z2 + 0.5*h3(z2)");
  const nodes = drawNodes(5, 2, 2, 3, createRng(4, "nodes"));
  const { missed } = populationRest(link, nodes, ({ direction }) => direction);
  // Least squares with quadrature weights in place of the law.
  const { nodes: at, weights } = gaussHermite(12);
  const grid = Array.from(at).flatMap((a, i) =>
    Array.from(at, (b, j) => ({ z: [a, b], w: Math.sqrt(weights[i] * weights[j]) })),
  );
  const X = new Matrix(grid.map(({ z, w }) => [w, ...nodes.map((node) => w * nodeValue(node, z))]));
  const y = Matrix.columnVector(grid.map(({ z, w }) => w * link.evaluate(z)));
  const residual = Matrix.sub(y, X.mmul(solve(X, y, true)));
  expect(missed).toBeCloseTo(residual.norm("frobenius") ** 2, 10);
  expect(missed).toBeGreaterThan(0.01);
});
