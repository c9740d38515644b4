/** The systems of the flows against the closed formulas of averaging: velocities, losses, scales and verdicts. */
import { Matrix, SingularValueDecomposition } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { featureCount, multiIndexTable } from "../../src/math/multiIndex.js";
import { Link } from "../../src/model/link.js";
import { plantedLoss, populationLoss } from "../../src/theory/averaging.js";
import type { FlowSystem } from "../../src/theory/flowSystem.js";
import { PlantedSystem } from "../../src/theory/plantedSystem.js";
import { PrincipalField } from "../../src/theory/principalField.js";
import { gaussianOverlap } from "../../src/theory/starts.js";
import { TwoTimescaleSystem } from "../../src/theory/twoTimescaleSystem.js";
import { apart, matrix } from "../support/workspaces.js";

const randomLink = (p: number, degree: number, seed: number) => {
  const rng = createRng(seed, "fields");
  const coefficients = Float64Array.from({ length: featureCount(p, degree) }, () => rng.normal());
  return { coefficients, rank: p, degree, intrinsicDimension: p };
};
type Given = ReturnType<typeof randomLink>;
const linkOf = ({ coefficients, rank, degree }: Given) => Link.fromCoefficients(coefficients, { rank, degree });
/** Σ|β|c_β², the trace of E∇f∇fᵀ. */
const momentOf = ({ coefficients, rank, degree }: Given) =>
  multiIndexTable(rank, degree).totals.reduce((sum, k, j) => sum + k * coefficients[j] ** 2, 0);
const sizeOf = (m: ArrayLike<number>) => Math.hypot(...Array.from(m));
const singularValues = (m: Matrix) => new SingularValueDecomposition(m, { autoTranspose: true }).diagonal;
/** dM/dt along the flow of a system at y, by central differences. */
function motion(system: FlowSystem, y: Float64Array, r: number, p: number): Float64Array {
  const velocity = new Float64Array(system.size);
  system.stiffDerivative(y, velocity);
  const at = (h: number) => {
    const out = new Float64Array(r * p);
    system.overlap(
      y.map((v, i) => v + h * velocity[i]),
      out,
    );
    return out;
  };
  const h = 1e-5;
  const [up, down] = [at(h), at(-h)];
  return up.map((v, i) => (v - down[i]) / (2 * h));
}

const SHAPES: readonly [r: number, p: number, degree: number][] = [
  [1, 1, 4],
  [1, 2, 3],
  [2, 1, 3],
  [2, 2, 4],
  [2, 3, 3],
  [3, 2, 3],
  [3, 3, 3],
  [4, 3, 2],
];

