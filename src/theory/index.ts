/**
 * Public surface of leapflow/theory: re-exports only.
 *
 * @module leapflow/theory
 */

export type { Interval } from "../base/statistics.js";
export { hermite, hermiteBasis, hermiteDerivative } from "../math/hermite.js";
export { multiIndices } from "../math/multiIndex.js";
export { gaussHermite, type QuadratureRule } from "../math/quadrature.js";
export { type LeapMargin, type LeapStep, type Leaps, leapExponents } from "../model/exponents.js";
export { Link, type LinkData, type LinkShape, type LinkTail, type LinkValues } from "../model/link.js";
export { LINK_NAMES, type LinkName, type NamedLinkOptions } from "../model/namedLinks.js";
export type { Channel, ChannelLike, ChannelName, ChannelOptions } from "../single/channel.js";
export {
  type ChannelInformation,
  type ChannelInformationOptions,
  channelInformation,
} from "../single/channelInformation.js";
export type { CustomLoss, Loss, LossLike } from "../single/losses.js";
export type { CustomPreprocess, PreprocessLike } from "../single/preprocess.js";
export {
  type SpectralTransition,
  type SpectralTransitionOptions,
  spectralTransition,
} from "../single/spectralTransition.js";
export type { Trajectory, TrajectoryCurves } from "../single/trajectory.js";
export type { SingleIndexWarning, SingleIndexWarningCode } from "../single/warnings.js";
export { averagingOperator, type PlantedLoss, type PopulationLoss, plantedLoss, populationLoss } from "./averaging.js";
export { type DmftErrors, type DmftResult, dmft } from "./dmft.js";
export { type FixedPoint, type FixedPointOptions, longTimeFixedPoint } from "./fixedPoint.js";
export type { Escape, Flow, FlowProgress, FlowStopReason } from "./flowRun.js";
export {
  type InformationExponentFlow,
  type InformationExponentFlowOptions,
  informationExponentFlow,
} from "./informationExponentFlow.js";
export { type LandscapeStudy, type LandscapeStudyOptions, landscapeStudy } from "./landscape.js";
export { haarFrame, type LiftedFlow, type LiftOptions, liftFlow } from "./lift.js";
export type { DmftOptions, DmftProgress, ModelOptions, StartLike } from "./meanFieldOptions.js";
export { type FlowOptions, plantedFlow, populationFlow } from "./populationFlow.js";
export { type ProfiledLossOptions, type ProfiledLossResult, profiledLoss } from "./profiledLoss.js";
export { type EffectiveExponent, effectiveExponent, type Plateau, type SaddleReport, saddleReport } from "./saddles.js";
export {
  type SampleComplexity,
  type SampleComplexityOptions,
  type SampleNeed,
  type SuccessCount,
  sampleComplexityStudy,
} from "./sampleComplexity.js";
export { type ScalingStudy, type ScalingStudyOptions, scalingStudy } from "./scalingStudy.js";
export {
  type Spread,
  type StabilityRow,
  type StabilityStudy,
  type StabilityStudyOptions,
  stabilityStudy,
} from "./stability.js";
export type { StudyOptions, StudyProgress } from "./studyTools.js";
export { type TrapShare, type TrapStudy, type TrapStudyOptions, trapStudy } from "./trapStudy.js";
