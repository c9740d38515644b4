/** The flow in d dimensions against Runge–Kutta on the frame itself. */
import { expect, it } from "vitest";
import type { LeapflowError } from "../../src/base/errors.js";
import { toMatrix } from "../../src/math/dense.js";
import { subspaceDistance } from "../../src/math/grassmann.js";
import { derivativeCoefficients, featureCount } from "../../src/math/multiIndex.js";
import { Link } from "../../src/model/link.js";
import { averagingOperator, haarFrame, liftFlow, populationFlow } from "../../src/theory/index.js";

type Rows = number[][];
const transpose = (a: Rows): Rows => a[0].map((_, j) => a.map((row) => row[j]));
const product = (a: Rows, b: Rows): Rows =>
  a.map((row) => b[0].map((_, j) => row.reduce((s, x, k) => s + x * b[k][j], 0)));
const plus = (a: Rows, b: Rows, h: number): Rows => a.map((row, i) => row.map((x, j) => x + h * b[i][j]));
const worst = (a: Rows, b: Rows): number =>
  Math.max(...b.flatMap((row, i) => row.map((x, j) => Math.abs(x - a[i][j]))));

it.each([
  ["z1 + z1*z2 + z1*z2*z3", 3, 12],
  ["z1 + z1*z2 + z1*z2*z3", 2, 12],
  ["z1 + h2(z2)", 3, 9],
  ["z1*z2 + z2", 2, 3],
])("%s with r = %d in d = %d is Ẇ = (W⋆ − WM)BMᵀ", async (text, rank, dim) => {
  const link = Link.parse(text);
  const [W, target] = [haarFrame(dim, rank, 1), haarFrame(dim, link.rank, 2)];
  const ws = target.to2DArray();
  const inner = featureCount(link.rank, link.degree - 1);
  const derivatives = toMatrix(derivativeCoefficients(link.coefficients, link.rank, link.degree), inner, link.rank);
  const field = (w: Rows): Rows => {
    const m = product(transpose(w), ws);
    // Through the operator itself: Runge–Kutta's stages leave the ball ‖M‖ ≤ 1 a little.
    const averaged = averagingOperator(m, link.degree - 1).mmul(derivatives);
    const B = averaged.transpose().mmul(averaged).to2DArray();
    return product(plus(ws, product(w, m), -1), product(B, transpose(m)));
  };
  const times = [0, 0.5, 1, 2, 4];
  const flow = await liftFlow(link, W, target, { times, tolerance: 1e-11 });
  const plain = await populationFlow(link, { start: product(transpose(W.to2DArray()), ws), times, tolerance: 1e-11 });
  expect(flow.escapes).toEqual(plain.escapes);
  let w = W.to2DArray();
  let t = 0;
  const h = 1 / 128;
  times.forEach((time, i) => {
    for (; t < time; t += h) {
      const a = field(w);
      const b = field(plus(w, a, h / 2));
      const c = field(plus(w, b, h / 2));
      const d = field(plus(w, c, h));
      w = plus(plus(plus(plus(w, a, h / 6), b, h / 3), c, h / 3), d, h / 6);
    }
    const basis = flow.bases[i].to2DArray();
    expect(worst(basis, w)).toBeLessThan(1e-8);
    expect(worst(product(transpose(basis), ws), flow.overlaps[i].to2DArray())).toBeLessThan(1e-9);
    const unit = basis[0].map((_, a) => basis[0].map((__, b) => (a === b ? 1 : 0)));
    expect(worst(product(transpose(basis), basis), unit)).toBeLessThan(1e-10);
  });
});

it("ends on the target subspace", async () => {
  const link = Link.parse("h2(z1) + h3(z2)");
  const [W, target] = [haarFrame(40, 2, 3), haarFrame(40, 2, 4)];
  const { bases, stop } = await liftFlow(link, W, target);
  expect(stop.reason).toBe("converged");
  const last = bases.at(-1)?.to1DArray() ?? [];
  expect(subspaceDistance(last, target.to1DArray(), 40, 2, 2)).toBeLessThan(1e-5);
});

it("refuses frames that are none, or of different spaces, and recordings that do not fit", async () => {
  const link = Link.parse("z1*z2");
  const frame = haarFrame(6, 2, 1);
  const code = (run: Promise<unknown>) =>
    run.then(
      () => "fulfilled",
      (error: LeapflowError) => error.code,
    );
  expect(await code(liftFlow(link, frame, haarFrame(7, 2, 1)))).toBe("SHAPE");
  expect(await code(liftFlow(link, frame, haarFrame(6, 3, 1)))).toBe("SHAPE");
  expect(await code(liftFlow(link, frame.clone().mul(1.1), frame))).toBe("NOT_ORTHONORMAL");
  expect(await code(liftFlow(link, [[1, 0]], [[1, 0]]))).toBe("NOT_ORTHONORMAL");
  expect(await code(liftFlow(link, frame, frame, { seed: 1 } as never))).toBe("UNKNOWN");
});
