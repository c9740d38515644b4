/** Losses along sample paths: those the kernel knows, and blocks computed here for the others. */
import type { BlockLoss, PathLoss } from "../kernel/pathWorkspace.js";
import type { Loss } from "../single/losses.js";

/** How the paths compute l, l′ and l″ of a loss. */
export function pathLossOf(loss: Loss, complex: boolean): PathLoss {
  if (loss.kind === "rational" || loss.kind === "wf") return { rational: loss.parameter };
  return { block: complex ? complexBlock(loss) : realBlock(loss) };
}

function realBlock(loss: Loss): BlockLoss {
  return (u, shift, y, gradient, curvature, rows) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) {
      const xi = u[i] + shift[i];
      gradient[i] = loss.derivative(xi, y[i]);
      curvature[i] = loss.secondDerivative(xi, y[i]);
      sum += loss.value(xi, y[i]);
    }
    gradient.fill(0, rows);
    curvature.fill(0, rows);
    return sum;
  };
}

/**
 * An even loss of |ξ|: g = ρξ, f1 = (ρ + l″)/2, f2 = (l″ − ρ)/2·ξ²/|ξ|² with ρ = l′(|ξ|)/|ξ|, and twice the real loss.
 * Source: [SI §d], with ρ and ρ_s written by l′ and l″.
 */
function complexBlock(loss: Loss): BlockLoss {
  return (u, shift, y, gradient, curvature, rows) => {
    const b = y.length;
    gradient.fill(0);
    curvature.fill(0);
    let sum = 0;
    for (let i = 0; i < rows; i++) {
      const x = u[i] + shift[i];
      const v = u[b + i] + shift[b + i];
      const size = Math.sqrt(x * x + v * v);
      const second = loss.secondDerivative(size, y[i]);
      const rho = size > 0 ? loss.derivative(size, y[i]) / size : second;
      const spread = size > 0 ? (0.5 * (second - rho)) / (size * size) : 0;
      gradient[i] = rho * x;
      gradient[b + i] = rho * v;
      curvature[i] = 0.5 * (rho + second);
      curvature[b + i] = spread * (x * x - v * v);
      curvature[2 * b + i] = spread * (2 * x * v);
      sum += 2 * loss.value(size, y[i]);
    }
    return sum;
  };
}
