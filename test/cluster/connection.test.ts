/** The way to the broker: stated times, credentials from the environment. */
import { expect, it } from "vitest";
import { leapflow } from "../cli/run.js";
import { describeCluster, endOf, freePort, startMember, TestBroker, writeRows } from "./broker.js";

describeCluster("the connection to the broker", () => {
  it("row 72: a broker that is down is CLUSTER_UNREACHABLE in stated time", async () => {
    const url = `nats://127.0.0.1:${await freePort()}`;
    const started = performance.now();
    const { code, stderr } = await leapflow(["cluster", "status", "--cluster", url]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot be reached/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it("takes user and password from the environment, and nothing from the address", async () => {
    const broker = await TestBroker.start('authorization { user: "ann", password: "secret" }');
    const data = writeRows("credentials.csv", 30, 2, 1);
    const refused = await leapflow(["member", "--cluster", broker.url, "--data", data, "--target", "y"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/cannot be reached .*uthorization/);
    Object.assign(process.env, { NATS_USER: "ann", NATS_PASSWORD: "secret" });
    try {
      const member = startMember(broker.url, data);
      await member.ready;
      expect(await endOf(member.child, "SIGTERM")).toBe(0);
    } finally {
      delete process.env.NATS_USER;
      delete process.env.NATS_PASSWORD;
    }
    const wrong = await leapflow(["cluster", "status", "--cluster", "http://127.0.0.1:1"]);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/nats:\/\/host:port/)]);
  });
});
