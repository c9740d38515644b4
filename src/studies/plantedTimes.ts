/** Times of the flow with a known link along one direction, at finite dimensions. */
import { exp, log } from "../base/elementary.js";
import { fitLine } from "../base/statistics.js";

/**
 * Of the flow ṁ = s·m^{s−1}(1 − m²) along one direction, whose time from d^(−½) to ½ is (d^{s/2−1} − const)/(s(s − 2)): the steepness
 * that a line through log times has.
 */
export function knownPower(leading: number, dims: readonly number[]): number {
  const s = 2 * leading + 2;
  const steps = 2000;
  const times = dims.map((dim) => {
    // ∫ dm/(s m^{s−1}(1 − m²)) in log m, by the midpoint rule.
    const [from, to] = [-0.5 * log(dim), log(0.5)];
    const width = (to - from) / steps;
    let sum = 0;
    for (let i = 0; i < steps; i++) {
      const m = exp(from + (i + 0.5) * width);
      sum += (width * exp((2 - s) * (from + (i + 0.5) * width))) / (s * (1 - m * m));
    }
    return sum;
  });
  return fitLine(dims.map(log), times.map(log)).slope;
}
