/** `leapflow member`: holds shards and runs sweep jobs for a cluster, on rows of its own. */
import type { Command } from "commander";
import { Interruption, watchSignals } from "../outcome.js";
import { DATA_HELP, parseColumns, readTraining } from "../tables.js";

interface MemberFlags {
  readonly cluster: string;
  readonly data: string;
  readonly target: string;
  readonly columns?: string;
}

export function addMemberCommand(program: Command): void {
  program
    .command("member")
    .description("Work for a cluster: hold shards of these rows and run sweep jobs, until told to end.")
    .requiredOption("--cluster <url>", "the broker, nats://host:port; credentials from NATS_… variables")
    .requiredOption("--data <file>", `the rows: ${DATA_HELP}`)
    .requiredOption("--target <column>", "name of the response")
    .option("--columns <a,b,…>", "inputs to use; default: all columns but the target")
    .action(runMember);
}

async function runMember({ cluster, data, target, columns }: MemberFlags): Promise<void> {
  const watch = watchSignals();
  const say = (text: string): void => void process.stderr.write(`leapflow member: ${text}\n`);
  try {
    const { serveMember } = await import("../../cluster/index.js");
    const rows = await readTraining(data, target, parseColumns(columns), watch.signal);
    const member = await serveMember(cluster, rows, { signal: watch.signal, onNotice: say });
    const { rows: n, columns: names, checksum } = member.data;
    say(`${member.name} is ready: ${n} rows, ${names.length} inputs, checksum ${checksum}`);
    await member.ended;
    if (watch.signal.aborted) throw watch.signal.reason;
  } catch (error) {
    // Being told to end is how a member ends.
    if (!(error instanceof Interruption) || error.signal !== "SIGTERM") throw error;
  } finally {
    watch.stop();
  }
}
