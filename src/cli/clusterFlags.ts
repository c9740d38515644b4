/** `fit --cluster`: members for a fit, and what they were for its report. */
import type { Command } from "commander";
import { OptionError } from "../base/errors.js";
import type { ClusterCrew } from "../cluster/index.js";
import { countOf } from "./counts.js";
import type { NamedMatrix } from "./tables.js";

export interface ClusterFlags {
  readonly cluster?: string;
  readonly shards?: number;
  readonly name?: string;
  readonly graceMs?: number;
  readonly testFraction?: string;
}

/** What the report of a fit says of its cluster. */
export interface ClusterReport {
  readonly members: number;
  readonly shards: number;
}

export function addClusterFlags(command: Command): Command {
  return command
    .option("--cluster <url>", "let the members of a cluster work on the rows, nats://host:port")
    .option(
      "--shards <n>",
      "cut the rows into n equal runs; the same n gives the same bits with and without a cluster",
      countOf,
    )
    .option("--name <name>", "of a fit on a cluster; started again by the same name, it goes on where it was")
    .option("--grace-ms <ms>", "how long broker or members may be away, default 30000", countOf);
}

/** Members for a fit; undefined without `--cluster`. @throws {OptionError} for flags that need one, or do not go with one */
export async function joinFor(
  flags: ClusterFlags,
  data: { readonly X: NamedMatrix; readonly y: Float64Array },
  options: Readonly<Record<string, unknown>>,
): Promise<ClusterCrew | undefined> {
  const { cluster, name, graceMs, testFraction } = flags;
  if (cluster === undefined) {
    const alone = name !== undefined ? "--name" : graceMs !== undefined ? "--grace-ms" : undefined;
    if (alone) throw new OptionError("RANGE", `${alone} is for fits on a cluster; give --cluster too.`);
    return undefined;
  }
  if (testFraction !== undefined) {
    throw new OptionError(
      "RANGE",
      "--test-fraction does not go with --cluster: members hold all rows of their data. Use --test.",
    );
  }
  const { joinCluster } = await import("../cluster/index.js");
  return joinCluster(cluster, data, options as never, {
    ...(name === undefined ? {} : { name }),
    ...(graceMs === undefined ? {} : { graceMs }),
    onNotice: (text) => process.stderr.write(`leapflow: ${text}\n`),
  });
}
