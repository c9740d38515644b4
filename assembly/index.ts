// assembly/index.ts — the ABI: the only list of exports. src/kernel/ops.ts documents each operation.
import { ROWS } from "./lanes";

export { axpy, dot } from "./blas";
export { choleskyFactor, choleskySolve } from "./cholesky";
export { accumulateTransposed, project } from "./gemm";
export { combine, contractFields, fields, residual, residualProducts, scaleFields } from "./gradient";
export { accumulateGram, accumulateMoment } from "./gram";
export { features, hermite } from "./hermite";
export { complexPathGradients, complexPathResponses, pathGradients, pathResponses } from "./meanField";
export { accumulateProducts, combineSums } from "./moments";
export { thinQr } from "./qr";
export { radial, radialGradient } from "./radial";
export { projectSingle, transposeSingle } from "./single";
export { columnSquares, columnSums, secondMoment, standardize } from "./statistics";
export { backSolveRows, solveRows } from "./triangular";
export { tridiagonalize } from "./tridiagonal";

/** Version of this list; src/kernel/ops.ts has the same number. */
export function abiVersion(): i32 {
  return 8;
}

/** First byte after the static data; everything from here on belongs to the caller. */
export function heapBase(): usize {
  return __heap_base;
}

/** Rows of a block. */
export function blockRows(): i32 {
  return <i32>ROWS;
}