describe.each(SHAPES)("the two-timescale flow of r = %i, r⋆ = %i, degree %i", (r, p, degree) => {
  const given = randomLink(p, degree, 7);
  const link = linkOf(given);
  /** A state away from the start: X and Θ are not 0. */
  const opened = (isTurning = true) => {
    const system = new TwoTimescaleSystem(given, r, 1e-9, isTurning);
    const y = new Float64Array(system.size);
    system.start(gaussianOverlap(r, p, 6, 3, 1), y);
    for (let i = 0; i < system.dimension; i++) y[i] = 0.15 * Math.sin(2 + 3 * i);
    return { system, y };
  };
  const overlapAt = (system: FlowSystem, y: Float64Array) => {
    const m = new Float64Array(r * p);
    system.overlap(y, m);
    return m;
  };

  it("moves overlaps by MB(I − MᵀM)", () => {
    const { system, y } = opened();
    for (const state of [y, new Float64Array(system.size)]) {
      const m = matrix(overlapAt(system, state), r, p);
      const { smoothedGradient, velocity } = populationLoss(link, m);
      const rest = Matrix.eye(p).sub(m.transpose().mmul(m));
      const wanted = m.mmul(smoothedGradient).mmul(rest);
      expect(apart(velocity.to1DArray(), wanted.to1DArray())).toBeLessThan(1e-11);
      const moved = motion(system, state, r, p);
      expect(apart(moved, wanted.to1DArray()) / (1 + sizeOf(wanted.to1DArray()))).toBeLessThan(1e-8);
    }
  });

  it("runs its time in units of tr B", () => {
    const { system, y } = opened();
    const [fast, slow] = [new Float64Array(system.size), new Float64Array(system.size)];
    system.derivative(y, fast);
    const { rate } = system;
    system.stiffDerivative(y, slow);
    const { smoothedGradient } = populationLoss(link, matrix(overlapAt(system, y), r, p));
    expect(rate / smoothedGradient.trace()).toBeCloseTo(1, 11);
    expect(system.rate).toBe(rate);
    expect(
      apart(
        fast,
        slow.map((v) => v / rate),
      ),
    ).toBeLessThan(1e-13);
    expect(slow[system.dimension]).toBe(1);
    expect(fast[system.dimension]).toBeCloseTo(1 / rate, 15);
  });

  it("shows singular values and loss of the state observed", () => {
    const { system, y } = opened();
    const m = matrix(overlapAt(system, y), r, p);
    system.observe(y);
    expect(apart(system.values, singularValues(m))).toBeLessThan(1e-12);
    expect(system.loss() / populationLoss(link, m).loss).toBeCloseTo(1, 11);
    expect(system.loss() / populationLoss(link, m).loss).toBeCloseTo(1, 11);
    const origin = new Float64Array(system.size);
    system.observe(origin);
    const first = matrix(overlapAt(system, origin), r, p);
    expect(system.loss() / populationLoss(link, first).loss).toBeCloseTo(1, 11);
  });

  it("without turning knows overlaps up to a rotation from the left", () => {
    const { system, y } = opened(false);
    const full = opened();
    expect(system.dimension).toBe(Math.min(r, p) * p);
    expect(full.system.dimension - system.dimension).toBe((Math.min(r, p) * (Math.min(r, p) - 1)) / 2);
    const state = new Float64Array(full.system.size);
    state.set(y.subarray(0, system.dimension));
    const gram = (m: Float64Array) =>
      matrix(m, r, p)
        .transpose()
        .mmul(matrix(m, r, p))
        .to1DArray();
    expect(apart(gram(overlapAt(system, y)), gram(overlapAt(full.system, state)))).toBeLessThan(1e-13);
    const [own, other] = [new Float64Array(system.size), new Float64Array(full.system.size)];
    system.stiffDerivative(y, own);
    full.system.stiffDerivative(state, other);
    const inner = system.dimension;
    expect(apart(own.subarray(0, inner), other.subarray(0, inner))).toBeLessThan(1e-13);
  });

  it("allows X what changes M by its own size, and Θ one", () => {
    const system = new TwoTimescaleSystem(given, r, 1e-9);
    const y = new Float64Array(system.size);
    const m0 = gaussianOverlap(r, p, 6, 3, 1);
    system.start(m0, y);
    y[system.dimension] = 5;
    const scale = new Float64Array(system.size);
    system.scale(y, scale);
    const k = Math.min(r, p);
    const cosines = singularValues(matrix(m0, r, p));
    for (let i = 0; i < p; i++) {
      const sine = i < k ? Math.sqrt(1 - cosines[i] ** 2) : 1;
      for (let l = 0; l < k; l++) {
        // An entry (l, i) of M changes by the sine of direction i.
        const allowed = Math.sqrt(cosines[l] * (i < k ? cosines[i] : cosines[l]));
        const wanted = Math.min(1 / cosines[l], allowed / sine);
        expect(scale[i * k + l] / wanted, `${i}, ${l}`).toBeCloseTo(1, 10);
      }
    }
    for (let i = p * k; i < system.dimension; i++) expect(scale[i]).toBe(1);
    expect(scale[system.dimension]).toBe(5);
  });

  it("knows the cosines of directions to watch for", () => {
    const { system } = opened();
    const direction = new Float64Array(p);
    direction[p - 1] = 1;
    const m0 = gaussianOverlap(r, p, 6, 3, 1);
    const y = new Float64Array(system.size);
    system.watch([{ leap: 0, exponent: 1, count: 1, directions: direction }]);
    system.start(m0, y);
    system.observe(y);
    expect(system.cosine(0)).toBeCloseTo(sizeOf(matrix(m0, r, p).getColumn(p - 1)), 12);
    for (let i = 0; i < system.dimension; i++) y[i] = 0.1 * Math.cos(i);
    const m = matrix(overlapAt(system, y), r, p);
    system.observe(y);
    expect(system.cosine(0)).toBeCloseTo(sizeOf(m.getColumn(p - 1)), 12);
    system.absorb(y);
    expect(system.cosine(0)).toBeCloseTo(sizeOf(m.getColumn(p - 1)), 12);
  });
});

