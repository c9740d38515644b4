/** Predicted shares of trapped starts when the link R_k + c·R_{k+1} is known: pictures of what decides, in few variables. */
import { sin } from "../base/elementary.js";

/** Share of wrong ends for k-fold symmetry and breaking c. Source: [MI §6] for k ≥ 3; k = 2 is derived below. */
export const trapShare = (order: number, mix: number): number =>
  order === 2 ? pairTrapShare(mix) : angleTrapShare(order, mix);

/**
 * Share of wrong valleys in the picture of the circle: from each of the k frames that R_k cannot tell apart, descend
 * −cos kφ − c²cos (k+1)φ; trapped are those that do not come to φ = 0.
 */
export function angleTrapShare(order: number, mix: number): number {
  const slope = (phi: number): number => order * sin(order * phi) + mix * mix * (order + 1) * sin((order + 1) * phi);
  let trapped = 0;
  for (let j = 1; j < order; j++) {
    let phi = (2 * Math.PI * j) / order;
    if (phi > Math.PI) phi -= 2 * Math.PI;
    // A hair beside it: exactly on the top of a hill nothing moves.
    phi += 1e-3;
    for (let step = 0; step < 20_000; step++) phi -= (0.1 / (order * order * (1 + mix * mix))) * slope(phi);
    if (Math.abs(phi) > 0.01) trapped++;
  }
  return trapped / order;
}

/**
 * The same for k = 2, where no frame is chosen as a whole: at the saddle the cosines m₁ and m₂ of the two directions grow at the same
 * rate, each with a sign of its own, and their ratio keeps the value that it had at the start, a Cauchy variable. Wrong is
 * m₁ → −1. The correlation is (m₁² + m₂²)/2 + c²(m₁³ + 3m₁m₂²)/4: where |m₂| is large already and m₁ still small, its second part
 * pulls m₁ over. So m₁ < 0 is trapped from a ratio |m₁/m₂| = ρ on, and the share is (1 − (2/π)·arctan ρ)/2.
 */
function pairTrapShare(mix: number): number {
  let [low, high] = [0, 8];
  for (let i = 0; i < 30; i++) {
    const ratio = (low + high) / 2;
    if (isTrapped(ratio, mix)) high = ratio;
    else low = ratio;
  }
  return 0.5 * (1 - (2 / Math.PI) * arctan(high));
}

function isTrapped(ratio: number, mix: number): boolean {
  let [m1, m2] = [-1e-4 * ratio, 1e-4];
  const [step, weight] = [0.01, (mix * mix * 3) / 4];
  while (Math.abs(m1) < 0.999) {
    const [push1, push2] = [m1 + weight * (m1 * m1 + m2 * m2), m2 + weight * 2 * m1 * m2];
    m1 += step * (1 - m1 * m1) * push1;
    m2 += step * (1 - m2 * m2) * push2;
    if (m1 > 0.5) return false;
  }
  return m1 < 0;
}

/** ∫₀ˣ 1/(1 + t²) dt by Simpson's rule: the engine's own has other last digits elsewhere. */
function arctan(x: number): number {
  const steps = 400;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const t = (x * i) / steps;
    sum += (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2) / (1 + t * t);
  }
  return (sum * x) / (3 * steps);
}
