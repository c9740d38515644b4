/**
 * Public surface of `leapflow`: re-exports only, nothing runs at import.
 *
 * @module leapflow
 */
export * from "./base/errors.js";
export type * from "./base/types.js";
export { VERSION } from "./base/version.js";
export { type OwnOptions, ownRows, ownVector } from "./data/own.js";
export { type PlantedSample, type SampleOptions, sampleMultiIndex } from "./data/planted.js";
export { type RowSplit, rowsInBlocks, splitRows } from "./data/rows.js";
export { SumTree } from "./kernel/partition.js";
export { firstRow, type Opening } from "./kernel/parts.js";
export {
  argumentsFor,
  type Crew,
  PartHost,
  type PartServer,
  type PassAnswer,
  type PassName,
  rowsOf,
} from "./kernel/passes.js";
export { type PassCall, PassLog } from "./kernel/passLog.js";
export { configureKernel } from "./kernel/select.js";
export { configureThreads } from "./kernel/threadPool.js";
export { serveThreads } from "./kernel/threadServer.js";
export { fitMultiIndex } from "./learn/fitMultiIndex.js";
export { fitStreamed, StreamedFit, type StreamedOptions, type StreamedProgress } from "./learn/fitStreamed.js";
export { overlap, principalAngles, subspaceDistance } from "./model/compare.js";
export type { FeatureMap } from "./model/customLink.js";
export { Link } from "./model/link.js";
export { MultiIndexModel, type PredictionIntervals, rSquared } from "./model/multiIndexModel.js";
export type { ChannelLike, ChannelName, ChannelOptions } from "./single/channel.js";
export {
  fitSingleIndex,
  type SingleIndexFit,
  type SingleIndexHistory,
} from "./single/fitSingleIndex.js";
export type { CustomLoss, LossLike } from "./single/losses.js";
export {
  type CodedDiffraction,
  type ComplexLike,
  type ComplexVector,
  codedDiffraction,
  type DiffractionOptions,
  type GaussianOperator,
  type GaussianOptions,
  gaussianOperator,
  type MeasurementOperator,
} from "./single/operators.js";
export { type PhaseMethod, phaseDistance } from "./single/phaseMethods.js";
export {
  type PhaseHistory,
  type PhaseOptions,
  type PhaseProgress,
  type PhaseResult,
  retrievePhase,
} from "./single/phaseRetrieval.js";
export type { CustomPreprocess, PreprocessLike } from "./single/preprocess.js";
export {
  type Simulation,
  type SimulationCurves,
  type SimulationOptions,
  type SimulationProgress,
  type SimulationStart,
  simulateSingleIndex,
} from "./single/simulate.js";
export type { SingleIndexOptions, SingleIndexProgress, SingleIndexStart } from "./single/singleIndexOptions.js";
export type { SpectralReport } from "./single/spectral.js";
export type { Trajectory, TrajectoryCurves } from "./single/trajectory.js";
export type { SingleIndexWarning, SingleIndexWarningCode } from "./single/warnings.js";
export { compare, type FitComparison } from "./solve/compareFits.js";
export type { Warning, WarningCode } from "./solve/diagnostics.js";
export type { FitOptions, FitProgress, LinkFamily } from "./solve/options.js";
export type { FitStep } from "./solve/progress.js";
export {
  Fit,
  type FitDiagnostics,
  type FitHistory,
  type FitRecord,
  type FitSelection,
  type RankTest,
  type TriedModel,
} from "./solve/report.js";
export type { Stop, StopReason } from "./solve/stopping.js";