describe("verdicts of the two-timescale flow", () => {
  const judge = (terms: [number, number][], rank: number, m: number[], p: number, needed = p, degree = 4) => {
    const coefficients = new Float64Array(featureCount(p, degree));
    for (const [at, c] of terms) coefficients[at] = c;
    const system = new TwoTimescaleSystem({ coefficients, rank: p, degree, intrinsicDimension: needed }, rank, 1e-9);
    const y = new Float64Array(system.size);
    system.start(Float64Array.from(m), y);
    system.observe(y);
    return system.judge();
  };
  /** Places of h₂(z₁) and h₂(z₂) among two variables: 1; z₁, z₂; z₁², z₁z₂, z₂². */
  const [first, second] = [3, 5];

  it("a link that depends on nothing is learnt", () => {
    expect(judge([[0, 2]], 1, [0.1], 1, 0)).toBe("converged");
  });

  it("converged at the target, on the way not", () => {
    expect(judge([[2, 1]], 1, [1], 1)).toBe("converged");
    expect(judge([[2, 1]], 1, [1 - 1e-14], 1)).toBe("converged");
    expect(judge([[2, 1]], 1, [1 - 1e-9], 1)).toBeUndefined();
    expect(judge([[2, 1]], 1, [0.5], 1)).toBeUndefined();
    expect(judge([[2, 1]], 1, [1e-4], 1)).toBeUndefined();
    const turned = [0.6, 0.8, -0.8, 0.6];
    expect(
      judge(
        [
          [first, 1],
          [second, 0.5],
        ],
        2,
        turned,
        2,
      ),
    ).toBe("converged");
  });

  it("stationary where a direction has no overlap at all", () => {
    expect(judge([[2, 1]], 1, [0], 1)).toBe("stationary");
    expect(
      judge(
        [
          [first, 1],
          [second, 0.5],
        ],
        2,
        [1, 0, 0, 0],
        2,
      ),
    ).toBe("stationary");
    expect(
      judge(
        [
          [first, 1],
          [second, 0.5],
        ],
        2,
        [0.9, 0, 0, 0],
        2,
      ),
    ).toBeUndefined();
    expect(
      judge(
        [
          [first, 1],
          [second, 0.5],
        ],
        2,
        [1, 0, 0, 1e-9],
        2,
      ),
    ).toBeUndefined();
  });

  it("with too few directions converged at the best of them, not at another", () => {
    expect(
      judge(
        [
          [first, 1],
          [second, 0.5],
        ],
        1,
        [1, 0],
        2,
      ),
    ).toBe("converged");
    expect(
      judge(
        [
          [first, 1],
          [second, 0.5],
        ],
        1,
        [0, 1],
        2,
      ),
    ).toBeUndefined();
    expect(
      judge(
        [
          [first, 1],
          [second, 0.5],
        ],
        1,
        [0.8, 0.6],
        2,
      ),
    ).toBeUndefined();
  });
});

