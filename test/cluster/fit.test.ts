/** Fits on a cluster of real processes: the bits of one process, whoever comes, goes, lags or says things twice. */
import { connect as connectTcp, createServer } from "node:net";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { decode, encode } from "../../src/cluster/codec.js";
import { type ClusterOptions, fitOnCluster } from "../../src/cluster/index.js";
import { cut, Parcels } from "../../src/cluster/parcels.js";
import { introduce } from "../../src/cluster/protocol.js";
import { type Fit, type FitOptions, fitMultiIndex } from "../../src/index.js";
import { openTable } from "../../src/io/index.js";
import { leapflow } from "../cli/run.js";
import { describeCluster, endOf, pause, startMember, TestBroker, type TestMember, until, writeRows } from "./broker.js";

const OPTIONS = { rank: 2, degree: 4, seed: 3, restarts: 1, maxIterations: 40, tolerance: 0, shards: 5 } as const;
type Data = Parameters<typeof fitOnCluster>[1];

/** Everything of a fit that numbers can show. */
const bits = (fit: Fit): unknown => [
  JSON.stringify(fit.model),
  fit.history.loss,
  fit.diagnostics.heldOut,
  fit.diagnostics.standardErrors,
];

describeCluster("a fit on a cluster", () => {
  let broker: TestBroker;
  let file: string;
  let data: Data;
  let alone: unknown;
  const clients: NatsConnection[] = [];
  const members: TestMember[] = [];
  const client = async (): Promise<NatsConnection> => {
    const nc = await connect({ servers: broker.url });
    clients.push(nc);
    return nc;
  };
  const add = async (count: number, url = broker.url): Promise<TestMember[]> => {
    const more = Array.from({ length: count }, () => startMember(url, file));
    members.push(...more);
    await Promise.all(more.map(({ ready }) => ready));
    return more;
  };
  const fitHere = (options: FitOptions & ClusterOptions = {}, url = broker.url): Promise<Fit> =>
    fitOnCluster(url, data, { ...OPTIONS, ...options });
  /** A fit with something done to the cluster after some iterations. */
  const disturbed = async (
    after: number,
    disturb: () => Promise<unknown> | unknown,
    more: ClusterOptions = {},
  ): Promise<Fit> => {
    let seen = 0;
    let done: Promise<unknown> | undefined;
    const result = await fitHere({
      ...more,
      onProgress: () => {
        if (++seen === after) done = Promise.resolve(disturb());
      },
    });
    expect(done).toBeDefined();
    await done;
    return result;
  };

  beforeAll(async () => {
    broker = await TestBroker.start();
    file = writeRows("fit.csv", 3000, 6, 11);
    data = await (await openTable(file)).read({ target: "y" });
    alone = bits(await fitMultiIndex(data.X, data.y, OPTIONS));
  });
  afterAll(async () => {
    await Promise.all(clients.map((nc) => nc.close()));
    await Promise.all(members.map(({ child }) => endOf(child, "SIGKILL")));
  });

  it("row 74: without a member is SHARD_LOST once the grace time is over", async () => {
    await expect(fitHere({ graceMs: 600 })).rejects.toMatchObject({ name: "ClusterError", code: "SHARD_LOST" });
  });

  it("row 77: gives the same bits with one, two and four members, in whatever order they answer", {
    timeout: 120_000,
  }, async () => {
    for (const count of [1, 1, 2]) {
      await add(count);
      expect(bits(await fitHere())).toStrictEqual(alone);
    }
  });

  it("row 73: a member killed in the middle changes nothing", async () => {
    for (const after of [2, 10, 20]) {
      const [victim] = await add(1);
      expect(bits(await disturbed(after, () => endOf(victim.child, "SIGKILL")))).toStrictEqual(alone);
    }
  });

  it("row 73: a member that stands still loses its shards, and its late answers are ignored", {
    timeout: 90_000,
  }, async () => {
    const [victim] = await add(1);
    const notices: string[] = [];
    const result = await disturbed(
      5,
      async () => {
        victim.child.kill("SIGSTOP");
        await until("its shards move", () => (notices.some((text) => /is lost|is slow/.test(text)) ? true : undefined));
        victim.child.kill("SIGCONT");
      },
      { onNotice: (text) => notices.push(text) },
    );
    expect(bits(result)).toStrictEqual(alone);
    await endOf(victim.child, "SIGTERM");
  });

  it("row 73: questions and answers that come twice and late are counted once", async () => {
    const nc = await client();
    let doubled = 0;
    for (const subject of ["_INBOX.leapflow.>", "leapflow.member.*.call"]) {
      nc.subscribe(subject, {
        callback: (_, message) => {
          if (message.headers?.get("again")) return;
          const again = headers();
          again.set("again", "1");
          const copy = new Uint8Array(message.data);
          setTimeout(
            () =>
              nc.isClosed() ||
              nc.publish(message.subject, copy, { headers: again, ...(message.reply ? { reply: message.reply } : {}) }),
            (++doubled % 7) * 15,
          );
        },
      });
    }
    expect(bits(await fitHere())).toStrictEqual(alone);
    expect(doubled).toBeGreaterThan(500);
    await nc.close();
  });

  it("row 73: a member behind a slow line changes nothing", async () => {
    const line = createServer((near) => {
      const far = connectTcp(broker.port, "127.0.0.1");
      const later = (to: typeof near) => (chunk: Uint8Array) =>
        void setTimeout(() => to.writable && to.write(chunk), 15);
      near
        .on("data", later(far))
        .on("error", () => far.destroy())
        .on("close", () => far.destroy());
      far
        .on("data", later(near))
        .on("error", () => near.destroy())
        .on("close", () => near.destroy());
    }).listen(0, "127.0.0.1");
    await until("the line is open", () => (line.listening ? true : undefined));
    const address = line.address() as { port: number };
    const [slow] = await add(1, `nats://127.0.0.1:${address.port}`);
    expect(bits(await fitHere({ maxIterations: 6 }))).toStrictEqual(
      bits(await fitMultiIndex(data.X, data.y, { ...OPTIONS, maxIterations: 6 })),
    );
    await endOf(slow.child, "SIGTERM");
    line.close();
  });

  it("row 72: a broker that comes back within the grace time changes nothing", async () => {
    const result = await disturbed(8, async () => {
      await broker.kill();
      await pause(700);
      await broker.begin();
    });
    expect(bits(result)).toStrictEqual(alone);
  });

  it("row 72: a broker that stays away is CLUSTER_UNREACHABLE, with the last model there was", async () => {
    const lost = disturbed(8, () => broker.kill(), { graceMs: 1200 });
    await expect(lost).rejects.toMatchObject({
      code: "CLUSTER_UNREACHABLE",
      details: { model: { rank: 2 }, loss: expect.any(Number) },
    });
    await broker.begin();
    await pause(500);
  });

  it("row 75: members of another version or with other rows are refused, the difference named", async () => {
    const nc = await client();
    const about = { shards: [], job: null, jobsDone: 0, calls: 0, upMs: 1 };
    const identity = { rows: 3000, columns: ["x1", "x2", "x3", "x4", "x5", "x6"], checksum: "0" };
    const names = (list: string[]): { rows: number; columns: string[]; checksum: string } => ({
      ...identity,
      columns: list,
    });
    const strangers: Record<string, Uint8Array> = {
      "other-rows": introduce({ ...about, member: "other-rows", data: { ...identity, rows: 2999 } }),
      "other-columns": introduce({
        ...about,
        member: "other-columns",
        data: names(["x1", "x2", "x3", "x4", "x5", "z"]),
      }),
      "fewer-columns": introduce({ ...about, member: "fewer-columns", data: names(["x1"]) }),
      "other-numbers": introduce({ ...about, member: "other-numbers", data: identity }),
      "other-version": encode({
        ...about,
        member: "other-version",
        data: identity,
        protocol: 1,
        version: "0.0.1",
      } as never),
      "other-protocol": encode({
        ...about,
        member: "other-protocol",
        data: identity,
        protocol: 9,
        version: "9",
      } as never),
    };
    nc.subscribe("leapflow.who", {
      callback: (_, message) => {
        for (const words of Object.values(strangers)) message.respond(words);
        message.respond(new Uint8Array([1, 2, 3]));
      },
    });
    const told: string[] = [];
    nc.subscribe("leapflow.member.other-rows.refuse", { callback: (_, message) => void told.push(message.string()) });
    await nc.flush();
    const notices: string[] = [];
    expect(bits(await fitHere({ onNotice: (text) => notices.push(text) }))).toStrictEqual(alone);
    for (const [name, why] of [
      ["other-rows", /2999 rows, not 3000/],
      ["other-columns", /column 6 is "z", not "x6"/],
      ["fewer-columns", /1 input columns, not 6/],
      ["other-numbers", /checksum 0, not/],
      ["other-version", /version 0\.0\.1, not/],
      ["other-protocol", /protocol 9, not 1/],
    ] as const) {
      expect(notices.find((text) => text.includes(name))).toMatch(why);
    }
    expect(told.join()).toMatch(/2999 rows/);
    await nc.close();
  });

  it("row 63: members survive messages that are none, and say so", async () => {
    const nc = await client();
    const [member] = await add(1);
    const name = await member.ready;
    for (const bytes of [
      new Uint8Array(3),
      new Uint8Array(100).fill(7),
      ...cut(encode({ fit: "../x", problem: -1 }), 4096),
    ]) {
      nc.publish(`leapflow.member.${name}.call`, bytes, { reply: "nobody" });
      nc.publish(`leapflow.member.${name}.forget`, bytes);
    }
    await nc.flush();
    await until("it says so", () => (/could not be read|no proper/.test(member.log()) ? true : undefined));
    expect(bits(await fitHere())).toStrictEqual(alone);
    expect(await endOf(member.child, "SIGTERM")).toBe(0);
    await nc.close();
  });

  it("row 78: a second coordinator of the same name is refused, the first goes on", async () => {
    let second: Promise<unknown> | undefined;
    const first = await disturbed(
      3,
      () => {
        second = fitHere({ name: "one-name" }).catch((error) => error);
      },
      { name: "one-name" },
    );
    expect(await second).toMatchObject({ code: "NAME_TAKEN", message: expect.stringMatching(/one-name/) });
    expect(bits(first)).toStrictEqual(alone);
    expect(bits(await fitHere({ name: "one-name" }))).toStrictEqual(alone);
  });

  it("a coordinator that was killed goes on where it was, to the same bits", { timeout: 120_000 }, async () => {
    const flags = Object.entries({ ...OPTIONS, restarts: 30 }).flatMap(([key, value]) => [
      `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      value,
    ]);
    const args = ["fit", file, "--target", "y", ...flags, "--json"];
    const named = [...args, "--cluster", broker.url, "--name", "resumed"];
    const quiet = JSON.parse((await leapflow(args)).stdout);
    // What is written to the bucket of checkpoints, entry by entry, is what a next run can go on from.
    const nc = await client();
    let kept = 0;
    const killed = await leapflow(named, (child) => {
      const entries = new Parcels();
      nc.subscribe("$KV.leapflow-fits.resumed.log.>", {
        callback: (_, { data }) => {
          const entry = data.length > 0 ? entries.take(data) : undefined;
          if (entry) kept += (decode(entry) as { answers: unknown[] }).answers.length;
          if (kept > 20) child.kill("SIGKILL");
        },
      });
    });
    expect(killed.stdout).toBe("");
    await nc.close();
    const { code, stdout, stderr } = await leapflow(named);
    expect(code, stderr).toBe(0);
    expect(Number(/goes on after (\d+) rounds/.exec(stderr)?.[1])).toBeGreaterThan(20);
    const resumed = JSON.parse(stdout);
    for (const key of ["directions", "basis", "metrics", "iterations", "leaps"])
      expect(resumed[key]).toEqual(quiet[key]);
  });

  it("chooses rank and degree as one process does", async () => {
    const { rank, degree, ...rest } = { ...OPTIONS, restarts: 0 };
    const here = await fitMultiIndex(data.X, data.y, rest);
    const there = await fitOnCluster(broker.url, data, rest);
    expect(bits(there)).toStrictEqual(bits(here));
    expect(there.model.rank).toBeGreaterThan(0);
  });
});

describeCluster("row 76: a broker that allows small messages only", () => {
  it("gets statistics in parts, or is refused before the first round", { timeout: 90_000 }, async () => {
    const file = writeRows("small.csv", 1500, 6, 12);
    const data = await (await openTable(file)).read({ target: "y" });
    const options = { ...OPTIONS, degree: 6, restarts: 0, maxIterations: 5 };
    const alone = bits(await fitMultiIndex(data.X, data.y, options));
    const narrow = await TestBroker.start("max_payload: 6000\n");
    const member = startMember(narrow.url, file);
    await member.ready;
    expect(bits(await fitOnCluster(narrow.url, data, options))).toStrictEqual(alone);
    await endOf(member.child, "SIGTERM");
    await narrow.kill();
    const tiny = await TestBroker.start("max_payload: 2048\n");
    await expect(fitOnCluster(tiny.url, data, options)).rejects.toMatchObject({
      name: "OptionError",
      message: expect.stringMatching(/2048 bytes/),
    });
  });
});
