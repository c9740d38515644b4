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
export { configureKernel } from "./kernel/kernelSource.js";
export type { PartHost } from "./kernel/partHost.js";
export { firstRow, SumTree } from "./kernel/partition.js";
export type { Opening } from "./kernel/parts.js";
export type { Crew, PartServer, PassAnswer, PassName } from "./kernel/passes.js";
export { type PassCall, PassLog } from "./kernel/passLog.js";
export { argumentsFor, openParts, rowsOf } from "./kernel/places.js";
export { configureThreads } from "./kernel/threadPool.js";
export { serveThreads } from "./kernel/threadServer.js";
export type { StreamedOptions, StreamedProgress } from "./learn/fitStreamed.js";
export { fitMultiIndex, fitStreamed } from "./learn/onDemand.js";
export { StreamedFit } from "./learn/streamedFit.js";
export { overlap, principalAngles, subspaceDistance } from "./model/compare.js";
export type { FeatureMap } from "./model/customLink.js";
export { Link } from "./model/link.js";
export { MultiIndexModel, type PredictionIntervals, rSquared } from "./model/multiIndexModel.js";
export type { ChannelLike, ChannelName, ChannelOptions } from "./single/channel.js";
export type { SingleIndexFit, SingleIndexHistory } from "./single/fitSingleIndex.js";
export type { CustomLoss, LossLike } from "./single/losses.js";
export { fitSingleIndex, retrievePhase, simulateSingleIndex } from "./single/onDemand.js";
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
export type { PhaseHistory, PhaseOptions, PhaseProgress, PhaseResult } from "./single/phaseRetrieval.js";
export type { CustomPreprocess, PreprocessLike } from "./single/preprocess.js";
export type {
  Simulation,
  SimulationCurves,
  SimulationOptions,
  SimulationProgress,
  SimulationStart,
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
