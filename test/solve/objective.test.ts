/** The objective over one workspace: golden values, lines without reading X, and the same over streamed windows. */
import { inverse, Matrix, SingularValueDecomposition } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { retractPolar } from "../../src/math/grassmann.js";
import { degreePenalty, Penalty } from "../../src/solve/linkSolve.js";
import { ProfiledLoss, slopeAlong } from "../../src/solve/objective.js";
import { StreamedLoss } from "../../src/solve/streamedLoss.js";
import { finiteSample } from "../support/finiteSample.js";
import { apart, matrix, normals, opened } from "../support/workspaces.js";

const [small] = [...finiteSample.cases].sort((a, b) => a.n * a.d - b.n * b.d);
/** The case on raw inputs; responses standardized, so values of J are those of the file over the variance of y. */
async function open(weights?: number[]) {
  const { X, y, r, s } = small;
  const given = { rank: r, degree: s, whiten: "none", ...(weights ? { weights } : {}) } as const;
  const { problem } = await opened(X, y, given);
  const penalty = new Penalty(degreePenalty(r, s), 1e-2, 1);
  return { ...problem, penalty, objective: new ProfiledLoss(problem.workspace, problem.inputs, penalty) };
}
const W = Float64Array.from(small.W.flat());
const { d, r, n } = small;

/** A tangent at W. */
function tangent(): Float64Array {
  const raw = matrix(
    Float64Array.from({ length: d * r }, (_, i) => Math.sin(i + 2)),
    d,
    r,
  );
  const w = matrix(W, d, r);
  return Float64Array.from(raw.sub(w.mmul(w.transpose().mmul(raw))).to1DArray());
}

describe("ProfiledLoss", () => {
  it("gives the golden values", async () => {
    const { workspace, inputs } = await open();
    workspace.setTarget(Float64Array.from(small.y));
    // Penalties of every feature, by degree: features are ordered by degree.
    const count = (degree: number) => {
      let c = 1;
      for (let i = 1; i <= r; i++) c = (c * (degree + i)) / i;
      return c;
    };
    const weights = small.degree_weights.flatMap((v, k) =>
      new Array<number>(Math.round(count(k) - (k > 0 ? count(k - 1) : 0))).fill(v),
    );
    const penalty = new Penalty(Float64Array.from(weights), small.mu, 1);
    const point = await new ProfiledLoss(workspace, inputs, penalty).at(W);
    expect(point.basis).toBe(W);
    expect(point.loss / small.loss).toBeCloseTo(1, 10);
    expect(point.meanSquare / small.mean_square_residual).toBeCloseTo(1, 10);
    expect(apart(point.coefficients, small.coefficients)).toBeLessThan(1e-9);
    expect(apart(point.euclidean, small.euclidean_gradient.flat())).toBeLessThan(1e-10);
    expect(apart(point.gradient, small.grassmann_gradient.flat())).toBeLessThan(1e-10);
    expect(point.gradientNorm).toBeCloseTo(Math.hypot(...small.grassmann_gradient.flat()), 10);
  });

  it("a line is the polar retraction, whose points are those of a fresh start", async () => {
    const { objective } = await open();
    const from = await objective.at(W);
    const direction = tangent();
    const most = await objective.along(from, direction);
    const s = matrix(direction, d, r);
    const largest = Math.max(...new SingularValueDecomposition(s).diagonal);
    expect(most).toBeCloseTo(1.5 / largest, 12);
    for (const t of [0.3 * most, most, 0.01]) {
      const link = await objective.trial(t);
      const fresh = await (await open()).objective.at(retractPolar(W, direction, t, d, r));
      expect(apart(link.basis, fresh.basis)).toBeLessThan(1e-12);
      expect(link.loss / fresh.loss).toBeCloseTo(1, 11);
      expect(link.meanSquare / fresh.meanSquare).toBeCloseTo(1, 11);
      expect(apart(link.gradientMoment, fresh.gradientMoment)).toBeLessThan(1e-9);
    }
    const link = await objective.trial(0.2 * most);
    const next = await objective.accept(link);
    const fresh = await (await open()).objective.at(link.basis);
    expect(next).toMatchObject({ basis: link.basis, loss: link.loss, coefficients: link.coefficients });
    expect(apart(next.gradient, fresh.gradient)).toBeLessThan(1e-10);
    expect(next.gradientNorm).toBeCloseTo(fresh.gradientNorm, 10);
    await expect(objective.trial(0.1)).rejects.toThrow(/call along\(\) first/);
  });

  it("the slope of a line is that of its losses", async () => {
    const { objective } = await open();
    const from = await objective.at(W);
    const direction = tangent();
    await objective.along(from, direction);
    const h = 1e-4;
    const difference = ((await objective.trial(h)).loss - (await objective.trial(-h)).loss) / (2 * h);
    expect(slopeAlong(from, direction) / difference).toBeCloseTo(1, 5);
  });

  it("nothing bounds a direction that goes nowhere", async () => {
    const { objective } = await open();
    const from = await objective.at(W);
    expect(await objective.along(from, new Float64Array(d * r))).toBe(Number.POSITIVE_INFINITY);
    expect((await objective.trial(1)).loss).toBeCloseTo(from.loss, 12);
  });

  it("projects the inputs anew every twentieth step", async () => {
    const { objective, workspace } = await open();
    let projected = 0;
    const project = workspace.projectTrial.bind(workspace);
    workspace.projectTrial = async (a: Float64Array) => {
      projected++;
      await project(a);
    };
    let point = await objective.at(W);
    const direction = tangent().map((v) => 1e-3 * v);
    for (let k = 1; k <= 40; k++) {
      await objective.along(point, direction);
      point = await objective.accept(await objective.trial(1));
      expect(projected, `step ${k}`).toBe(1 + Math.floor(k / 20));
    }
  });

  it("Gauss–Newton's product is the second difference of the linearised residual", async () => {
    const { objective, workspace, penalty, response } = await open();
    const point = await objective.at(W);
    const direction = tangent();
    const product = await objective.gaussNewtonProduct(point, direction);
    const z = matrix(await workspace.projections(), n, r);
    // (1/n)·JacᵀJac with Jac = P⊥·diag(∇f)·X, P⊥ the projector off the features with the ridge of the solve.
    const g = matrix(await workspace.linkGradients(), n, r);
    const X = new Matrix(small.X);
    const u = X.mmul(matrix(direction, d, r));
    const motion = Matrix.columnVector(
      Array.from({ length: n }, (_, i) =>
        Array.from({ length: r }, (__, k) => u.get(i, k) * g.get(i, k)).reduce((a, b) => a + b, 0),
      ),
    );
    const phi = new Matrix(Array.from({ length: n }, (_, i) => featureRow(z.getRow(i))));
    const gram = phi
      .transpose()
      .mmul(phi)
      .mul(1 / n)
      .add(Matrix.diag(Array.from(penalty.diagonal)));
    const off = motion.clone().sub(
      phi
        .mmul(inverse(gram))
        .mmul(phi.transpose())
        .mmul(motion)
        .mul(1 / n),
    );
    const dense = X.transpose()
      .mmul(new Matrix(Array.from({ length: n }, (_, i) => g.getRow(i).map((v) => v * off.get(i, 0)))))
      .mul(1 / n);
    const w = matrix(W, d, r);
    const wanted = dense.sub(w.mmul(w.transpose().mmul(dense)));
    expect(response.standardized).toHaveLength(n);
    expect(apart(product, wanted.to1DArray())).toBeLessThan(1e-9);
  });
});

