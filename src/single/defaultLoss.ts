/** The loss that fits a channel when none is asked for. */
import type { Channel } from "./channel.js";
import { type Loss, parseLoss } from "./losses.js";
import { cubeRoot } from "./scaling.js";

/**
 * Links of |z|: `rational(1)` on the intensities that the responses stand for; `tanh` and `relu`: their squared losses;
 * `logit`: `logistic` at its slope; `cubic`: squares after the cube root (the squared loss in z³ has gradients of degree
 * five); functions: squared loss with difference quotients.
 *
 * Source: [SI §f], "Choices".
 */
export function defaultLoss(channel: Channel): Loss {
  switch (channel.name) {
    case "square":
      return parseLoss("rational(1)");
    case "abs":
      return ofResponse(parseLoss("rational(1)"), "rational(1) of y²", (y) => y * y);
    case "He2":
      return ofResponse(parseLoss("rational(1)"), "rational(1) of √2·y + 1", (y) => Math.max(Math.SQRT2 * y + 1, 0));
    case "tanh":
      return parseLoss("sqtanh");
    case "relu":
      return parseLoss("sqsoftplus(4)");
    case "cubic":
      return ofResponse(SQUARED, "squares of ∛y", (y) => (y === 0 ? 0 : Math.sign(y) * cubeRoot(Math.abs(y))));
    case "logit":
      return ofSlope(parseLoss("logistic"), channel.noiseStd);
    default:
      return squaredLoss(channel);
  }
}

const SQUARED: Loss = {
  name: "squares",
  kind: "custom",
  parameter: 0,
  even: false,
  nonnegative: false,
  value: (xi, y) => 0.5 * (xi - y) * (xi - y),
  derivative: (xi, y) => xi - y,
  secondDerivative: () => 1,
  curvatureBound: () => 1,
};

/** A loss of y through a function of it. */
function ofResponse(loss: Loss, name: string, map: (y: number) => number): Loss {
  return {
    ...loss,
    name,
    kind: "custom",
    nonnegative: false,
    value: (xi, y) => loss.value(xi, map(y)),
    derivative: (xi, y) => loss.derivative(xi, map(y)),
    secondDerivative: (xi, y) => loss.secondDerivative(xi, map(y)),
  };
}

/** l(slope·ξ; y), so that θ is that of the channel. */
function ofSlope(loss: Loss, slope: number): Loss {
  if (slope === 1) return loss;
  return {
    ...loss,
    name: `${loss.name} at slope ${slope}`,
    kind: "custom",
    value: (xi, y) => loss.value(slope * xi, y),
    derivative: (xi, y) => slope * loss.derivative(slope * xi, y),
    secondDerivative: (xi, y) => slope * slope * loss.secondDerivative(slope * xi, y),
    curvatureBound: (size) => slope * slope * loss.curvatureBound(size),
  };
}

/** (f(ξ) − y)²/2 for any f. */
function squaredLoss({ location: f, even }: Channel): Loss {
  const slope = (xi: number): number => {
    const h = 1e-5 * Math.max(1, Math.abs(xi));
    return (f(xi + h) - f(xi - h)) / (2 * h);
  };
  const bend = (xi: number): number => {
    const h = 1e-3 * Math.max(1, Math.abs(xi));
    return (f(xi + h) - 2 * f(xi) + f(xi - h)) / (h * h);
  };
  return {
    name: "squares of the link",
    kind: "custom",
    parameter: 0,
    even,
    nonnegative: false,
    value: (xi, y) => 0.5 * (f(xi) - y) * (f(xi) - y),
    derivative: (xi, y) => (f(xi) - y) * slope(xi),
    secondDerivative(xi, y) {
      const s = slope(xi);
      return s * s + (f(xi) - y) * bend(xi);
    },
    curvatureBound: () => Infinity,
  };
}