describe.each([
  [1, 4],
  [2, 3],
  [2, 6],
  [3, 3],
] as const)("the planted flow of r⋆ = %i, degree %i", (p, degree) => {
  const given = randomLink(p, degree, 11);
  const link = linkOf(given);
  const y = new Float64Array(p * p + 1);
  y.set(gaussianOverlap(p, p, 8, 5, 2));
  y[p * p] = 3;
  const m = matrix(y.subarray(0, p * p), p, p);

  it("moves by K − sym(MKᵀ)M, in units of ‖M‖/‖K‖ + 1/ω", () => {
    const system = new PlantedSystem(given, 1e-9);
    const { velocity, gradient } = plantedLoss(link, m);
    const [fast, slow] = [new Float64Array(system.size), new Float64Array(system.size)];
    system.stiffDerivative(y, slow);
    const k = Matrix.mul(gradient, -1);
    const mixed = m.mmul(k.transpose());
    const wanted = k.clone().sub(Matrix.add(mixed, mixed.transpose()).mul(0.5).mmul(m));
    expect(apart(velocity.to1DArray(), wanted.to1DArray())).toBeLessThan(1e-11);
    expect(apart(slow, [...wanted.to1DArray(), 1])).toBeLessThan(1e-11);
    system.derivative(y, fast);
    const step = sizeOf(m.to1DArray()) / sizeOf(k.to1DArray()) + 1 / momentOf(given);
    expect(system.rate * step).toBeCloseTo(1, 11);
    expect(apart(fast, [...wanted.mul(step).to1DArray(), step])).toBeLessThan(1e-11);
    const scale = new Float64Array(system.size);
    system.scale(y, scale);
    const pull = sizeOf(k.to1DArray()) / momentOf(given);
    for (let i = 0; i < p; i++) {
      for (let j = 0; j < p; j++) {
        const own = Math.sqrt(sizeOf(m.getRow(i)) * sizeOf(m.getColumn(j)));
        expect(scale[i * p + j]).toBeCloseTo(own + pull, 11);
      }
    }
    expect(scale[p * p]).toBe(3);
  });

  it("shows singular values, loss and cosines of the state observed; absorbing it only resets the time", () => {
    const system = new PlantedSystem(given, 1e-9);
    const direction = new Float64Array(p);
    direction[0] = 1;
    system.watch([{ leap: 0, exponent: 1, count: 1, directions: direction }]);
    system.observe(y);
    expect(apart(system.values, singularValues(m))).toBeLessThan(1e-12);
    expect(system.loss() / plantedLoss(link, m).loss).toBeCloseTo(1, 11);
    expect(system.cosine(0)).toBeCloseTo(sizeOf(m.getColumn(0)), 13);
    const state = y.slice();
    system.absorb(state);
    expect(Array.from(state)).toEqual([...m.to1DArray(), 0]);
    const out = new Float64Array(p * p);
    system.overlap(state, out);
    expect(Array.from(out)).toEqual(m.to1DArray());
    system.start(Float64Array.from(m.to1DArray()), state);
    expect(Array.from(state)).toEqual([...m.to1DArray(), 0]);
    // A little outside the ball counts as on it.
    const beyond = new Float64Array(p * p + 1);
    for (let i = 0; i < p; i++) beyond[i * p + i] = 1 + 1e-9;
    system.observe(beyond);
    expect(Array.from(system.values)).toEqual(new Array(p).fill(1));
    expect(Math.abs(system.loss())).toBeLessThan(1e-12);
  });
});

