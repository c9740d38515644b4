/** Who is in the cluster, and whether they fit. */
import { VERSION } from "../base/version.js";
import type { Broker } from "./connection.js";
import { type DataIdentity, differenceOf } from "./identity.js";
import { type Introduction, PROTOCOL, readIntroduction, SUBJECTS } from "./protocol.js";

/** Members answer within this time, or count as not there. */
const ROLL_CALL_MS = 400;
/** Quiet time after which no more answers are waited for. */
const QUIET_MS = 80;

/** Members that answer now, by name; messages that are not introductions are passed over. */
export async function rollCall(broker: Broker): Promise<Introduction[]> {
  const { nc } = broker;
  const found = new Map<string, Introduction>();
  const inbox = `_INBOX.leapflow.${crypto.randomUUID()}`;
  let last = performance.now();
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) return;
      last = performance.now();
      try {
        const one = readIntroduction(message.data);
        found.set(one.member, one);
      } catch {
        // A stranger on this subject; nothing depends on it.
      }
    },
  });
  try {
    nc.publish(SUBJECTS.who, undefined, { reply: inbox });
    await nc.flush();
    const started = performance.now();
    last = started;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const now = performance.now();
      if (now - started > ROLL_CALL_MS || (found.size > 0 && now - last > QUIET_MS)) break;
    }
  } finally {
    subscription.unsubscribe();
  }
  return [...found.values()].sort((a, b) => (a.member < b.member ? -1 : 1));
}

/** Why a member cannot work on these data; undefined when it can. */
export function refusalOf(member: Introduction, data: DataIdentity): string | undefined {
  if (member.protocol !== PROTOCOL) return `it speaks protocol ${member.protocol}, not ${PROTOCOL}`;
  if (member.version !== VERSION) return `it runs version ${member.version}, not ${VERSION}`;
  return differenceOf(member.data, data);
}
