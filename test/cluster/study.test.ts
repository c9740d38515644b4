/** Experiments on a cluster: the same bytes as here, whoever computes them; members need no rows. */
import { beforeAll, expect, it } from "vitest";
import { leapflow } from "../cli/run.js";
import { describeCluster, endOf, startMember, TestBroker } from "./broker.js";

describeCluster("a study on a cluster", () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
  });

  it("prints what threads of one process print, though a member is killed", { timeout: 120_000 }, async () => {
    const study = ["study", "saddles", "--tiny", "--seed", 2, "--json"];
    const here = await leapflow([...study, "--threads", 2]);
    expect([here.code, here.stderr]).toEqual([0, ""]);
    const members = [startMember(broker.url), startMember(broker.url)];
    await Promise.all(members.map(({ ready }) => ready));
    const running = leapflow([...study, "--cluster", broker.url]);
    await endOf(members[0].child, "SIGKILL");
    const there = await running;
    expect(there).toEqual(here);
    expect(await endOf(members[1].child, "SIGTERM")).toBe(0);
    // Nobody is left, and nobody is needed: the broker has all results.
    expect(await leapflow([...study, "--cluster", broker.url])).toEqual(here);
  });

  it("without a member says so", async () => {
    const { code, stderr } = await leapflow([
      "study",
      "saddles",
      "--tiny",
      "--cluster",
      broker.url,
      "--grace-ms",
      1200,
    ]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/no member .*leapflow member/)]);
  });

  it("rows without a response are refused", async () => {
    const { code, stderr } = await leapflow(["member", "--cluster", broker.url, "--data", "rows.csv"]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--data and --target/)]);
  });
});
