/** Mutators over bytes and text. An input depends on target, seed and index only, so that each finding can be made again. */

export interface Random {
  /** Uniform integer in 0…n−1; 0 for n < 1. */
  below(n: number): number;
  pick<T>(list: readonly T[]): T;
}

/** A small, fast stream (splitmix32); quality beyond "all bits move" does not matter here. */
export function randomAt(seed: number, index: number): Random {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) | 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let t = state ^ (state >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
  const below = (n: number): number => (n < 1 ? 0 : next() % n);
  return { below, pick: (list) => list[below(list.length)] };
}

/** Numbers at which lengths, counts and offsets go wrong. */
const EDGES = [0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff];

/** One to five changes of a sample: bytes, bits, integers at any place (ends preferred), runs cut, doubled or exchanged. */
export function mutateBytes(samples: readonly Uint8Array[], random: Random): Uint8Array {
  let bytes: Uint8Array<ArrayBuffer> = new Uint8Array(random.pick(samples));
  for (let changes = 1 + random.below(5); changes > 0; changes--) {
    const length = bytes.length;
    const at = random.pick([
      random.below(length),
      random.below(Math.min(length, 64)),
      Math.max(0, length - 1 - random.below(200)),
    ]);
    const run = 1 + random.below(random.pick([4, 16, 64]));
    switch (random.below(9)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes[at] ^= 1 << random.below(8);
        break;
      case 2:
        bytes[at] = (bytes[at] + random.pick([1, 255])) & 255;
        break;
      case 3: {
        const width = random.pick([1, 2, 4, 8]);
        if (at + width > length) break;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const value = random.pick(EDGES);
        if (width === 1) view.setUint8(at, value);
        else if (width === 2) view.setUint16(at, value, true);
        else view.setUint32(at, value, true);
        break;
      }
      case 4:
        bytes = bytes.slice(0, at);
        break;
      case 5:
        bytes = join(bytes.subarray(0, at), bytes.subarray(Math.min(length, at + run)));
        break;
      case 6:
        bytes = join(bytes.subarray(0, at), bytes.subarray(at, at + run), bytes.subarray(at));
        break;
      case 7: {
        const other = random.pick(samples);
        const from = random.below(other.length);
        bytes = join(
          bytes.subarray(0, at),
          other.subarray(from, from + run),
          bytes.subarray(Math.min(length, at + run)),
        );
        break;
      }
      default: {
        const noise = Uint8Array.from({ length: run }, () => random.below(256));
        bytes = join(bytes.subarray(0, at), noise, bytes.subarray(at));
      }
    }
  }
  return bytes;
}

/** One to five changes of a sample: words of the target's dictionary put in or over, characters, runs cut, doubled, moved. */
export function mutateText(samples: readonly string[], words: readonly string[], random: Random): string {
  let text = random.pick(samples);
  for (let changes = 1 + random.below(5); changes > 0; changes--) {
    const at = random.below(text.length + 1);
    const run = 1 + random.below(random.pick([2, 8, 40]));
    const [head, tail] = [text.slice(0, at), text.slice(at)];
    switch (random.below(8)) {
      case 0:
        text = head + random.pick(words) + tail;
        break;
      case 1:
        text = head + random.pick(words) + tail.slice(run);
        break;
      case 2:
        text = head + String.fromCharCode(random.pick([random.below(128), random.below(0x10000)])) + tail.slice(1);
        break;
      case 3:
        text = head;
        break;
      case 4:
        text = head + tail.slice(run);
        break;
      case 5:
        text = head + tail.slice(0, run) + tail;
        break;
      case 6: {
        const other = random.pick(samples);
        const from = random.below(other.length);
        text = head + other.slice(from, from + run) + tail;
        break;
      }
      default:
        text = head + tail.slice(run) + tail.slice(0, run);
    }
  }
  return text;
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const EDGE_VALUES = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e308,
  -1e308,
  1e-320,
  2 ** 53,
  4294967296,
  "",
  "3",
  "__proto__",
  [],
  {},
  [[]],
  [null],
];

/** Values at two places must not be one: a later change of it would be made twice, even inside itself. */
const copyOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null ? structuredClone(value) : value;

/** A JSON document with one to three of its values replaced, removed, doubled, nested, or given keys that objects inherit. */
export function mutateJson(sample: string, random: Random): string {
  const document = { root: JSON.parse(sample) as unknown };
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    let holder: Record<string, unknown> | unknown[] = document;
    let key: string | number = "root";
    for (;;) {
      const value: unknown = (holder as Record<string, unknown>)[key];
      if (typeof value !== "object" || value === null || random.below(6) === 0) break;
      const keys: (string | number)[] = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
      if (keys.length === 0) break;
      holder = value as Record<string, unknown>;
      key = random.pick<string | number>(keys);
    }
    const spot = holder as Record<string | number, unknown>;
    const old = spot[key];
    switch (random.below(6)) {
      case 0:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete spot[key];
        break;
      case 1:
        if (Array.isArray(holder)) holder.splice(Number(key), 0, copyOf(old));
        else spot[random.pick(["constructor", "toString", "length", "extra"])] = copyOf(old);
        break;
      case 2:
        spot[key] =
          typeof old === "number" ? random.pick([-old, old * 2, old + 1e-9, Math.round(old) + 1, old / 3]) : [old];
        break;
      default:
        spot[key] = copyOf(random.pick(EDGE_VALUES));
    }
  }
  const text = JSON.stringify(document.root) ?? "null";
  // A literal __proto__ key is an own property only in parsed text.
  return random.below(20) === 0 ? text.replace("{", '{"__proto__":{"polluted":1},') : text;
}
