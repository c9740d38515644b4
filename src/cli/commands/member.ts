/** `leapflow member`: holds shards and runs sweep jobs for a cluster, on rows of its own. */
import type { Command } from "commander";
import { OptionError } from "../../base/errors.js";
import { Interruption, watchSignals } from "../outcome.js";
import { DATA_HELP, parseColumns, readTraining } from "../tables.js";

interface MemberFlags {
  readonly cluster: string;
  readonly data?: string;
  readonly target?: string;
  readonly columns?: string;
}

export function addMemberCommand(program: Command): void {
  program
    .command("member")
    .requiredOption("--cluster <url>", "the broker, nats://host:port; credentials from NATS_… variables")
    .option("--data <file>", `the rows, for fits and their sweeps; studies need none: ${DATA_HELP}`)
    .option("--target <column>", "name of the response, with --data")
    .option("--columns <a,b,…>", "inputs to use; default: all columns but the target")
    .action(runMember);
}

async function runMember({ cluster, data, target, columns }: MemberFlags): Promise<void> {
  const watch = watchSignals();
  const say = (text: string): void => void process.stderr.write(`leapflow member: ${text}\n`);
  try {
    const { serveMember } = await import("../../cluster/index.js");
    const rows = await readRows({ data, target, columns }, watch.signal);
    const member = await serveMember(cluster, rows, { signal: watch.signal, onNotice: say });
    const { rows: n, columns: names, checksum } = member.data;
    const held =
      rows === undefined ? "no rows, studies only" : `${n} rows, ${names.length} inputs, checksum ${checksum}`;
    say(`${member.name} is ready: ${held}`);
    await member.ended;
    if (watch.signal.aborted) throw watch.signal.reason;
  } catch (error) {
    // Being told to end is how a member ends.
    if (!(error instanceof Interruption) || error.signal !== "SIGTERM") throw error;
  } finally {
    watch.stop();
  }
}

/** @throws {OptionError} `RANGE` when only one of `--data` and `--target` is given */
async function readRows({ data, target, columns }: Omit<MemberFlags, "cluster">, signal: AbortSignal) {
  if (data === undefined && target === undefined && columns === undefined) return undefined;
  if (data !== undefined && target !== undefined) return readTraining(data, target, parseColumns(columns), signal);
  throw new OptionError(
    "RANGE",
    "--data and --target go together: rows have a response. Leave both out for studies only.",
  );
}
