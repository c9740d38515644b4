/** A real broker and real member processes for tests; everything ends with the test file. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "vitest";
import { MAIN } from "../cli/run.js";
import { generator } from "../support/problems.js";

const BROKER = [
  process.env.NATS_SERVER,
  "/usr/sbin/nats-server",
  "/usr/bin/nats-server",
  "/usr/local/bin/nats-server",
].find((file) => file !== undefined && existsSync(file));
if (!BROKER && process.env.CI === "true")
  throw new Error("nats-server is missing: install it, or name it in NATS_SERVER.");
if (!BROKER)
  console.warn("SKIPPED: no nats-server here, so nothing of the cluster is tested. Install it, or set NATS_SERVER.");

/** `describe` where there is a broker to test with. */
export const describeCluster = describe.skipIf(!BROKER);

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks again until the answer is not undefined. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  ms = 40_000,
): Promise<T> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await pause(50);
  }
  throw new Error(`${what}: not within ${ms} ms`);
}

const started = new Set<ChildProcess>();
const folder = mkdtempSync(join(tmpdir(), "leapflow-cluster-"));
afterAll(async () => {
  await Promise.all([...started].map((child) => endOf(child, "SIGKILL")));
  rmSync(folder, { recursive: true, force: true });
});

/** Sends a signal and waits for the end of a process. */
export function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
    child.once("close", (code) => resolve(code));
    child.kill(signal);
  });
}

/** A broker on a free port of the loopback, with JetStream in a folder of its own. */
export class TestBroker {
  readonly port: number;
  readonly #store: string;
  readonly #settings: string | undefined;
  #child: ChildProcess | undefined;

  private constructor(port: number, store: string, settings: string | undefined) {
    this.port = port;
    this.#store = store;
    this.#settings = settings;
  }

  /** @param settings - lines for its configuration file */
  static async start(settings?: string): Promise<TestBroker> {
    const port = await freePort();
    const store = join(folder, `store-${port}`);
    const file = join(folder, `broker-${port}.conf`);
    if (settings !== undefined) writeFileSync(file, settings);
    const broker = new TestBroker(port, store, settings === undefined ? undefined : file);
    await broker.begin();
    return broker;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async begin(): Promise<void> {
    const config = this.#settings === undefined ? [] : ["-c", this.#settings];
    const args = ["-a", "127.0.0.1", "-p", String(this.port), "-js", "-sd", this.#store, ...config];
    this.#child = spawn(BROKER as string, args, { stdio: "ignore" });
    started.add(this.#child);
    await until("the broker answers", () => canConnect(this.port));
  }

  async kill(): Promise<void> {
    if (this.#child) await endOf(this.#child, "SIGKILL");
  }
}

/** A member in a process of its own. */
export interface TestMember {
  readonly child: ChildProcess;
  readonly ready: Promise<string>;
  log(): string;
}

/** @param data - its rows; without them it only takes jobs that need none */
export function startMember(url: string, data?: string, ...more: string[]): TestMember {
  const rows = data === undefined ? [] : ["--data", data, "--target", "y"];
  const args = [MAIN, "member", "--cluster", url, ...rows, ...more];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  started.add(child);
  let log = "";
  const ready = new Promise<string>((resolve, reject) => {
    child.stderr?.on("data", (text) => {
      log += text;
      const name = /member: (\S+) is ready/.exec(log);
      if (name) resolve(name[1]);
    });
    child.on("close", () => reject(new Error(`the member ended before it was ready: ${log}`)));
  });
  ready.catch(() => undefined);
  return { child, ready, log: () => log };
}

/** Writes y = z₁ + z₁z₂ + noise with d inputs as CSV. */
export function writeRows(name: string, n: number, d: number, seed: number): string {
  const { normal } = generator(seed);
  const lines = [[...Array.from({ length: d }, (_, j) => `x${j + 1}`), "y"].join(",")];
  for (let i = 0; i < n; i++) {
    const x = Array.from({ length: d }, () => Number(normal().toFixed(4)));
    lines.push([...x, (x[0] + x[0] * x[1] + 0.2 * normal()).toFixed(6)].join(","));
  }
  const file = join(folder, name);
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

export function writeJson(name: string, value: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(value));
  return file;
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

function canConnect(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(undefined));
  });
}
