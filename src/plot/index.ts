/** Public surface of leapflow/plot: re-exports only. */
export type { FigureOptions } from "./figure.js";
export { type FlowRecord, flowFigure } from "./flowFigure.js";
export { type LabeledPicture, type RetrievalRecord, retrievalFigure } from "./retrievalFigure.js";
export { scalingFigure } from "./scalingFigure.js";
export { type TrajectoryFigureOptions, type TrajectoryRecord, trajectoryFigure } from "./trajectoryFigure.js";
