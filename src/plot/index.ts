/**
 * Public surface of leapflow/plot: re-exports only.
 *
 * @module leapflow/plot
 */
export {
  type Chart,
  type ChartAxis,
  type ChartCells,
  type ChartPanel,
  type ChartPoint,
  type ChartSeries,
  chartFigure,
} from "./chartFigure.js";
export type { FigureOptions } from "./figure.js";
export { type FlowRecord, flowFigure } from "./flowFigure.js";
export { fitReport } from "./report.js";
export type { ReportOptions, ReportRows } from "./reportData.js";
export { type LabeledPicture, type RetrievalRecord, retrievalFigure } from "./retrievalFigure.js";
export { scalingFigure } from "./scalingFigure.js";
export {
  countFindings,
  type Finding,
  type StudyFigure,
  type StudyRecord,
  type StudyTable,
  studyPage,
  type Verdict,
  verdictOf,
} from "./studyPage.js";
export { type TrajectoryFigureOptions, type TrajectoryRecord, trajectoryFigure } from "./trajectoryFigure.js";
