/** How exactly n rows determine the directions when the link is learnt too: the law of large samples. */
import { gaussHermite, type Link } from "../theory/index.js";
import { inverse } from "./linear.js";

/**
 * n·E dist² / (d − r) for Gaussian inputs: σ²·tr H⁻¹ with H = E[g gᵀ], g the gradient of the link.
 *
 * For Gaussian inputs x⊥ is independent of z, so each of the d − r rows of the tangent is a least-squares problem of its own with the
 * normal matrix H.
 */
export function varianceFactor(link: Link, noiseStd: number): number {
  const { rank: r } = link;
  const { nodes, weights } = gaussHermite(r === 1 ? 120 : r === 2 ? 48 : 20);
  const count = nodes.length ** r;
  const h = new Float64Array(r * r);
  const z = new Array<number>(r);
  for (let i = 0; i < count; i++) {
    let weight = 1;
    for (let k = 0, rest = i; k < r; k++) {
      const at = rest % nodes.length;
      z[k] = nodes[at];
      weight *= weights[at];
      rest = (rest - at) / nodes.length;
    }
    const g = link.gradient(z);
    for (let a = 0; a < r; a++) for (let b = 0; b < r; b++) h[a * r + b] += weight * g[a] * g[b];
  }
  return noiseStd * noiseStd * traceOfInverse(h, r);
}

/** tr H⁻¹ of a symmetric positive definite r×r matrix. */
export function traceOfInverse(h: ArrayLike<number>, r: number): number {
  const w = inverse(h, r);
  let trace = 0;
  for (let a = 0; a < r; a++) trace += w[a * r + a];
  return trace;
}
