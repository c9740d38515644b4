/** What a cluster is doing now. */
import { openBroker } from "./connection.js";
import type { Introduction } from "./protocol.js";
import { Queue } from "./queue.js";
import { rollCall } from "./roster.js";

export interface MemberStatus extends Introduction {
  /** Calls on shards a second, since the look before; a round of a fit is one call per shard. */
  readonly callsPerSecond: number;
}

export interface ClusterStatus {
  readonly members: readonly MemberStatus[];
  readonly queue: { readonly waiting: number; readonly running: number };
  /** Jobs that were given up, with their errors. */
  readonly dead: readonly { readonly sweep: string; readonly job: string; readonly error: string }[];
}

/** Time between the two looks that rates are taken from. */
const BETWEEN_MS = 500;

/**
 * Members, their shards and calls a second, the queue and its dead letters.
 * @throws {ClusterError} `CLUSTER_UNREACHABLE`
 */
export async function clusterStatus(url: string): Promise<ClusterStatus> {
  const broker = await openBroker(url, "leapflow status");
  try {
    const started = performance.now();
    const before = await rollCall(broker);
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    const members = await rollCall(broker);
    const seconds = (performance.now() - started) / 1000;
    const { dead, ...queue } = await (await Queue.open(broker)).status();
    return {
      members: members.map((member) => {
        const earlier = before.find((one) => one.member === member.member)?.calls ?? member.calls;
        return { ...member, callsPerSecond: (member.calls - earlier) / seconds };
      }),
      queue,
      dead,
    };
  } finally {
    await broker.close();
  }
}
