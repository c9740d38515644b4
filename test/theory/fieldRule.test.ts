/** Expectations over one row of fresh data, proximal points and losses along paths, where they are known in closed form. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { normalCumulative, normalDensity } from "../../src/base/elementary.js";
import { parseChannel } from "../../src/single/channel.js";
import { type Loss, parseLoss } from "../../src/single/losses.js";
import {
  EXACT_RULE,
  expectedLoss,
  type FieldRule,
  fieldMeans,
  fieldRule,
  ITERATED_RULE,
  TEST_RULE,
} from "../../src/theory/fieldRule.js";
import { pathLossOf } from "../../src/theory/pathLoss.js";
import { ProximalFields } from "../../src/theory/proximalFields.js";

const lossOf = (
  value: (x: number, y: number) => number,
  derivative: (x: number, y: number) => number,
  secondDerivative: (x: number, y: number) => number,
  even = false,
): Loss => ({
  ...{ name: "own", kind: "custom", parameter: 0, even, nonnegative: false },
  ...{ value, derivative, secondDerivative, curvatureBound: () => 1 },
});
const quadratic = lossOf(
  (x, y) => 0.5 * (x - y) ** 2,
  (x, y) => x - y,
  () => 1,
);
const quartic = lossOf(
  (x) => x ** 4 / 4,
  (x) => x ** 3,
  (x) => 3 * x * x,
  true,
);
const mean = ({ weights, z, y, e, imaginary }: FieldRule, f: (z: number, y: number, e: number, i: number) => number) =>
  weights.reduce((sum, w, k) => sum + w * f(z[k], y[k], e[k], imaginary[k]), 0);

describe("rules", () => {
  it.each([
    ["test", TEST_RULE, 1e-6],
    ["iterated", ITERATED_RULE, 1e-8],
    ["exact", EXACT_RULE, 1e-9],
  ] as const)("%s: moments of z, e and a response without noise", (_, size, tolerance) => {
    const near = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThan(tolerance);
    for (const loss of [quadratic, quartic]) {
      // Folded for a square and an even loss: z ≥ 0 only, so that odd moments are not those of z.
      const rule = fieldRule(parseChannel("square"), loss, false, size);
      near(
        mean(rule, () => 1),
        1,
      );
      near(
        mean(rule, (z) => z * z),
        1,
      );
      near(
        mean(rule, (z) => z ** 4),
        3,
      );
      near(
        mean(rule, (z, __, e) => z * z * e * e),
        1,
      );
      near(
        mean(rule, (__, ___, e) => e ** 4),
        3,
      );
      near(
        mean(rule, (__, ___, e) => e),
        0,
      );
      expect(rule.z.every((z, k) => rule.y[k] === z * z)).toBe(true);
      expect(rule.z.some((z) => z < 0)).toBe(loss === quadratic);
      expect(rule.imaginary).toHaveLength(0);
    }
    const odd = fieldRule(parseChannel("tanh"), quartic, false, size);
    expect(odd.z.some((z) => z < 0)).toBe(true);
    near(
      mean(odd, (z) => z),
      0,
    );
    near(
      mean(odd, (z) => z ** 3 * Math.abs(z)),
      0,
    );
  });

  it.each([
    ["test", TEST_RULE, 1e-5],
    ["iterated", ITERATED_RULE, 1e-6],
    ["exact", EXACT_RULE, 1e-8],
  ] as const)("%s, complex: z = |z|, e circular of variance 1", (_, size, tolerance) => {
    const rule = fieldRule(parseChannel("square"), quartic, true, size);
    const near = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThan(tolerance);
    near(
      mean(rule, (z) => z * z),
      1,
    );
    near(
      mean(rule, (z) => z ** 4),
      2,
    );
    near(
      mean(rule, (z) => z),
      Math.sqrt(Math.PI) / 2,
    );
    near(
      mean(rule, (__, ___, e) => e * e),
      0.5,
    );
    near(
      mean(rule, (__, ___, ____, i) => i * i),
      0.5,
    );
    near(
      mean(rule, (z, ___, e, i) => z * z * (e * e + i * i) ** 2),
      2,
    );
    near(
      mean(rule, (__, ___, e) => e),
      0,
    );
    expect(rule.imaginary).toHaveLength(rule.weights.length);
  });

  it("noise: Gaussian around the link, cut off below 0 for squares", () => {
    const sigma = 0.7;
    const gaussian = fieldRule(parseChannel({ link: "tanh", noiseStd: sigma }), quadratic, false, TEST_RULE);
    expect(mean(gaussian, (z, y) => (y - Math.tanh(z)) ** 2)).toBeCloseTo(sigma ** 2, 8);
    expect(mean(gaussian, (z, y) => (y - Math.tanh(z)) ** 4)).toBeCloseTo(3 * sigma ** 4, 7);
    const clipped = fieldRule(parseChannel({ link: "square", noiseStd: sigma }), quadratic, false, TEST_RULE);
    expect(clipped.y.every((y) => y >= 0)).toBe(true);
    // E max(a + σw, 0) = aΦ(a/σ) + σφ(a/σ), E of its square = (a² + σ²)Φ(a/σ) + aσφ(a/σ); over z by trapezoids.
    let [first, second, none] = [0, 0, 0];
    const h = 1e-3;
    for (let z = -9; z < 9; z += h) {
      const a = z * z;
      const [p, f] = [normalCumulative(a / sigma), normalDensity(a / sigma)];
      first += h * normalDensity(z) * (a * p + sigma * f);
      second += h * normalDensity(z) * ((a * a + sigma * sigma) * p + a * sigma * f);
      none += h * normalDensity(z) * (1 - p);
    }
    expect(mean(clipped, (_, y) => y)).toBeCloseTo(first, 5);
    expect(mean(clipped, (_, y) => y * y)).toBeCloseTo(second, 5);
    expect(mean(clipped, (_, y) => (y === 0 ? 1 : 0))).toBeCloseTo(none, 5);
  });

  it("a label is 1 with the probability that the link says", () => {
    const rule = fieldRule(parseChannel({ link: "logit", noiseStd: 2 }), quadratic, false, TEST_RULE);
    expect(new Set(rule.y)).toEqual(new Set([1, -1]));
    const truth = fieldRule(
      parseChannel((z: number) => Math.tanh(z)),
      quadratic,
      false,
      EXACT_RULE,
    );
    // E[y | z] = tanh(σz/2), here tanh z.
    expect(mean(rule, (z, y) => z * y)).toBeCloseTo(
      mean(truth, (z) => z * Math.tanh(z)),
      6,
    );
  });

  it("responses below 0 count as 0 for losses that want none", () => {
    const he2 = parseChannel("He2");
    expect(Math.min(...fieldRule(he2, { ...quartic, nonnegative: true }, false, TEST_RULE).y)).toBe(0);
    expect(Math.min(...fieldRule(he2, quartic, false, TEST_RULE).y)).toBeLessThan(-0.7);
  });
});

const line = parseChannel({ link: (z: number) => z, noiseStd: 0.5 });
const [m, q] = [0.6, 0.9];

describe("expectations of a loss", () => {
  it("of squares: q − 2m + 1 + σ² is twice the loss", () => {
    const rule = fieldRule(line, quadratic, false, EXACT_RULE);
    const square = q - 2 * m + 1 + 0.25;
    expect(expectedLoss(rule, quadratic, m, q)).toBeCloseTo(square / 2, 10);
    const means = fieldMeans(rule, quadratic, m, q);
    expect(means.loss).toBeCloseTo(square / 2, 10);
    expect(means.signal).toBeCloseTo(m - 1, 10);
    expect(means.curvature).toBeCloseTo(1, 10);
    expect(means.gradientSquared).toBeCloseTo(square, 9);
    // A norm below the overlap by rounding has no spread.
    expect(expectedLoss(rule, quadratic, 1, 1 - 1e-12)).toBeCloseTo(0.125, 8);
    expect(fieldMeans(rule, quadratic, 1, 1 - 1e-12).signal).toBeCloseTo(0, 8);
  });

  it("of fourth powers: moments of a normal number of variance q", () => {
    const rule = fieldRule(parseChannel("square"), quartic, false, EXACT_RULE);
    expect(expectedLoss(rule, quartic, m, q)).toBeCloseTo(0.75 * q * q, 10);
    const means = fieldMeans(rule, quartic, m, q);
    expect(means.loss).toBeCloseTo(0.75 * q * q, 10);
    expect(means.signal).toBeCloseTo(3 * m * q, 10);
    expect(means.curvature).toBeCloseTo(3 * q, 10);
    expect(means.gradientSquared).toBeCloseTo(15 * q ** 3, 7);
  });

  it("of complex fields: E|ξ|²ᵏ = k!·qᵏ", () => {
    const rule = fieldRule(parseChannel("square"), quartic, true, EXACT_RULE);
    // 2·E|ξ|⁴/4 = q²; g = |ξ|²ξ, (ρ + l″)/2 = 2|ξ|².
    expect(expectedLoss(rule, quartic, m, q)).toBeCloseTo(q * q, 8);
    const means = fieldMeans(rule, quartic, m, q);
    expect(means.loss).toBeCloseTo(q * q, 8);
    expect(means.signal).toBeCloseTo(2 * m * q, 8);
    expect(means.curvature).toBeCloseTo(2 * q, 8);
    expect(means.gradientSquared).toBeCloseTo(6 * q ** 3, 7);
    // At 0 the slope of l′ takes the place of l′/|ξ|.
    const flat = lossOf(
      (x) => x * x,
      (x) => 2 * x,
      () => 2,
      true,
    );
    expect(fieldMeans(rule, flat, 0, 0)).toMatchObject({ loss: 0, signal: 0 });
    expect(fieldMeans(rule, flat, 0, 0).curvature).toBeCloseTo(2, 12);
  });
});

describe("proximal points", () => {
  const control = new RunControl();

  it("of squares are (u + γy)/(1 + γ)", async () => {
    const rule = fieldRule(line, quadratic, false, EXACT_RULE);
    const gamma = 0.8;
    const fields = new ProximalFields(rule, quadratic);
    const means = await fields.evaluate(m, q, gamma, control);
    // ξ − y = (u − y)/(1 + γ).
    const square = (q - 2 * m + 1 + 0.25) / (1 + gamma) ** 2;
    expect(means.loss).toBeCloseTo(square / 2, 10);
    expect(means.signal).toBeCloseTo((m - 1) / (1 + gamma), 10);
    expect(means.curvature).toBeCloseTo(1 / (1 + gamma), 10);
    expect(means.gradientSquared).toBeCloseTo(square, 10);
    expect(means.unsolved).toBe(0);
    const { w, a } = fields.law();
    expect(w.reduce((s, v) => s + v, 0)).toBeCloseTo(1, 12);
    expect(new Set(a)).toEqual(new Set([1]));
  });

  it("without a step are the fields themselves", async () => {
    const rule = fieldRule(parseChannel("square"), quartic, false, EXACT_RULE);
    const means = await new ProximalFields(rule, quartic).evaluate(m, q, 0, control);
    const direct = fieldMeans(rule, quartic, m, q);
    for (const key of ["loss", "signal", "curvature", "gradientSquared"] as const)
      expect(means[key]).toBeCloseTo(direct[key], 12);
    const round = fieldRule(parseChannel("square"), quartic, true, ITERATED_RULE);
    const both = await new ProximalFields(round, quartic).evaluate(m, q, 0, control);
    const plain = fieldMeans(round, quartic, m, q);
    for (const key of ["loss", "signal", "curvature", "gradientSquared"] as const)
      expect(both[key], key).toBeCloseTo(plain[key], 10);
  });

  /** A rule of single points (z, y, e), equal weights. */
  const points = (z: number[], y: number[], e: number[], imaginary: number[] = []): FieldRule => ({
    weights: Float64Array.from(z, () => 1 / z.length),
    ...{ z: Float64Array.from(z), y: Float64Array.from(y), e: Float64Array.from(e) },
    imaginary: Float64Array.from(imaginary),
  });
  /** Root of x + x³γ = u by bisection. */
  const root = (u: number, gamma: number): number => {
    let [low, high] = [-Math.abs(u), Math.abs(u)];
    for (let k = 0; k < 200; k++) {
      const x = 0.5 * (low + high);
      if (x + gamma * x ** 3 > u) high = x;
      else low = x;
    }
    return low;
  };

  it("of fourth powers solve ξ + γξ³ = u, near and far, with their curvatures", async () => {
    const [z, e] = [
      [1, -2, 0.3, 5, 60],
      [0.5, 0.1, -1, 3, 40],
    ];
    const s = Math.sqrt(q - m * m);
    const gamma = 1.7;
    const xi = z.map((v, k) => root(m * v + s * e[k], gamma));
    const fields = new ProximalFields(points(z, [0, 0, 0, 0, 0], e), quartic);
    // The second call starts from the first one's solution.
    await fields.evaluate(m, q, 0.2, control);
    const means = await fields.evaluate(m, q, gamma, control);
    const average = (f: (x: number, k: number) => number) => xi.reduce((sum, x, k) => sum + f(x, k) / 5, 0);
    expect(means.loss / average((x) => x ** 4 / 4)).toBeCloseTo(1, 11);
    expect(means.signal / average((x, k) => z[k] * x ** 3)).toBeCloseTo(1, 11);
    expect(means.curvature / average((x) => (3 * x * x) / (1 + gamma * 3 * x * x))).toBeCloseTo(1, 11);
    expect(means.gradientSquared / average((x) => x ** 6)).toBeCloseTo(1, 11);
    expect(means.unsolved).toBe(0);
    const law = fields.law();
    expect(law.w).toEqual([0.2, 0.2, 0.2, 0.2, 0.2].map((v) => expect.closeTo(v, 12)));
    const wanted = xi.map((x) => 3 * x * x).sort((a, b) => a - b);
    law.a.forEach((v, k) => {
      expect(v / wanted[k]).toBeCloseTo(1, 10);
    });
  });

  it("of complex fields lie on the radius of u", async () => {
    const [z, e, i] = [
      [1, 0.5, 2],
      [0.5, -1, 0.3],
      [1, 0.2, -2],
    ];
    const s = Math.sqrt(q - m * m);
    const gamma = 0.9;
    const x = z.map((v, k) => m * v + s * e[k]);
    const u = x.map((v, k) => Math.hypot(v, s * i[k]));
    const xi = u.map((v) => root(v, gamma));
    const fields = new ProximalFields(points(z, [0, 0, 0], e, i), quartic);
    const means = await fields.evaluate(m, q, gamma, control);
    const average = (f: (r: number, k: number) => number) => xi.reduce((sum, r, k) => sum + f(r, k) / 3, 0);
    expect(means.loss).toBeCloseTo(2 * average((r) => r ** 4 / 4), 12);
    expect(means.signal).toBeCloseTo(
      average((r, k) => (z[k] * r ** 3 * x[k]) / u[k]),
      12,
    );
    const share = (v: number) => v / (1 + gamma * v);
    expect(means.curvature).toBeCloseTo(
      average((r) => 0.5 * (share(3 * r * r) + share(r * r))),
      12,
    );
    expect(means.gradientSquared).toBeCloseTo(
      average((r) => r ** 6),
      12,
    );
    const law = fields.law();
    const wanted = xi.flatMap((r) => [r * r, 3 * r * r]).sort((a, b) => a - b);
    law.a.forEach((v, k) => {
      expect(v).toBeCloseTo(wanted[k], 10);
    });
    expect(law.w).toEqual(wanted.map(() => expect.closeTo(1 / 6, 12)));
    // At u = 0 everything is 0, and l″ stands in for l′/|ξ|.
    const still = new ProximalFields(
      points([1], [0], [0], [0]),
      lossOf(
        (r) => r * r,
        (r) => 2 * r,
        () => 2,
        true,
      ),
    );
    expect(await still.evaluate(0, 0, gamma, control)).toMatchObject({ loss: 0, signal: 0, gradientSquared: 0 });
    expect(still.law().a).toEqual([2, 2]);
  });

  it("of a loss that is not convex follow a branch, and say where there is no solution", async () => {
    // x + γ·l′(x) with l′ = sin 3x has several roots for γ = 1; the branch from γ = 0.2 is the nearest.
    const wave = lossOf(
      (x) => -Math.cos(3 * x) / 3,
      (x) => Math.sin(3 * x),
      (x) => 3 * Math.cos(3 * x),
    );
    const fields = new ProximalFields(points([1, 1, 1], [0, 0, 0], [0, 0.6, -2]), wave);
    for (const gamma of [0.1, 0.2, 0.3, 0.6, 1]) {
      const means = await fields.evaluate(0.7, 1.2, gamma, control);
      expect(means.unsolved).toBe(0);
      expect(Number.isFinite(means.curvature)).toBe(true);
    }
    // A jump of l′ across u has no proximal point: 1 of 2 points stays unsolved.
    const jump = lossOf(
      () => 0,
      (x) => (x > 0.5 ? 1 : -1),
      () => 0,
    );
    const broken = await new ProximalFields(points([0.5, 9], [0, 0], [0, 0]), jump).evaluate(1, 1, 0.2, control);
    expect(broken.unsolved).toBe(0.5);
  });

  /** ξ for one field u: the value of this loss is ξ itself. */
  const proximal = async (u: number, gamma: number, slope: (x: number) => number, bend: (x: number) => number) => {
    const fields = new ProximalFields(
      points([1], [0], [0]),
      lossOf((x) => x, slope, bend),
    );
    const { loss, unsolved } = await fields.evaluate(u, u * u, gamma, control);
    expect(unsolved, `u = ${u}`).toBe(0);
    expect(loss + gamma * slope(loss)).toBeCloseTo(u, 12);
    return loss;
  };

  it("are found where Newton's method alone goes to and fro", async () => {
    const steep = (x: number) => Math.tanh(20 * x);
    for (const u of [0.2, 1, 3.3, -2.7, 4.9, -0.6, 40]) {
      const xi = await proximal(u, 5, steep, (x) => 20 * (1 - steep(x) ** 2));
      // The inverse of x + 5·tanh 20x: within ±5 almost all of u is the jump, beyond it all but 5.
      if (Math.abs(u) < 4.95) expect(Math.abs(20 * xi - Math.atanh((u - xi) / 5))).toBeLessThan(1e-9);
      else expect(xi).toBeCloseTo(u - 5, 12);
    }
  });

  it("lie below u where l′(u) > 0 and above where it is < 0, falling stretches between or not", async () => {
    for (const u of [0.8, 0.95, 1.02, 1.2, 1.5, 1.9, 2.3, -0.9, -1.3]) {
      const xi = await proximal(
        u,
        1,
        (x) => Math.sin(3 * x),
        (x) => 3 * Math.cos(3 * x),
      );
      expect(Math.sign(u - xi)).toBe(Math.sign(Math.sin(3 * u)));
      // The first root on that side: no sign of x + sin 3x − u changes between.
      const side = Math.sign(Math.sin(3 * u));
      for (let share = 0.02; share < 0.99; share += 0.02) {
        const x = u + share * (xi - u);
        expect(Math.sign(x + Math.sin(3 * x) - u)).toBe(side);
      }
    }
  });

  it("look at the abort signal", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const fields = new ProximalFields(points([1], [0], [0]), quadratic);
    await expect(fields.evaluate(m, q, 1, new RunControl({ signal, sliceMs: 0 }))).rejects.toThrow("enough");
  });
});

