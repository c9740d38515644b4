/** Made-up flows of one cosine m, for tests of what drives flows. */
import type { FlowSystem } from "../../src/theory/flowSystem.js";

/** ṁ = law(m), and time beside it; cosine i is m to the power i + 1. `slope` is the derivative of the law. */
export function scalarFlow(
  law: (m: number) => number,
  slope: (m: number) => number,
  more: Partial<FlowSystem> = {},
): FlowSystem {
  const values = new Float64Array(1);
  return {
    ...{ size: 2, dimension: 1, values, rate: 1 },
    watch: () => {},
    cosine: (i) => values[0] ** (i + 1),
    start: (m, y) => y.set([m[0], 0]),
    derivative: (y, out) => out.set([law(y[0]), 1]),
    stiffDerivative: (y, out) => out.set([law(y[0]), 1]),
    stiffJacobian: (y, out) => out.set([slope(y[0]), 0, 0, 0]),
    scale: (_, out) => void out.fill(1),
    observe: (y) => values.set([y[0]]),
    loss: () => 1 - values[0],
    overlap: (y, out) => out.set([y[0]]),
    absorb: (y) => {
      y[1] = 0;
      values[0] = y[0];
    },
    judge: () => undefined,
    ...more,
  };
}
