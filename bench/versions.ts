/** The same iteration on other versions of Node: each in a process of its own, with the contenders that run in JavaScript. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SIZES, TFJS, timeIteration } from "./iterations.js";

export interface VersionTiming {
  readonly version: string;
  readonly label: string;
  /** CPU milliseconds by contender. */
  readonly times: readonly (readonly [name: string, ms: number])[];
}

const CONTENDERS = ["straightforward TypeScript", "ml-matrix", TFJS, "C, "];

/** @param nodes - paths of executables */
export function benchVersions(nodes: readonly string[], quick: boolean): VersionTiming[] {
  return nodes.flatMap((node) => {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), String(quick ? 2 : 3)];
    return JSON.parse(execFileSync(node, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const out: VersionTiming[] = [];
  for (const size of SIZES.slice(0, Number(process.argv[2]))) {
    const { label, times } = await timeIteration(size, CONTENDERS);
    out.push({ version: process.version, label, times: [...times] });
  }
  process.stdout.write(JSON.stringify(out), () => process.exit(0));
}
