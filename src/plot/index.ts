/** Public surface of leapflow/plot: re-exports only. */
export type { FigureOptions } from "./figure.js";
export { type FlowRecord, flowFigure } from "./flowFigure.js";
export { scalingFigure } from "./scalingFigure.js";
