/**
 * Entry `leapflow/cluster`: many machines over a NATS broker with JetStream. Re-exports only; the client packages are
 * optional peers, loaded when a cluster is used.
 *
 * @module leapflow/cluster
 */
export { type ClusterCrew, type ClusterOptions, fitOnCluster, joinCluster } from "./fitOnCluster.js";
export type { DataIdentity } from "./identity.js";
export type { Metrics } from "./jobKinds.js";
export type { PlainOptions, SweepSpec } from "./jobs.js";
export { readSpec } from "./jobs.js";
export { type Member, type MemberOptions, serveMember } from "./member.js";
export type { ClusterData } from "./rowData.js";
export { type ClusterStatus, clusterStatus, type MemberStatus } from "./status.js";
export { type StudyCrewOptions, studyCrew } from "./studyCrew.js";
export { runSweep, type SweepOptions, type SweepProgress, type SweepResult, type SweepRow } from "./sweep.js";
