/**
 * Long fuzzing runs: `npm run fuzz -- --target csv --runs 1000000 [--seed 1] [--from 0] [--limit-ms 10000]`; several targets
 * with commas, all of them without `--target`.
 *
 * A thread beside the target watches it: when one input takes longer than the limit, that input is a finding as well. Findings
 * are written to test/fuzz/fixtures and end the command with 1. Progress is printed every 100 000 inputs; the input on which the
 * whole process dies is found again from there.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { randomAt } from "../test/fuzz/mutate.js";
import { session } from "../test/fuzz/session.js";
import { TARGETS } from "../test/fuzz/targets.js";

const FOLDER = "test/fuzz/fixtures";

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    runs: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    "limit-ms": { type: "string", default: "10000" },
    /** Only writes the input of `--from` to a file. */
    write: { type: "boolean", default: false },
  },
});
const [runs, seed, from, limit] = [values.runs, values.seed, values.from, values["limit-ms"]].map(Number);
const names = values.target === undefined ? Object.keys(TARGETS) : values.target.split(",");
for (const name of names) {
  if (!(name in TARGETS)) throw new Error(`--target is ${name}; known are ${Object.keys(TARGETS).join(", ")}`);
}

async function keep(target: string, index: number): Promise<string> {
  const made = (await TARGETS[target]()).make(randomAt(seed, index));
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, `${target}-${seed}-${index}`);
  writeFileSync(file, made);
  return file;
}

/**
 * Ends the process when the index stands still; a blocked event loop cannot do that itself. The limit is the processor's time, so that
 * a busy machine is no finding; an input that waits without working has twenty times as long.
 */
function watch(target: string, index: Int32Array): Worker {
  const code = `
    const { workerData: { index, limit, target, seed } } = require("node:worker_threads");
    const spent = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
    let [last, since, worked] = [-1, 0, 0];
    setInterval(() => {
      const now = Atomics.load(index, 0);
      if (now !== last) [last, since, worked] = [now, Date.now(), spent()];
      if (now < 0 || (spent() - worked < limit && Date.now() - since < 20 * limit)) return;
      require("node:fs").writeSync(1, target + ": FINDING: input " + now + " does not end within " + limit +
        " ms; keep it with --target " + target + " --seed " + seed + " --from " + now + " --write\\n");
      process.kill(process.pid, "SIGKILL");
    }, 200);`;
  return new Worker(code, { eval: true, workerData: { index, limit, target, seed } });
}

for (const target of names) {
  if (values.write) {
    console.log(await keep(target, from));
    continue;
  }
  const index = new Int32Array(new SharedArrayBuffer(4)).fill(-1);
  const watchdog = watch(target, index);
  const started = process.cpuUsage();
  const onInput = (at: number): void => {
    Atomics.store(index, 0, at);
    if (at > from && (at - from) % 100_000 === 0) console.log(`${target}: ${at - from} inputs`);
  };
  const finding = await session(target, { seed, from, runs, onInput });
  await watchdog.terminate();
  const { user, system } = process.cpuUsage(started);
  if (finding === undefined) {
    const seconds = ((user + system) / 1e6).toFixed(0);
    console.log(
      `${target}: ${runs} inputs of seed ${seed} from ${from} on, no finding (${seconds} s of processor time)`,
    );
    continue;
  }
  console.log(`${target}: FINDING at input ${finding.index}: ${await keep(target, finding.index)}\n${finding.reason}`);
  process.exitCode = 1;
}
