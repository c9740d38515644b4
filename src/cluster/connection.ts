/** The connection to the broker: opened within a stated time, kept through restarts, credentials from the environment. */
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { KV, Kvm } from "@nats-io/kv";
import type { NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";
import { describe } from "../base/assert.js";
import { ClusterError, LeapflowError, OptionError } from "../base/errors.js";

/** A broker that does not answer within this time is unreachable. */
export const CONNECT_MS = 5000;
/** Pause between two attempts to come back to a broker that went away. */
const RECONNECT_MS = 200;

/** An open connection with what JetStream offers over it. */
export class Broker {
  readonly url: string;
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly #kvm: Kvm;
  #offlineSince: number | undefined;
  /** How often it came back after it had gone away. */
  returns = 0;

  constructor(url: string, nc: NatsConnection, js: JetStreamClient, jsm: JetStreamManager, kvm: Kvm) {
    this.url = url;
    this.nc = nc;
    this.js = js;
    this.jsm = jsm;
    this.#kvm = kvm;
    void this.#follow();
  }

  /** Milliseconds since the broker went away; 0 while it is there. */
  get offlineMs(): number {
    return this.#offlineSince === undefined ? 0 : performance.now() - this.#offlineSince;
  }

  /** Bytes that one message may have. */
  get messageLimit(): number {
    return this.nc.info?.max_payload ?? 2 ** 20;
  }

  /** A key-value bucket, made when it does not exist. */
  bucket(name: string): Promise<KV> {
    return this.#kvm.create(name, { history: 1 });
  }

  async close(): Promise<void> {
    await this.nc.close().catch(() => undefined);
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.nc.status()) {
      if (type === "disconnect") this.#offlineSince ??= performance.now();
      if (type === "reconnect") {
        this.#offlineSince = undefined;
        this.returns++;
      }
    }
  }
}

/**
 * Connects to a broker.
 *
 * Credentials come from the environment, by the names of the NATS tools: NATS_CREDS (a file), or NATS_USER and
 * NATS_PASSWORD, or NATS_TOKEN; TLS from NATS_CA, NATS_CERT and NATS_KEY (files), or by `tls://` in the address.
 *
 * @param url - `nats://host:port`; several, separated by commas, are the servers of one broker
 * @throws {ClusterError} `CLUSTER_UNREACHABLE` within 5 s; {LeapflowError} `UNAVAILABLE` without the client packages;
 * {OptionError} `RANGE`
 */
export async function openBroker(url: string, name: string): Promise<Broker> {
  const servers = checkUrl(url);
  const { connect, jetstream, jetstreamManager, Kvm, credsAuthenticator } = await loadClient();
  const environment = await fromEnvironment(servers, credsAuthenticator);
  try {
    const nc = await connect({
      ...environment,
      servers,
      name,
      timeout: CONNECT_MS,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: 50,
      maxReconnectAttempts: -1,
    });
    return new Broker(url, nc, jetstream(nc), await jetstreamManager(nc, { checkAPI: false }), new Kvm(jetstream(nc)));
  } catch (cause) {
    throw unreachable(url, (cause as Error)?.message ?? String(cause), cause);
  }
}

/** The error of a broker that cannot be reached, or not any more. */
export const unreachable = (url: string, why: string, cause?: unknown, details = {}): ClusterError =>
  new ClusterError(
    "CLUSTER_UNREACHABLE",
    `the broker at ${url} cannot be reached (${why}). Check the address, that nats-server -js runs there, and NATS_… credentials.`,
    { cause, details: { url, ...details } },
  );

function checkUrl(url: unknown): string[] {
  const servers = typeof url === "string" ? url.split(",").map((one) => one.trim()) : [];
  const isGood = (text: string): boolean => /^(nats|tls):\/\/(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?\/?$/.test(text);
  if (servers.length === 0 || !servers.every(isGood)) {
    throw new OptionError(
      "RANGE",
      `cluster is ${typeof url === "string" ? JSON.stringify(url) : describe(url)}; expected nats://host:port or tls://host:port, credentials in the environment.`,
      { details: { option: "cluster" } },
    );
  }
  return servers;
}

async function fromEnvironment(
  servers: readonly string[],
  credsAuthenticator: (creds: Uint8Array) => NonNullable<NodeConnectionOptions["authenticator"]>,
): Promise<NodeConnectionOptions> {
  const { NATS_CREDS, NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_CA, NATS_CERT, NATS_KEY } = process.env;
  const out: NodeConnectionOptions = {};
  if (NATS_CREDS) {
    const { readFile } = process.getBuiltinModule("node:fs/promises");
    const creds = await readFile(NATS_CREDS).catch((cause: Error) => {
      throw new OptionError("RANGE", `NATS_CREDS names ${NATS_CREDS}, which cannot be read: ${cause.message}`, {
        cause,
      });
    });
    out.authenticator = credsAuthenticator(creds);
  } else if (NATS_USER) {
    out.user = NATS_USER;
    if (NATS_PASSWORD) out.pass = NATS_PASSWORD;
  } else if (NATS_TOKEN) out.token = NATS_TOKEN;
  if (NATS_CA || NATS_CERT || servers.some((one) => one.startsWith("tls:"))) {
    out.tls = {
      ...(NATS_CA ? { caFile: NATS_CA } : {}),
      ...(NATS_CERT ? { certFile: NATS_CERT } : {}),
      ...(NATS_KEY ? { keyFile: NATS_KEY } : {}),
      ...identityCheck(servers),
    };
  }
  return out;
}

/**
 * The certificate of a broker must name the host of its address. The client tells TLS the hosts that are names only, and TLS
 * takes any other for "localhost", so that numeric addresses are checked here: it must name one of those given.
 */
function identityCheck(servers: readonly string[]): object {
  const { checkServerIdentity } = process.getBuiltinModule("node:tls");
  const { isIP } = process.getBuiltinModule("node:net");
  const hosts = servers.map((one) => new URL(one.replace(/^\w+:/, "http:")).hostname.replace(/^\[|\]$/g, ""));
  const numeric = hosts.filter((host) => isIP(host) !== 0);
  if (numeric.length === 0) return {};
  return {
    checkServerIdentity: (host: string, certificate: Parameters<typeof checkServerIdentity>[1]) => {
      const wanted = host === "localhost" && !hosts.includes(host) ? numeric : [host];
      const errors = wanted.map((one) => checkServerIdentity(one, certificate));
      return errors.includes(undefined) ? undefined : errors[0];
    },
  };
}

async function loadClient() {
  try {
    const [{ connect, credsAuthenticator }, { jetstream, jetstreamManager }, { Kvm }] = await Promise.all([
      import("@nats-io/transport-node"),
      import("@nats-io/jetstream"),
      import("@nats-io/kv"),
    ]);
    return { connect, credsAuthenticator, jetstream, jetstreamManager, Kvm };
  } catch (cause) {
    throw new LeapflowError(
      "UNAVAILABLE",
      "clusters need the NATS client: npm install @nats-io/transport-node @nats-io/jetstream @nats-io/kv",
      { cause },
    );
  }
}