describe("verdicts of the planted flow", () => {
  const judge = (coefficients: number[], m: number, needed = 1) => {
    const link = { coefficients: Float64Array.from(coefficients), rank: 1, degree: coefficients.length - 1 };
    const system = new PlantedSystem({ ...link, intrinsicDimension: needed }, 1e-9);
    const y = Float64Array.of(m, 0);
    system.observe(y);
    return system.judge(y);
  };

  it("converged at the target, and where there is nothing to learn", () => {
    expect(judge([0, 0, 1, 0.5], 1)).toBe("converged");
    expect(judge([2, 0, 0], 0.3)).toBe("converged");
    expect(judge([0, 0, 1], 0.3, 0)).toBe("converged");
    expect(judge([0, 0, 1, 0.5], 1 - 1e-3)).toBeUndefined();
    // The square does not tell the sign.
    expect(judge([0, 0, 1], -1)).toBe("converged");
  });

  it("stationary where nothing moves at all", () => {
    expect(judge([0, 0, 1], 0)).toBe("stationary");
    expect(judge([0, 1, 1], 0)).toBeUndefined();
  });

  it("trapped on the wrong side of h₂ + h₃/2, not of h₃, where it leaves", () => {
    // Ṁ = (1 − m²)K with K = 2m + 3m²/4 < 0 at m = −1: stable. For h₃ alone K = 3m² > 0 there.
    const near = -1 + 1e-12;
    expect(judge([0, 0, 1, 0.5], near)).toBe("trapped");
    expect(judge([0, 0, 0, 1], near)).toBeUndefined();
    expect(judge([0, 0, 1, 0.5], -0.9)).toBeUndefined();
  });

  it("a small overlap leaves a saddle of high degree however slowly, or never from the wrong side", () => {
    expect(judge([0, 0, 0, 1], 1e-20)).toBeUndefined();
    expect(judge([0, 0, 0, 1], -1e-20)).toBe("trapped");
    expect(judge([0, 0, 0, 0, 1], -1e-20)).toBeUndefined();
  });

  it("of two variables: one learnt, the other on its way out of 0 or not", () => {
    // h₃(z₁) + h₃(z₂) among two variables up to degree three: places 6 and 9.
    const coefficients = new Float64Array(10);
    coefficients[6] = 1;
    coefficients[9] = 0.8;
    const system = new PlantedSystem({ coefficients, rank: 2, degree: 3, intrinsicDimension: 2 }, 1e-9);
    const verdict = (...m: number[]) => {
      const y = Float64Array.of(...m, 0);
      system.observe(y);
      return system.judge(y);
    };
    expect(verdict(1, 0, 0, 1)).toBe("converged");
    expect(verdict(1, 0, 0, 1e-20)).toBeUndefined();
    expect(verdict(1, 0, 0, -1e-20)).toBe("trapped");
    expect(verdict(1, 0, 0, 0.5)).toBeUndefined();
  });
});

describe.each(SHAPES)("principal quantities of r = %i, r⋆ = %i, degree %i", (r, p, degree) => {
  const given = randomLink(p, degree, 13);
  const link = linkOf(given);
  const m = gaussianOverlap(r, p, 7, 9, 4);

  it("are those of the averaging operator", () => {
    const field = new PrincipalField(given.coefficients, p, degree, r);
    field.smooth(m);
    const wanted = populationLoss(link, matrix(m, r, p));
    expect(field.loss() / wanted.loss).toBeCloseTo(1, 11);
    expect(apart(field.b, wanted.smoothedGradient.to1DArray())).toBeLessThan(1e-11);
    expect(field.gradientMoment / momentOf(given)).toBeCloseTo(1, 13);
    const cosines = singularValues(matrix(m, r, p));
    for (let j = 0; j < p; j++) expect(field.sinesSquared[j]).toBeCloseTo(1 - (cosines[j] ?? 0) ** 2, 12);
    // The same for another link after loading it.
    const other = randomLink(p, degree, 14);
    field.load(other.coefficients);
    expect(field.loss() / populationLoss(linkOf(other), matrix(m, r, p)).loss).toBeCloseTo(1, 11);
    expect(field.gradientMoment / momentOf(other)).toBeCloseTo(1, 13);
  });

  it("planted ones too, for square overlaps", () => {
    if (r !== p) return;
    const field = new PrincipalField(given.coefficients, p, degree, r);
    field.decompose(m);
    const loss = field.planted();
    const wanted = plantedLoss(link, matrix(m, r, p));
    expect(loss / wanted.loss).toBeCloseTo(1, 11);
    expect(apart(field.k, Matrix.mul(wanted.gradient, -1).to1DArray())).toBeLessThan(1e-11);
  });

  it("losses near the target keep their relative accuracy", () => {
    const e = 1e-9;
    const near = new Float64Array(p * p);
    for (let i = 0; i < p; i++) near[i * p + i] = 1 - e;
    const field = new PrincipalField(given.coefficients, p, degree, p);
    field.decompose(near);
    // ½Σc²(1 − (1 − e)^{2|β|}) = e·Σ|β|c² to first order, planted half of it on both sides.
    expect(field.loss() / (e * momentOf(given))).toBeCloseTo(1, 6);
    expect(field.planted() / (e * momentOf(given))).toBeCloseTo(1, 6);
  });
});
