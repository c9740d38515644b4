/** The radial operations in plain TypeScript: same steps and summation orders as assembly/radial.ts. */
import { powerOfTwo } from "../base/elementary.js";
import type { MemoryViews } from "./featureReference.js";
import { BLOCK_ROWS, type KernelOps, RADIAL_KINDS } from "./ops.js";

const B = BLOCK_ROWS;
const ROOT_FIVE = 2.23606797749979;
const FIVE_THIRDS = 1.6666666666666667;

export type RadialOps = Pick<KernelOps, "radial" | "radialGradient">;

/** Adding and subtracting it rounds to whole numbers. */
const ROUND = 6755399441055744;

/**
 * eˣ for x ≤ 0 to about 2 ulp, exactly 1 at 0 and 0 below −708. The bumps need no last bit, but one vector of the other
 * kernel computes them, so this is shorter than `exp` and has no branch: x = k·ln 2 + r, and eʳ is the polynomial that is
 * nearest in the sense of Chebyshev, in Estrin's order.
 */
function decay(x: number): number {
  if (x < -708) return 0;
  const k = x * Math.LOG2E + ROUND - ROUND;
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10;
  const r2 = r * r;
  const r4 = r2 * r2;
  const low = 1 + r + (0.5 + 0.1666666666664829 * r) * r2;
  const middle =
    0.04166666666665136 + 0.008333333353729397 * r + (0.0013888888905881542 + 0.00019841208732536384 * r) * r2;
  const high = 2.4801536388690766e-5 + 2.762511557828763e-6 * r + 2.761380686153829e-7 * r2;
  return (low + middle * r4 + high * (r4 * r4)) * powerOfTwo(k);
}

/** κ at the squared distance q: e^{−q/2}, or Matérn 5/2. Same bits as the block operation. */
export function radialValue(kind: number, q: number): number {
  if (kind === RADIAL_KINDS.gauss) return decay(q * -0.5);
  const d = ROOT_FIVE * Math.sqrt(q);
  return (1 + d + FIVE_THIRDS * q) * decay(-d);
}

/** 2κ′ at q: ∇_z κ(|z − u|²) = 2κ′·(z − u). */
export function radialSlope(kind: number, q: number): number {
  if (kind === RADIAL_KINDS.gauss) return -decay(q * -0.5);
  const d = ROOT_FIVE * Math.sqrt(q);
  return -(FIVE_THIRDS * (1 + d) * decay(-d));
}

/** Binds the reference operations to a memory; views are fetched again at every call. */
export function createRadialOps(memory: MemoryViews): RadialOps {
  return {
    radial(z, r, u, m, kind, scale, phi, psi) {
      const f = memory.f64;
      const [z0, s0] = [z >>> 3, scale >>> 3];
      for (let j = 0; j < m; j++) {
        const c = (u >>> 3) + j * r;
        const [a, b] = [(phi >>> 3) + j * B, (psi >>> 3) + j * B];
        for (let i = 0; i < B; i++) {
          let q = 0;
          for (let k = 0; k < r; k++) {
            const d = f[z0 + k * B + i] - f[c + k];
            q += d * d;
          }
          const s = f[s0 + i];
          if (kind === RADIAL_KINDS.gauss) {
            f[a + i] = s * decay(q * -0.5);
            f[b + i] = -f[a + i];
          } else {
            const d = ROOT_FIVE * Math.sqrt(q);
            const e = s * decay(-d);
            f[a + i] = (1 + d + FIVE_THIRDS * q) * e;
            f[b + i] = -(FIVE_THIRDS * (1 + d) * e);
          }
        }
      }
    },

    radialGradient(z, r, u, m, psi, g, a, rho, out, sums) {
      const f = memory.f64;
      const [z0, u0, p0, g0, a0, r0, o0, s0] = [z, u, psi, g, a, rho, out, sums].map((at) => at >>> 3);
      for (let j = 0; j < m; j++) {
        const factor = f[a0 + j];
        for (let i = 0, at = j * B; i < B; i++, at++) f[g0 + at] = (f[g0 + at] + factor * f[r0 + i]) * f[p0 + at];
      }
      for (let k = 0; k < r; k++) {
        const [zk, ok] = [z0 + k * B, o0 + k * B];
        f.fill(0, ok, ok + B);
        for (let j = 0; j < m; j++) {
          const centre = f[u0 + j * r + k];
          const t = g0 + j * B;
          let even = 0;
          let odd = 0;
          for (let i = 0; i < B; i += 2) {
            const v = f[t + i] * (f[zk + i] - centre);
            const w = f[t + i + 1] * (f[zk + i + 1] - centre);
            even += v;
            odd += w;
            f[ok + i] += v;
            f[ok + i + 1] += w;
          }
          f[s0 + j * r + k] += even + odd;
        }
      }
    },
  };
}
