/**
 * Public surface of leapflow/studies: re-exports only.
 *
 * @module leapflow/studies
 */
export {
  type RunStudyOptions,
  runStudy,
  runStudyJob,
  STUDY_NAMES,
  type StudyResult,
  type StudyRunProgress,
  studyJobs,
} from "./runner.js";
export type { CrewWatch, JobSpec, JobWatch, Scale, StudyCrew } from "./study.js";
