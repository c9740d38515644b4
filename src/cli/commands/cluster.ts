/** `leapflow cluster status`: who is there and what they do. */
import type { Command } from "commander";
import type { ClusterStatus } from "../../cluster/index.js";
import { count, figure, printJson, printText, tableLines } from "../print.js";

interface StatusFlags {
  readonly cluster: string;
  readonly json?: boolean;
}

export function addClusterCommand(program: Command): void {
  const cluster = program.command("cluster");
  cluster
    .command("status")
    .description("Members, their shards and calls a second, the queue and its dead letters.")
    .requiredOption("--cluster <url>", "the broker, nats://host:port")
    .option("--json", "print one JSON document instead of tables")
    .action(showStatus);
}

async function showStatus({ cluster, json }: StatusFlags): Promise<void> {
  const { clusterStatus } = await import("../../cluster/index.js");
  const status = await clusterStatus(cluster);
  if (json === true) printJson(status);
  else printText(summary(status));
}

function summary({ members, queue, dead }: ClusterStatus): string {
  const lines = [count(members.length, "member")];
  if (members.length > 0) {
    const rows = members.map(({ member, version, data, shards, callsPerSecond, job, jobsDone }) => [
      member,
      version,
      `${data.rows} × ${data.columns.length}`,
      data.checksum.slice(0, 8),
      shards.length === 0 ? "–" : shards.join(" "),
      figure(callsPerSecond),
      job ?? "–",
      String(jobsDone),
    ]);
    const head = ["member", "version", "rows × inputs", "data", "shards", "calls/s", "job", "jobs done"];
    lines.push("", ...tableLines(head, rows));
  }
  lines.push("", `queue: ${count(queue.waiting, "job")} waiting, ${queue.running} at work`);
  lines.push(`dead letters: ${dead.length}`);
  for (const { sweep, job, error } of dead) lines.push(`  ${sweep}/${job}: ${error}`);
  return lines.join("\n");
}
