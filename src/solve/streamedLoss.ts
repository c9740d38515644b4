/** The profiled loss over rows that are streamed: two passes a point, memory for one window of rows. */
import type { RunControl } from "../base/control.js";
import type { KernelChoice } from "../base/types.js";
import { Workspace } from "../kernel/workspace.js";
import { norm, projectTangent } from "../math/grassmann.js";
import { derivativeCoefficients, featureShape, featureTable } from "../math/multiIndex.js";
import { fromColumns, type InputMap, toColumns } from "./inputMap.js";
import { type Penalty, solveLink } from "./linkSolve.js";
import type { FlowPoint } from "./objective.js";

/** Some rows of inputs and standardized responses, handed on by `visit`, one window after the other. */
export type Windows = (visit: (rows: number) => Promise<void>) => Promise<number>;

/** Inputs and responses of the window that is being looked at; overwritten by the next. */
export interface Window {
  readonly X: Float64Array;
  readonly y: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/**
 * J(W) and its gradient, as `ProfiledLoss.at`: one pass sums normal equations, the link is solved, a second pass sums
 * residuals and gradient. Z is computed in both, since nothing with n entries is kept.
 * Source: [MI §7.1]. Cost: 6ndr + n·p² flops and two readings.
 */
export class StreamedLoss {
  readonly #workspace: Workspace;
  readonly #window: Window;
  readonly #windows: Windows;
  readonly #inputs: InputMap;
  readonly #penalty: Penalty;

  private constructor(workspace: Workspace, window: Window, windows: Windows, inputs: InputMap, penalty: Penalty) {
    this.#workspace = workspace;
    this.#window = window;
    this.#windows = windows;
    this.#inputs = inputs;
    this.#penalty = penalty;
  }

  /** @throws {MemoryError} */
  static async open(
    window: Window,
    windows: Windows,
    inputs: InputMap,
    shape: { readonly rank: number; readonly degree: number },
    penalty: Penalty,
    kernel: KernelChoice,
    control: RunControl,
  ): Promise<StreamedLoss> {
    const { rank, degree } = shape;
    const problem = { samples: window.rows, columns: window.columns, rank, degree, ...featureShape(rank, degree) };
    const rows = { data: window.X, rows: window.rows, columns: window.columns };
    const workspace = await Workspace.create(rows, problem, featureTable(rank, degree), kernel, control);
    return new StreamedLoss(workspace, window, windows, inputs, penalty);
  }

  dispose(): void {
    this.#workspace.dispose();
  }

  /** The link solved at a basis, with the gradient. */
  async at(basis: Float64Array): Promise<FlowPoint> {
    const workspace = this.#workspace;
    const { rank: r, degree, featureCount: p, columns: d } = workspace.layout.shape;
    const weights = toColumns(this.#inputs, basis, r);
    const gram = new Float64Array(workspace.layout.packedCount);
    const moment = new Float64Array(p);
    const n = await this.#windows(async (rows) => {
      await this.#enter(rows);
      await workspace.projectTrial(weights);
      const own = workspace.normalEquations();
      add(gram, own.gram);
      add(moment, own.moment);
    });
    const m = workspace.tenant.enter();
    workspace.store(m, "gram", gram);
    workspace.store(m, "moment", moment);
    workspace.weightSum = n;
    const coefficients = solveLink(workspace, this.#penalty);
    const slopes = derivativeCoefficients(coefficients, r, degree);
    let sumSquares = 0;
    const gradientMoment = new Float64Array(r * r);
    const transposed = new Float64Array(d * r);
    await this.#windows(async (rows) => {
      await this.#enter(rows);
      const pause = workspace.everywhere("place", weights);
      if (pause) await pause;
      const sums = await workspace.residualsOfTrial(coefficients, slopes, true);
      sumSquares += sums.sumSquares;
      add(gradientMoment, sums.gradientSquares);
      add(transposed, sums.transposed as Float64Array);
    });
    const { dim } = this.#inputs;
    const meanSquare = sumSquares / n;
    const loss = meanSquare / 2 + this.#penalty.energy(coefficients);
    const euclidean = fromColumns(this.#inputs, transposed, r).map((v) => -v / n);
    const gradient = projectTangent(basis, euclidean, dim, r);
    return {
      basis,
      coefficients,
      loss,
      meanSquare,
      gradientMoment: gradientMoment.map((v) => v / n),
      euclidean,
      gradient,
      gradientNorm: norm(gradient),
    };
  }

  /** Loads the window, once for all that is done with it. The last one is rarely full: rows after its end weigh nothing. */
  async #enter(rows: number): Promise<void> {
    const { y } = this.#window;
    const isFull = rows === this.#window.rows;
    this.#workspace.setTarget(y, isFull ? undefined : Float64Array.from(y, (_, i) => (i < rows ? 1 : 0)));
    await this.#workspace.standardize(this.#inputs);
  }
}

function add(total: Float64Array, own: Float64Array): void {
  for (let k = 0; k < total.length; k++) total[k] += own[k];
}
