/** Messages larger than the broker allows: cut into parts when sent, put together when received. */
import { FormatError } from "../base/errors.js";

/** id (two words) | number of this part | number of parts. */
const HEAD_BYTES = 16;
/** Room for subjects and protocol lines beside the payload. */
const MARGIN_BYTES = 512;
/** Unfinished parcels kept at once; older ones lost a part and are let go. */
const MAX_OPEN = 256;
/** Largest parcel accepted. */
const MAX_BYTES = 2 ** 30;

/** Cuts bytes into payloads of at most `limit` bytes each. Cost: one copy. */
export function cut(bytes: Uint8Array, limit: number): Uint8Array[] {
  const room = Math.max(1, limit - HEAD_BYTES - MARGIN_BYTES);
  const count = Math.max(1, Math.ceil(bytes.length / room));
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return Array.from({ length: count }, (_, k) => {
    const part = bytes.subarray(k * room, (k + 1) * room);
    const payload = new Uint8Array(HEAD_BYTES + part.length);
    const head = new DataView(payload.buffer);
    [high, low, k, count].forEach((word, j) => {
      head.setUint32(4 * j, word, true);
    });
    payload.set(part, HEAD_BYTES);
    return payload;
  });
}

/** Puts parts together again. Parts may come in any order, twice, or mixed with those of other parcels. */
export class Parcels {
  readonly #open = new Map<string, { parts: (Uint8Array | undefined)[]; missing: number; bytes: number }>();

  /**
   * Takes one payload.
   * @returns the whole parcel once its last part is here
   * @throws {FormatError} `MESSAGE` for what is not a part
   */
  take(payload: Uint8Array): Uint8Array | undefined {
    if (payload.length < HEAD_BYTES) throw notAPart(`it has ${payload.length} bytes`);
    const head = new DataView(payload.buffer, payload.byteOffset, HEAD_BYTES);
    const [high, low, index, count] = [0, 4, 8, 12].map((at) => head.getUint32(at, true));
    const part = payload.subarray(HEAD_BYTES);
    if (index >= count || count > MAX_BYTES / 64) throw notAPart(`it says to be part ${index} of ${count}`);
    if (count === 1) return part;
    const key = `${high}.${low}`;
    const parcel = this.#open.get(key) ?? { parts: new Array(count).fill(undefined), missing: count, bytes: 0 };
    if (parcel.parts.length !== count) throw notAPart("its parcel has another number of parts");
    if (parcel.parts[index]) return undefined;
    parcel.parts[index] = new Uint8Array(part);
    parcel.bytes += part.length;
    parcel.missing--;
    if (parcel.bytes > MAX_BYTES) throw notAPart(`its parcel has more than ${MAX_BYTES} bytes`);
    if (parcel.missing > 0) {
      this.#open.set(key, parcel);
      for (const old of this.#open.keys()) {
        if (this.#open.size <= MAX_OPEN) break;
        this.#open.delete(old);
      }
      return undefined;
    }
    this.#open.delete(key);
    const whole = new Uint8Array(parcel.bytes);
    let at = 0;
    for (const one of parcel.parts as Uint8Array[]) {
      whole.set(one, at);
      at += one.length;
    }
    return whole;
  }
}

const notAPart = (why: string): FormatError =>
  new FormatError("MESSAGE", `a message of the cluster could not be read: ${why}.`);