/** Normalised Hermite products of total degree ≤ s, in the order of the package. */
function featureRow(z: number[]): number[] {
  const one = (x: number) => {
    const h = [1, x];
    for (let k = 2; k <= small.s; k++) h.push((x * h[k - 1] - Math.sqrt(k - 1) * h[k - 2]) / Math.sqrt(k));
    return h;
  };
  const values = z.map(one);
  const out: { total: number; index: number[]; value: number }[] = [];
  const grow = (index: number[], left: number): void => {
    if (index.length === z.length) {
      const total = index.reduce((a, b) => a + b, 0);
      out.push({ total, index, value: index.reduce((p, e, k) => p * values[k][e], 1) });
      return;
    }
    for (let e = 0; e <= left; e++) grow([...index, e], left - e);
  };
  grow([], small.s);
  // The span is all that P⊥ depends on, with a ridge by degree only: any order within a degree will do.
  return out.sort((a, b) => a.total - b.total).map(({ value }) => value);
}

describe("StreamedLoss", () => {
  it("sums windows to what all rows give at once, weights of none beyond the last row", async () => {
    const rows = normals(23, 3, 8);
    const y = Float64Array.from(rows, ([a, b], i) => a + 0.4 * a * b + 0.1 * Math.sin(i));
    const { problem } = await opened(rows, y, { rank: 2, degree: 2, whiten: "full" });
    const w = Float64Array.of(1, 0, 0, 0.6, 0, 0.8);
    const penalty = () => new Penalty(degreePenalty(2, 2), 1e-3, 1);
    const wanted = await new ProfiledLoss(problem.workspace, problem.inputs, penalty()).at(w);
    const standardized = problem.response.standardized;
    for (const size of [23, 8, 7]) {
      const window = { X: new Float64Array(size * 3), y: new Float64Array(size), rows: size, columns: 3 };
      const windows = async (visit: (rows: number) => Promise<void>): Promise<number> => {
        for (let from = 0; from < 23; from += size) {
          const count = Math.min(size, 23 - from);
          for (let i = 0; i < count; i++) {
            window.X.set(rows[from + i], i * 3);
            window.y[i] = standardized[from + i];
          }
          await visit(count);
        }
        return 23;
      };
      const shape = { rank: 2, degree: 2 };
      const control = new RunControl();
      const loss = await StreamedLoss.open(window, windows, problem.inputs, shape, penalty(), "reference", control);
      const got = await loss.at(w);
      expect(got.basis).toBe(w);
      for (const key of ["coefficients", "gradientMoment", "euclidean", "gradient"] as const)
        expect(apart(got[key], wanted[key]), `${key}, windows of ${size}`).toBeLessThan(1e-12);
      for (const key of ["loss", "meanSquare", "gradientNorm"] as const)
        expect(got[key] / wanted[key], `${key}, windows of ${size}`).toBeCloseTo(1, 11);
      loss.dispose();
    }
  });
});
