/** Runs the built command line in a process of its own. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export const MAIN = join(import.meta.dirname, "../../dist/cli/main.js");
export const DATA = join(import.meta.dirname, "../../data");
if (!existsSync(MAIN)) throw new Error("dist is missing: run `npm run build` before these tests.");

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Exit code and output of `leapflow …args`; `during` may act on the process while it runs. */
export function leapflow(
  args: readonly (string | number)[],
  during?: (child: ReturnType<typeof spawn>) => void,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, ...args.map(String)], {
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    during?.(child);
  });
}

/**
 * Outcome of a command that is ended by a signal while it works. Where a busy machine had not begun it, so that the signal met the
 * process without its handlers, it is run again and left alone for longer.
 */
export async function ended(args: readonly (string | number)[], signal: NodeJS.Signals): Promise<Outcome> {
  for (const wait of [1500, 6000]) {
    const outcome = await leapflow(args, (child) => setTimeout(() => child.kill(signal), wait));
    if (outcome.code !== null) return outcome;
  }
  return leapflow(args, (child) => setTimeout(() => child.kill(signal), 20_000));
}

/** A temporary folder that goes away with the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "leapflow-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