describe("losses along paths", () => {
  it("the kernel knows the rational ones by their parameter", () => {
    expect(pathLossOf(parseLoss("rational(2)"), false)).toEqual({ rational: 2 });
    expect(pathLossOf(parseLoss("wf"), true)).toEqual({ rational: 0 });
    for (const name of ["sqtanh", "logistic", "sqsoftplus(4)"])
      expect(pathLossOf(parseLoss(name), false)).toHaveProperty("block");
  });

  const block = (loss: Loss, complex: boolean) => {
    const path = pathLossOf(loss, complex);
    if (!("block" in path)) throw new Error("expected a block");
    return path.block;
  };

  it("others fill gradient and curvature of u + shift, and zeros beyond the rows", () => {
    const [gradient, curvature] = [new Float64Array(4).fill(9), new Float64Array(4).fill(9)];
    const u = Float64Array.of(1, 2, 3, 4);
    const sum = block(quadratic, false)(
      u,
      Float64Array.of(0.5, -1, 7, 7),
      Float64Array.of(1, 3, 0, 0),
      gradient,
      curvature,
      2,
    );
    expect(Array.from(gradient)).toEqual([0.5, -2, 0, 0]);
    expect(Array.from(curvature)).toEqual([1, 1, 0, 0]);
    expect(sum).toBe(0.125 + 2);
  });

  it("complex ones give g = ρξ, f₁ = (ρ + l″)/2 and f₂ = (l″ − ρ)/2·ξ²/|ξ|²", () => {
    const [gradient, curvature] = [new Float64Array(6).fill(9), new Float64Array(9).fill(9)];
    const u = Float64Array.of(0.3, 0, 5, 0.4, 0, 5);
    const shift = Float64Array.of(0.3, 0, 5, 0.4, 0, 5);
    const sum = block(quartic, true)(u, shift, new Float64Array(3), gradient, curvature, 2);
    // ξ = 0.6 + 0.8i, |ξ| = 1: ρ = 1, l″ = 3, ξ² = −0.28 + 0.96i.
    const wanted = [0.6, 0, 0, 0.8, 0, 0];
    Array.from(gradient).forEach((v, k) => {
      expect(v).toBeCloseTo(wanted[k], 14);
    });
    const bends = [2, 0, 0, -0.28, 0, 0, 0.96, 0, 0];
    Array.from(curvature).forEach((v, k) => {
      expect(v).toBeCloseTo(bends[k], 14);
    });
    expect(sum).toBeCloseTo(0.5, 14);
    // At 0 ρ is l″(0).
    const round = lossOf(
      (r) => r * r,
      (r) => 2 * r,
      () => 2,
      true,
    );
    block(round, true)(new Float64Array(6), new Float64Array(6), new Float64Array(3), gradient, curvature, 1);
    expect(Array.from(curvature)).toEqual([2, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(Array.from(gradient)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
