/** The result of a streamed fit. */
import { Fit } from "../solve/report.js";

/** A fit whose rows were streamed. Its diagnostics are those of the sample; model, stop and R² are of all rows. */
export class StreamedFit extends Fit {
  /** Mean squared residual over all rows, in the units of y². */
  readonly meanSquare: number;
  /** Rows of the sample; all of them when they fitted into memory. */
  readonly sampled: number;
  /** Readings of the table. */
  readonly passes: number;

  constructor(fit: Fit, more: { readonly meanSquare: number; readonly sampled: number; readonly passes: number }) {
    super(fit);
    this.meanSquare = more.meanSquare;
    this.sampled = more.sampled;
    this.passes = more.passes;
  }
}
