/** Sweeps: the same figures here and on a cluster, no job lost or stored twice whoever is killed. */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { beforeAll, expect, it } from "vitest";
import { leapflow } from "../cli/run.js";
import {
  describeCluster,
  endOf,
  pause,
  startMember,
  TestBroker,
  type TestMember,
  until,
  writeJson,
  writeRows,
} from "./broker.js";

interface Row {
  readonly job: string;
  readonly options: Record<string, number>;
  readonly seed: number;
  readonly metrics: Record<string, number> | null;
  readonly error?: { readonly message: string; readonly code: string };
}
const rowsOf = (stdout: string): Row[] => (JSON.parse(stdout) as { rows: Row[] }).rows;

/** Messages ever written to the bucket of results. */
async function writes(url: string): Promise<number> {
  const nc = await connect({ servers: url });
  const { state } = await (await jetstreamManager(nc)).streams.info("KV_leapflow-sweeps");
  await nc.close();
  return state.last_seq;
}

describeCluster("a sweep on a cluster", () => {
  let broker: TestBroker;
  let data: string;
  beforeAll(async () => {
    broker = await TestBroker.start();
    data = writeRows("sweep.csv", 400, 4, 3);
  });

  it("row 73: of 200 jobs loses none and stores none twice when members are killed at random", {
    timeout: 120_000,
  }, async () => {
    const spec = writeJson("many.json", {
      name: "many",
      data,
      target: "y",
      testFraction: 0.25,
      fit: { rank: 2, degree: 3, maxIterations: 20 },
      vary: { restarts: [0, 1], seed: Array.from({ length: 100 }, (_, k) => k) },
    });
    const here = leapflow(["sweep", spec, "--json"]);
    const members: TestMember[] = [startMember(broker.url, data), startMember(broker.url, data)];
    await Promise.all(members.map(({ ready }) => ready));
    let ended = false;
    const there = leapflow(["sweep", spec, "--cluster", broker.url, "--json"]).finally(() => {
      ended = true;
    });
    let killed = 0;
    const choice = (k: number): number => (k * 7919 + 13) % 1000;
    for (; killed < 4; killed++) {
      await pause(300 + choice(killed));
      if (ended) break;
      members.push(startMember(broker.url, data));
      await endOf(members[killed].child, "SIGKILL");
    }
    expect(killed).toBeGreaterThanOrEqual(2);
    const [local, cluster] = await Promise.all([here, there]);
    expect(cluster.stderr).toBe("");
    expect(rowsOf(cluster.stdout)).toHaveLength(200);
    expect(new Set(rowsOf(cluster.stdout).map(({ job }) => job)).size).toBe(200);
    expect(rowsOf(cluster.stdout)).toStrictEqual(rowsOf(local.stdout));
    expect(await writes(broker.url)).toBe(200);
    const again = await leapflow(["sweep", spec, "--cluster", broker.url, "--json"]);
    expect(again.stdout).toBe(cluster.stdout);
    expect(await writes(broker.url)).toBe(200);
    await Promise.all(members.map(({ child }) => endOf(child, "SIGTERM")));
  });

  it("a job that throws is a row with its error, and the command fails", async () => {
    const spec = writeJson("failing.json", {
      name: "failing",
      data,
      target: "y",
      fit: { degree: 2, maxIterations: 2, seed: 1 },
      vary: { rank: [1, 50] },
    });
    const member = startMember(broker.url, data);
    for (const where of [[], ["--cluster", broker.url]]) {
      const { code, stdout, stderr } = await leapflow(["sweep", spec, ...where, "--json"]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/1 of 2 jobs failed/);
      const [good, bad] = rowsOf(stdout);
      expect(good.metrics?.r2Train).toBeGreaterThan(0);
      expect(bad.metrics).toBeNull();
      expect(bad.error?.code).toBe("RANGE");
    }
    expect(await endOf(member.child, "SIGTERM")).toBe(0);
  });

  it("a job whose member is lost three times becomes a dead letter", { timeout: 120_000 }, async () => {
    const spec = writeJson("deadly.json", {
      name: "deadly",
      data,
      target: "y",
      fit: { degree: 8, restarts: 100_000, seed: 1 },
      vary: { rank: [3] },
    });
    const running = leapflow(["sweep", spec, "--cluster", broker.url, "--json"]);
    const jobOf = async (): Promise<string | undefined> => {
      const { stdout } = await leapflow(["cluster", "status", "--cluster", broker.url, "--json"]);
      return (JSON.parse(stdout) as { members: { job: string | null }[] }).members[0]?.job ?? undefined;
    };
    for (let k = 0; k < 3; k++) {
      const victim = startMember(broker.url, data);
      await until("the job runs", jobOf);
      await endOf(victim.child, "SIGKILL");
    }
    const last = startMember(broker.url, data);
    const { code, stdout } = await running;
    expect(code).toBe(1);
    expect(rowsOf(stdout)[0].error?.message).toMatch(/lost 3 times/);
    const status = JSON.parse((await leapflow(["cluster", "status", "--cluster", broker.url, "--json"])).stdout);
    expect(status.dead.map(({ error }: { error: string }) => error)).toContainEqual(
      expect.stringMatching(/lost 3 times/),
    );
    // The same for people.
    const { stdout: text } = await leapflow(["cluster", "status", "--cluster", broker.url]);
    expect(text).toContain(`${status.members.length} member`);
    const [{ member, data: seen }] = status.members;
    expect(text.split("\n").find((line) => line.includes(member))).toMatch(
      new RegExp(` 400 × 4 +${seen.checksum.slice(0, 8)} `),
    );
    expect(text).toContain(`dead letters: ${status.dead.length}\n`);
    expect(text).toMatch(/ {2}deadly-\S+: .*lost 3 times/);
    expect(await endOf(last.child, "SIGTERM")).toBe(0);
  });

  it("row 74: without a member fails within the grace time and says who was refused", async () => {
    const other = startMember(broker.url, writeRows("other.csv", 50, 2, 1));
    await other.ready;
    const spec = writeJson("lonely.json", { name: "lonely", data, target: "y", vary: { rank: [1] } });
    const { code, stderr } = await leapflow(["sweep", spec, "--cluster", broker.url, "--grace-ms", 1500]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/no member .*50 rows, not 400/);
    await endOf(other.child, "SIGTERM");
  });

  it("a specification that is wrong is refused before any work", async () => {
    for (const [spec, word] of [
      [{ name: "a", data, target: "y", vary: { rank: 3 } }, /vary.rank/],
      [{ name: "a", data, target: "y", varry: {}, vary: {} }, /varry.*vary/],
      [{ name: "a", study: "rm -rf", vary: {} }, /study/],
      [{ name: "a", data, target: "y", vary: { rank: [1, 1] } }, /twice/],
    ] as const) {
      const { code, stderr } = await leapflow(["sweep", writeJson("wrong.json", spec)]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(word)]);
    }
  });

  it("studies of the theory are jobs too", async () => {
    const spec = writeJson("study.json", {
      name: "trap",
      study: "trap",
      fixed: { link: "h3(z1)", trials: 3, seed: 5 },
      vary: { dim: [4, 8] },
    });
    const { code, stdout, stderr } = await leapflow(["sweep", spec, "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(rowsOf(stdout).map(({ metrics }) => metrics?.trials)).toEqual([3, 3]);
    const { stdout: text } = await leapflow(["sweep", spec]);
    const [title, , head, ...lines] = text.trimEnd().split("\n");
    expect([title, lines.length]).toEqual(["trap: 2 jobs", 2]);
    const cells = (line: string): string[] => line.trim().split(/ {2,}/);
    for (const [at, { options, metrics, seed }] of rowsOf(stdout).entries()) {
      const shown = Object.fromEntries(cells(lines[at]).map((cell, k) => [cells(head)[k], cell]));
      expect(shown).toMatchObject({ dim: String(options.dim), trials: String(metrics?.trials), seed: String(seed) });
    }
  });
});
