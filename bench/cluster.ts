/**
 * What a round of a fit on a cluster adds to the compute: the same fit with the same shards in one process and on members of
 * this machine, `tsx bench/cluster.ts [members] [rows,…]`. Needs the built package and a nats-server.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as Cluster from "../src/cluster/index.js";
import type * as Library from "../src/index.js";

const root = new URL("../", import.meta.url);
const library = (await import(new URL("dist/index.js", root).href)) as typeof Library;
const { joinCluster } = (await import(new URL("dist/cluster/index.js", root).href)) as typeof Cluster;

const MEMBERS = Number(process.argv[2] ?? 4);
const SIZES = (process.argv[3] ?? "2000,8000,32000").split(",").map(Number);
const [DIM, RANK, DEGREE] = [100, 3, 5];
const folder = mkdtempSync(join(tmpdir(), "leapflow-bench-"));
const children: ChildProcess[] = [];

const port = await new Promise<number>((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { port: number };
    server.close(() => resolve(port));
  });
});
const broker = process.env.NATS_SERVER ?? "nats-server";
children.push(
  spawn(broker, ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder], {
    stdio: "ignore",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  }),
);
await new Promise((resolve) => setTimeout(resolve, 1000));
const url = `nats://127.0.0.1:${port}`;

console.log(
  `node ${process.version}, ${MEMBERS} members on loopback, d = ${DIM}, r = ${RANK}, degree ${DEGREE}, p = 56`,
);
console.log("      n   rounds   local ms/round   cluster ms/round   added ms/round");
try {
  for (const n of SIZES) {
    const link = library.Link.parse("z1 + z1*z2 + z1*z2*z3");
    const { X, y } = library.sampleMultiIndex(link, { dim: DIM, samples: n, noiseStd: 0.3, seed: 1 });
    const data = Float64Array.from(X.data);
    const table = { X: { data, rows: n, columns: DIM }, y: Float64Array.from(y) };
    const names = Array.from({ length: DIM }, (_, j) => `x${j + 1}`);
    const file = join(folder, `rows-${n}.csv`);
    const lines = Array.from(
      { length: n },
      (_, i) => `${data.subarray(i * DIM, (i + 1) * DIM).join(",")},${table.y[i]}`,
    );
    writeFileSync(file, `${names.join(",")},y\n${lines.join("\n")}\n`);
    const members = Array.from({ length: MEMBERS }, () => startMember(file));
    await Promise.all(members.map(({ ready }) => ready));
    const options = {
      rank: RANK,
      degree: DEGREE,
      seed: 2,
      restarts: 4,
      maxIterations: 30,
      tolerance: 0,
      shards: MEMBERS,
    } as const;
    const local: number[] = [];
    const remote: number[] = [];
    let rounds = 0;
    for (let trial = 0; trial < 4; trial++) {
      local.push(await timed(() => library.fitMultiIndex(table.X, table.y, options)));
      const cluster = await joinCluster(url, table, options);
      remote.push(await timed(() => library.fitMultiIndex(cluster.data.X, cluster.data.y, cluster.options)));
      ({ rounds } = cluster.figures);
      await cluster.close(true);
    }
    const [a, b] = [local, remote].map((times) => times.sort((x, y) => x - y)[1] / rounds);
    const cells = [n, rounds, a.toFixed(2), b.toFixed(2), (b - a).toFixed(2)];
    console.log(cells.map((cell, k) => String(cell).padStart([7, 9, 17, 19, 17][k])).join(""));
    for (const { child } of members) child.kill("SIGTERM");
  }
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

function startMember(file: string): { child: ChildProcess; ready: Promise<void> } {
  const main = new URL("dist/cli/main.js", root).pathname;
  const child = spawn(process.execPath, [main, "member", "--cluster", url, "--data", file, "--target", "y"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.push(child);
  const ready = new Promise<void>((resolve) => {
    child.stderr?.on("data", (text) => {
      if (/ready/.test(String(text))) resolve();
    });
  });
  return { child, ready };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}
