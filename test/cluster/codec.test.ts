/** Messages: every bit there and back, and nothing believed that was not sent. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/errors.js";
import { decode, encode, type Wire } from "../../src/cluster/codec.js";
import { cut, Parcels } from "../../src/cluster/parcels.js";
import { introduce, readIntroduction } from "../../src/cluster/protocol.js";
import { decodeJob } from "../../src/cluster/queue.js";

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof FormatError ? error.code : String(error);
  }
  return "nothing thrown";
};

describe("values as messages", () => {
  it("carry every double with its bits, also those that JSON has not", () => {
    const arrays = fc.array(fc.double()).map((list) => Float64Array.from(list));
    fc.assert(
      fc.property(fc.double(), arrays, fc.string(), (number, array, text) => {
        const value: Wire = {
          number,
          list: [array, text, null, undefined, true],
          int: Int32Array.of(-1, 2),
          deep: { array },
        };
        expect(decode(encode(value))).toStrictEqual(value);
      }),
    );
    const strange = [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324];
    expect((decode(encode(strange)) as number[]).every((v, k) => Object.is(v, strange[k]))).toBe(true);
  });

  it("are read from Buffers at any place in memory, as sockets give them", () => {
    const value = { a: Float64Array.of(1, -2.5, 3), b: Int32Array.of(7) };
    for (let shift = 0; shift < 9; shift++) {
      const bytes = Buffer.concat([Buffer.alloc(shift), encode(value)]).subarray(shift);
      expect(decode(bytes)).toStrictEqual(value);
    }
  });

  it("row 63: what is cut short, made up or nested too deeply is a FormatError MESSAGE", () => {
    const good = encode({ a: Float64Array.of(1, 2, 3), b: "text" });
    for (let length = 0; length < good.length; length++)
      expect(codeOf(() => decode(good.subarray(0, length)))).toBe("MESSAGE");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(codeOf(() => decode(bytes))).toBe("MESSAGE");
      }),
    );
    let deep: Wire = 1;
    for (let k = 0; k < 100; k++) deep = [deep];
    expect(codeOf(() => decode(encode(deep)))).toBe("MESSAGE");
  });

  it("set no key that reaches a prototype", () => {
    const text = '{"value":{"__proto__":{"polluted":1}},"arrays":[]}';
    const bytes = encode("x".repeat(200)).slice(0, 8 + text.length);
    new DataView(bytes.buffer).setUint32(4, text.length, true);
    bytes.set(new TextEncoder().encode(text), 8);
    expect(codeOf(() => decode(bytes))).toBe("MESSAGE");
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it("are checked field by field where somebody introduces itself or sends a job", () => {
    const data = { rows: 3, columns: ["a"], checksum: "abc" };
    const about = { member: "m-1", data, shards: [], job: null, jobsDone: 0, calls: 0, upMs: 5 };
    expect(readIntroduction(introduce(about))).toMatchObject(about);
    expect(codeOf(() => readIntroduction(introduce({ ...about, member: "a.b >" })))).toBe("MESSAGE");
    expect(codeOf(() => readIntroduction(encode([1, 2])))).toBe("MESSAGE");
    const job = { job: "j", kind: "fit", options: {}, all: {}, seed: 1 };
    expect(decodeJob(encode({ sweep: "s", job }))).toMatchObject({ sweep: "s", job });
    expect(codeOf(() => decodeJob(encode({ sweep: "s", job: { ...job, kind: "constructor" } })))).toBe("MESSAGE");
    expect(codeOf(() => decodeJob(encode({ sweep: "../s", job })))).toBe("MESSAGE");
  });
});

describe("row 76: messages larger than the broker allows", () => {
  it("are cut into parts and put together from parts in any order, doubled or mixed with others", () => {
    const random = fc.record({ size: fc.integer({ min: 0, max: 5000 }), order: fc.infiniteStream(fc.nat()) });
    fc.assert(
      fc.property(random, ({ size, order }) => {
        const bytes = Uint8Array.from({ length: size }, (_, k) => (k * 7) & 255);
        const other = cut(new Uint8Array(3000).fill(1), 1024);
        const parts = [...cut(bytes, 1024), ...other.slice(1)];
        for (const part of parts) expect(part.length).toBeLessThanOrEqual(1024 - 512);
        const shuffled = parts.flatMap((part) => [part, part]).sort(() => ((order.next().value ?? 0) % 3) - 1);
        const parcels = new Parcels();
        const whole = shuffled.map((part) => parcels.take(part)).filter((one) => one !== undefined);
        expect(whole.length).toBeGreaterThanOrEqual(1);
        for (const one of whole) expect(one).toStrictEqual(bytes);
      }),
    );
  });

  it("are refused when they are no parts", () => {
    expect(codeOf(() => new Parcels().take(new Uint8Array(3)))).toBe("MESSAGE");
    expect(codeOf(() => new Parcels().take(new Uint8Array(20).fill(255)))).toBe("MESSAGE");
  });
});
