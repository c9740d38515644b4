/** Rows of a planted link for the suites of refined links. */
import { RunControl } from "../../src/base/control.js";
import { createRng } from "../../src/base/rng.js";
import type { LinkProblem, RefinedLink } from "../../src/learn/refinedLink.js";
import { multiply } from "../../src/math/dense.js";
import { orthonormalize } from "../../src/math/grassmann.js";

/** y = link(truthᵀx) + noise, standardised; the start is the truth turned by about `off` radians. */
export function planted(
  link: (z: number[]) => number,
  { n = 240, k = 5, r = 1, noise = 0.1, off = 0.2, seed = 1 }: Record<string, number> = {},
): LinkProblem & { truth: Float64Array } {
  const rng = createRng(seed, "planted");
  const normals = (count: number): Float64Array => Float64Array.from({ length: count }, () => rng.normal());
  const truth = orthonormalize(normals(k * r), k, r).basis;
  const x = normals(n * k);
  const z = multiply(x, truth, n, k, r);
  const raw = Float64Array.from(
    { length: n },
    (_, i) => link(Array.from(z.subarray(i * r, (i + 1) * r))) + noise * rng.normal(),
  );
  const mean = raw.reduce((a, b) => a + b) / n;
  const sd = Math.sqrt(raw.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
  const turned = truth.map((v) => v + (off * rng.normal()) / Math.sqrt(k));
  const slopes = new Float64Array(r * r);
  for (let c = 0; c < r; c++) slopes[c * r + c] = 1;
  return {
    x,
    n,
    k,
    y: raw.map((v) => (v - mean) / sd),
    w0: orthonormalize(turned, k, r).basis,
    slopes,
    seed: 3,
    kernel: "auto",
    control: new RunControl(),
    truth,
  };
}

/** The link's values at rows of whitened inputs. */
export const predict = (fit: RefinedLink, { x, n, k }: Pick<LinkProblem, "x" | "n" | "k">): Float64Array =>
  fit.link.evaluateMany(multiply(x, fit.basis, n, k, fit.link.rank), n).values;
