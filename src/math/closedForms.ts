/** Hermite coefficients of one-variable functions that have closed forms. */
import { checkChoice, checkNumber } from "../base/assert.js";
import { exp, normalCumulative, normalDensity } from "../base/elementary.js";
import { OptionError } from "../base/errors.js";
import { hermiteInto } from "./hermite.js";

/** Functions of one variable with exact coefficients. */
export const NAMED_FUNCTIONS = ["relu", "abs", "sign", "step", "exp", "sin", "cos", "gauss"] as const;
/** Name of a function with closed-form coefficients. */
export type NamedFunction = (typeof NAMED_FUNCTIONS)[number];

/** √(2/π). */
const ROOT_TWO_OVER_PI = 0.7978845608028654;

/**
 * Coefficients E[f(z)·h_k(z)], k = 0…degree, z standard normal, of relu, abs, sign, step 1{z > b}, exp(az), sin(az), cos(az)
 * and gauss e^{−z²}.
 *
 * @param degree - trusted to be an integer ≥ 0
 * @param parameter - a of exp, sin and cos (default 1), b of step (default 0); the others take none
 * @throws {OptionError} `TYPE`, `RANGE` for an unknown name or a parameter that is not wanted, not finite, or so large that
 * the coefficients are no doubles
 * Source: [MI §1.3]. Cost: O(degree).
 */
export function namedCoefficients(name: NamedFunction, degree: number, parameter?: number): Float64Array {
  checkChoice(name, "name", NAMED_FUNCTIONS);
  const wantsParameter = name === "step" || name === "exp" || name === "sin" || name === "cos";
  if (parameter !== undefined && !wantsParameter) {
    throw new OptionError("RANGE", `"${name}" takes no parameter, but ${parameter} was given. Leave it out.`, {
      details: { option: "parameter", value: parameter },
    });
  }
  const a = parameter === undefined ? (name === "step" ? 0 : 1) : checkNumber(parameter, "parameter");
  const c = new Float64Array(degree + 1);
  fill(name, a, c);
  if (!c.every(Number.isFinite)) {
    throw new OptionError(
      "RANGE",
      `parameter is ${a}: the coefficients of ${name}(${a}·z) are beyond the largest double.`,
      {
        details: { option: "parameter", value: a },
      },
    );
  }
  return c;
}

function fill(name: NamedFunction, a: number, c: Float64Array): void {
  const last = c.length - 1;
  /** c[k], c[k+2], … from the ratio of neighbours. */
  const everySecond = (start: number, first: number, ratio: (k: number) => number): void => {
    for (let k = start, value = first; k <= last; k += 2) {
      c[k] = value;
      value *= ratio(k);
    }
  };
  switch (name) {
    case "relu":
    case "abs": {
      const scale = name === "abs" ? 2 : 1;
      everySecond(0, 0.5 * scale * ROOT_TWO_OVER_PI, (k) => -(k - 1) / Math.sqrt((k + 1) * (k + 2)));
      if (name === "relu" && last > 0) c[1] = 0.5;
      return;
    }
    case "sign":
      everySecond(1, ROOT_TWO_OVER_PI, (k) => -k / Math.sqrt((k + 1) * (k + 2)));
      return;
    case "gauss":
      everySecond(0, 1 / Math.sqrt(3), (k) => -Math.sqrt((k + 1) / (k + 2)) * (2 / 3));
      return;
    case "step": {
      const h = new Float64Array(last + 1);
      hermiteInto(a, last, h);
      const density = normalDensity(a);
      c[0] = normalCumulative(-a);
      for (let k = 1; k <= last; k++) c[k] = density === 0 ? 0 : (density * h[k - 1]) / Math.sqrt(k);
      return;
    }
    case "exp": {
      let value = exp(0.5 * a * a);
      for (let k = 0; k <= last; k++) {
        c[k] = value;
        value *= a / Math.sqrt(k + 1);
      }
      return;
    }
    default: {
      const damping = exp(-0.5 * a * a);
      everySecond(
        name === "sin" ? 1 : 0,
        name === "sin" ? a * damping : damping,
        (k) => (-a * a) / Math.sqrt((k + 1) * (k + 2)),
      );
    }
  }
}
