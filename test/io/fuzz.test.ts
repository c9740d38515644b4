/** Damaged and random files: finite numbers or an error of this package, never anything else, never for ever. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LeapflowError } from "../../src/index.js";
import { openTable, type TableFormat } from "../../src/io/index.js";
import { goldenBytes } from "./golden.js";

const FILES: readonly (readonly [name: string, format: TableFormat])[] = [
  ["names.parquet", "parquet"],
  ["none.parquet", "parquet"],
  ["pages2.parquet", "parquet"],
  ["encodings.parquet", "parquet"],
  ["zstd.parquet", "parquet"],
  ["brotli.parquet", "parquet"],
  ["lz4.parquet", "parquet"],
  ["all.arrow", "arrow"],
  ["delta.arrows", "arrow"],
  ["lz4.feather", "arrow"],
  ["zstd.feather", "arrow"],
  ["layouts.arrow", "arrow"],
  ["f8.npy", "npy"],
  ["records.npy", "npy"],
  ["fortran-f4.npy", "npy"],
  ["table.csv.gz", "csv"],
  ["table.jsonl.gz", "jsonl"],
];
/** Runs per file; more with LEAPFLOW_FUZZ_RUNS. */
const numRuns = Number(process.env.LEAPFLOW_FUZZ_RUNS ?? 25);

/** Reads all columns that call themselves numbers; returns the error, if it is one of ours. */
async function read(bytes: Uint8Array, format: TableFormat): Promise<LeapflowError | undefined> {
  try {
    const table = await openTable(bytes, { format, name: "fuzz" });
    for (const { name, numeric } of table.columns) {
      if (numeric === false) continue;
      try {
        for await (const block of table.select([name])) {
          expect(block.data.length).toBe(block.rows);
          expect(block.data.every((value) => Number.isFinite(value))).toBe(true);
        }
      } catch (error) {
        if (!(error instanceof LeapflowError)) throw error;
        expect(error.message).toContain("fuzz");
      }
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof LeapflowError)) throw error;
    expect(error.message).toContain("fuzz");
    return error;
  }
}

const change = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), at: fc.double({ min: 0, max: 1, noNaN: true }), value: fc.nat(255) }),
  // Headers and footers are where the structure is.
  fc.record({ kind: fc.constant("end" as const), at: fc.nat(400), value: fc.nat(255) }),
  fc.record({ kind: fc.constant("start" as const), at: fc.nat(400), value: fc.nat(255) }),
  fc.record({ kind: fc.constant("bit" as const), at: fc.double({ min: 0, max: 1, noNaN: true }), value: fc.nat(7) }),
);

function damaged(bytes: Uint8Array, changes: readonly { kind: string; at: number; value: number }[]): Uint8Array {
  const result = new Uint8Array(bytes);
  for (const { kind, at, value } of changes) {
    const index =
      kind === "end"
        ? Math.max(0, result.length - 1 - at)
        : kind === "start"
          ? Math.min(at, result.length - 1)
          : Math.min(result.length - 1, Math.floor(at * result.length));
    result[index] = kind === "bit" ? result[index] ^ (1 << value) : value;
  }
  return result;
}

test.each(FILES)("%s with bytes changed", async (name, format) => {
  const bytes = goldenBytes(name);
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      await read(damaged(bytes, changes), format);
    }),
    { numRuns },
  );
});

test.each(FILES)("%s cut short", async (name, format) => {
  const bytes = goldenBytes(name);
  await fc.assert(
    fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), async (share) => {
      await read(bytes.subarray(0, Math.floor(share * bytes.length)), format);
    }),
    { numRuns },
  );
});

test.each(["parquet", "arrow", "npy", "jsonl", "json"] as const)("random bytes as %s are refused", async (format) => {
  const marks: Record<string, number[][]> = {
    parquet: [
      [80, 65, 82, 49],
      [80, 65, 82, 49],
    ],
    arrow: [
      [65, 82, 82, 79, 87, 49, 0, 0],
      [65, 82, 82, 79, 87, 49],
    ],
    npy: [[0x93, 78, 85, 77, 80, 89, 1, 0], []],
  };
  const [head, tail] = marks[format] ?? [[], []];
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const error = await read(bytes, format);
      expect(error?.code).toBe("FORMAT");
      // With the marks of the format around them they come further.
      await read(Uint8Array.from([...head, ...bytes, ...tail]), format);
    }),
    { numRuns: 4 * numRuns },
  );
});

test("random text as CSV is a table of finite numbers or refused", async () => {
  const cell = fc.oneof(
    fc.double().map(String),
    fc.constantFrom("", " ", '"', "a", "1,2", '"1"', "1e999", "0x1", "\t", "__proto__"),
  );
  const text = fc.array(
    fc.array(cell, { maxLength: 4 }).map((cells) => cells.join(",")),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(text, fc.constantFrom("\n", "\r\n", "\r"), async (lines, eol) => {
      await read(new TextEncoder().encode(lines.join(eol)), "csv");
    }),
    { numRuns: 8 * numRuns },
  );
});
