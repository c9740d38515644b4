/** The way to the broker: stated times, credentials from the environment. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { leapflow, temporaryFolder } from "../cli/run.js";
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

  it("speaks TLS with the certificate that the environment names, and with no other", async () => {
    const folder = temporaryFolder();
    const own = certificate(folder, "own");
    const settings = `authorization { token: "sesame" }\ntls { cert_file: "${own.file}", key_file: "${own.key}" }`;
    const broker = await TestBroker.start(settings);
    const status = (environment: Record<string, string>, url = `tls://127.0.0.1:${broker.port}`) =>
      withEnvironment(environment, () => leapflow(["cluster", "status", "--cluster", url, "--json"]));
    const good = { NATS_CA: own.file, NATS_TOKEN: "sesame" };
    const seen = await status(good);
    expect([seen.code, seen.stderr]).toEqual([0, ""]);
    expect(JSON.parse(seen.stdout)).toMatchObject({ members: [] });
    // The broker asks for TLS by itself, so the older scheme is as good.
    expect((await status(good, broker.url)).code).toBe(0);
    const refusals = [
      [{ NATS_TOKEN: "sesame" }, /cannot be reached .*self.signed/i],
      [
        { ...good, NATS_CA: certificate(folder, "other").file },
        /cannot be reached .*(self.signed|certificate|verify)/i,
      ],
      [{ ...good, NATS_TOKEN: "open" }, /cannot be reached .*uthorization/],
      [{ ...good, NATS_CA: join(folder, "missing.pem") }, /missing\.pem/],
    ] as const;
    for (const [environment, words] of refusals) {
      const { code, stderr, stdout } = await status(environment);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(words);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    }
    // A certificate for another address is refused, though its maker is trusted.
    const elsewhere = certificate(folder, "elsewhere", "10.0.0.1");
    const impostor = await TestBroker.start(`tls { cert_file: "${elsewhere.file}", key_file: "${elsewhere.key}" }`);
    const refused = await status({ NATS_CA: elsewhere.file }, `tls://127.0.0.1:${impostor.port}`);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/not in the cert's list|altnames/)]);
    const data = writeRows("tls.csv", 30, 2, 1);
    await withEnvironment(good, async () => {
      const member = startMember(`tls://127.0.0.1:${broker.port}`, data);
      await member.ready;
      expect(await endOf(member.child, "SIGTERM")).toBe(0);
    });
    // Ten processes are started.
  }, 180_000);
});

/** A self-made certificate for an address. */
function certificate(
  folder: string,
  name: string,
  address = "127.0.0.1",
): { readonly file: string; readonly key: string } {
  const [file, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", file];
  const names = ["-days", "2", "-subj", `/CN=${name}`, "-addext", `subjectAltName=IP:${address}`];
  execFileSync("openssl", ["req", "-x509", ...made, ...names], { stdio: "pipe" });
  return { file, key };
}

/** Runs with these variables in the environment of the processes that are started. */
async function withEnvironment<T>(variables: Readonly<Record<string, string>>, run: () => Promise<T>): Promise<T> {
  Object.assign(process.env, variables);
  try {
    return await run();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
}
