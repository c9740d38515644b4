/** Decompressors for Parquet pages and Arrow buffers: Node's own where there are some, libraries elsewhere. */
import type { Compressors } from "hyparquet";

export type Decompress = (input: Uint8Array, length: number) => Uint8Array;
type Zlib = Readonly<
  Record<string, ((input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array) | undefined>
>;

const NATIVE: readonly (readonly [codec: string, method: string])[] = [
  ["GZIP", "gunzipSync"],
  ["BROTLI", "brotliDecompressSync"],
  ["ZSTD", "zstdDecompressSync"],
];

/** Decompressors of these codecs (names of the Parquet format). Codecs that nobody knows are left out. */
export async function decompressors(codecs: ReadonlySet<string>): Promise<Compressors> {
  const found: Record<string, Decompress> = {};
  const zlib = nodeZlib();
  for (const [codec, method] of NATIVE) {
    const native = zlib?.[method];
    // Never more than announced: a small archive may hold a very large nothing.
    if (native !== undefined) found[codec] = (input, length) => native(input, { maxOutputLength: Math.max(1, length) });
  }
  if ([...codecs].some((codec) => codec !== "UNCOMPRESSED" && found[codec] === undefined)) {
    try {
      const { compressors } = await import("hyparquet-compressors");
      for (const codec of codecs) found[codec] ??= (compressors as Record<string, Decompress>)[codec];
    } catch (error) {
      // Its Snappy is WebAssembly, which a content policy may forbid; the Parquet reader has a plain one.
      if ([...codecs].some((codec) => codec !== "SNAPPY" && codec !== "UNCOMPRESSED")) throw error;
    }
  }
  return found;
}

/** Newer Node has Zstandard, older has not. */
function nodeZlib(): Zlib | undefined {
  const getBuiltin = typeof process === "object" ? process.getBuiltinModule : undefined;
  return typeof getBuiltin === "function" ? (getBuiltin("node:zlib") as unknown as Zlib) : undefined;
}
