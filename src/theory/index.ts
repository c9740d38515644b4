/** Public surface of leapflow/theory: re-exports only. */
export { hermite, hermiteBasis, hermiteDerivative } from "../math/hermite.js";
export { multiIndices } from "../math/multiIndex.js";
export { gaussHermite, type QuadratureRule } from "../math/quadrature.js";
export { type LeapMargin, type LeapStep, type Leaps, leapExponents } from "../model/exponents.js";
export { Link, type LinkData, type LinkShape, type LinkTail, type LinkValues } from "../model/link.js";
export { type ProfiledLossOptions, type ProfiledLossResult, profiledLoss } from "./profiledLoss.js";
