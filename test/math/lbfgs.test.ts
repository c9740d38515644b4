/** L-BFGS: finds minima, respects its limits, survives refused points. */
import { describe, expect, it } from "vitest";
import { type Evaluated, type MinimizeOptions, minimize } from "../../src/math/lbfgs.js";

const options: MinimizeOptions = {
  maxIterations: 300,
  window: 5,
  gain: 1e-14,
  maxStep: 1,
  firstStep: 0.3,
  expired: () => false,
};

/** (1 − a)² + 100(b − a²)², the valley that gradient descent does not get through. */
const rosenbrock = async ([a, b]: Float64Array): Promise<Evaluated> => ({
  value: (1 - a) ** 2 + 100 * (b - a * a) ** 2,
  gradient: Float64Array.of(-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)),
});

describe("minimize", () => {
  it("goes through a curved valley", async () => {
    const end = await minimize(rosenbrock, Float64Array.of(-1.2, 1), options);
    expect(end?.value).toBeLessThan(1e-10);
    expect(end?.x[0]).toBeCloseTo(1, 4);
    expect(end?.evaluations).toBeLessThan(150);
  });

  it("solves an ill-conditioned quadratic in far fewer steps than its condition", async () => {
    const d = 40;
    const quadratic = async (x: Float64Array): Promise<Evaluated> => {
      const gradient = x.map((v, i) => (v - i) * 10 ** (i / 10));
      return { value: gradient.reduce((sum, g, i) => sum + 0.5 * g * (x[i] - i), 0), gradient };
    };
    const start = new Float64Array(d);
    const end = await minimize(quadratic, start, { ...options, maxStep: 100 });
    expect(end?.value).toBeLessThan(1e-10 * (await quadratic(start)).value);
    expect(end?.iterations).toBeLessThanOrEqual(300);
  });

  it("never moves a variable by more than the longest step, and never goes up", async () => {
    const seen: Float64Array[] = [];
    const values: number[] = [];
    const watched = async (x: Float64Array): Promise<Evaluated> => {
      seen.push(x);
      const at = await rosenbrock(x);
      values.push(at.value);
      return at;
    };
    const end = await minimize(watched, Float64Array.of(-1.2, 1), { ...options, maxStep: 0.05, firstStep: 0.01 });
    let best = 0;
    for (let k = 1; k < seen.length; k++) {
      const move = Math.max(Math.abs(seen[k][0] - seen[best][0]), Math.abs(seen[k][1] - seen[best][1]));
      expect(move).toBeLessThan(0.05 + 1e-12);
      if (values[k] < values[best]) best = k;
    }
    expect(end?.value).toBe(Math.min(...values));
  });

  it("shortens steps into refused regions", async () => {
    const halfLine = async (x: Float64Array): Promise<Evaluated | undefined> =>
      x[0] <= 0 ? undefined : { value: x[0] - Math.log(x[0]), gradient: Float64Array.of(1 - 1 / x[0]) };
    const end = await minimize(halfLine, Float64Array.of(0.02), { ...options, maxStep: 10, firstStep: 10 });
    expect(end?.x[0]).toBeCloseTo(1, 5);
    expect(await minimize(halfLine, Float64Array.of(-1), options)).toBeUndefined();
  });

  it("stops when told to and gives the best point so far", async () => {
    let calls = 0;
    const end = await minimize(
      (x) => {
        calls++;
        return rosenbrock(x);
      },
      Float64Array.of(-1.2, 1),
      { ...options, expired: () => calls >= 6 },
    );
    expect(calls).toBe(6);
    expect(end?.value).toBeLessThan((await rosenbrock(Float64Array.of(-1.2, 1))).value);
    expect(await minimize(rosenbrock, Float64Array.of(0, 0), { ...options, expired: () => true })).toBeUndefined();
    expect((await minimize(rosenbrock, Float64Array.of(-1.2, 1), { ...options, maxIterations: 3 }))?.iterations).toBe(
      3,
    );
  });

  it("ends where the gradient vanishes, and where little is gained", async () => {
    const flat = async (): Promise<Evaluated> => ({ value: 3, gradient: new Float64Array(2) });
    expect(await minimize(flat, Float64Array.of(1, 2), options)).toMatchObject({
      iterations: 0,
      evaluations: 1,
      value: 3,
    });
    const coarse = await minimize(rosenbrock, Float64Array.of(-1.2, 1), { ...options, gain: 1 });
    expect(coarse?.iterations).toBeLessThan(20);
  });

  it("uses the curvature of an earlier run", async () => {
    const first = await minimize(rosenbrock, Float64Array.of(-1.2, 1), { ...options, maxIterations: 25 });
    if (first === undefined) throw new Error("no end");
    const cold = await minimize(rosenbrock, first.x, options);
    const warm = await minimize(rosenbrock, first.x, { ...options, curvature: first.curvature });
    expect(warm?.value).toBeLessThan(1e-10);
    expect(warm?.evaluations).toBeLessThanOrEqual(cold?.evaluations ?? 0);
  });
});
