/** Values of one Parquet page from its bytes; sizes are held against the bytes before anything is allocated for them. */
import type { Encoding, ParquetType } from "hyparquet";

type Library = Awaited<ReturnType<typeof loadLibrary>>;

/** The parts of hyparquet below its loop over pages, see parquetPages.ts. */
export async function loadLibrary() {
  const [column, page, plain, encoding, delta] = await Promise.all([
    import("hyparquet/src/column.js"),
    import("hyparquet/src/datapage.js"),
    import("hyparquet/src/plain.js"),
    import("hyparquet/src/encoding.js"),
    import("hyparquet/src/delta.js"),
  ]);
  const { parquetHeader } = column;
  const { decompressPage } = page;
  return { parquetHeader, decompressPage, ...plain, ...encoding, ...delta };
}

export interface StoredType {
  readonly type: ParquetType;
  /** Bytes of a FIXED_LEN_BYTE_ARRAY. */
  readonly length: number | undefined;
}

/**
 * Decodes `count` values; of a dictionary encoding, their indices.
 * @throws {Error} for bytes that cannot hold them, and for encodings that do not occur with numbers
 */
export function decodeValues(
  library: Library,
  bytes: Uint8Array,
  encoding: Encoding,
  stored: StoredType,
  count: number,
): ArrayLike<unknown> {
  const { type, length } = stored;
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  switch (encoding) {
    case "PLAIN":
      checkSize(bytes, stored, count);
      return library.readPlain(reader, type, count, length);
    case "PLAIN_DICTIONARY":
    case "RLE_DICTIONARY":
      if (count > 0 && bytes.length === 0) throw new Error("a page is cut short");
      return decodeRuns(bytes.subarray(1), bytes[0], count);
    case "RLE":
      if (type !== "BOOLEAN") break;
      return Array.from(decodeRuns(bytes.subarray(4), 1, count), (bit) => bit === 1);
    case "BYTE_STREAM_SPLIT":
      checkSize(bytes, stored, count);
      return library.byteStreamSplit(reader, count, type, length);
    case "DELTA_BINARY_PACKED": {
      const values = type === "INT32" ? new Int32Array(count) : new BigInt64Array(count);
      if (count > 0) library.deltaBinaryUnpack(reader, count, values);
      return values;
    }
    case "DELTA_BYTE_ARRAY": {
      const values: Uint8Array[] = [];
      library.deltaByteArray(reader, count, values);
      return values;
    }
  }
  throw new Error(
    encoding === undefined ? "its encoding is not known" : `its encoding ${encoding} is not known for numbers`,
  );
}

function checkSize(bytes: Uint8Array, { type, length }: StoredType, count: number): void {
  const bits =
    type === "BOOLEAN"
      ? 1
      : type === "INT64" || type === "DOUBLE"
        ? 64
        : type === "FIXED_LEN_BYTE_ARRAY"
          ? 8 * (length ?? 0)
          : 32;
  if (count * bits > 8 * bytes.length) throw new Error("a page is shorter than its values");
}

/**
 * Decodes `count` integers of `width` bits from runs, repeated or packed. A run longer than what is left is cut.
 * Source: Parquet format, "Run Length Encoding / Bit-Packing Hybrid".
 */
export function decodeRuns(bytes: Uint8Array, width: number, count: number): Int32Array {
  if (!(width <= 24)) throw new Error(`${width} bits for an index are too many`);
  const values = new Int32Array(count);
  let at = 0;
  const next = (): number => {
    if (at >= bytes.length) throw new Error("a page is cut short");
    return bytes[at++];
  };
  for (let filled = 0; filled < count; ) {
    let header = 0;
    for (let shift = 0, byte = 128; byte >= 128; shift += 7) {
      byte = next();
      if (shift > 28) throw new Error("a run has no end");
      header |= (byte & 127) << shift;
    }
    const isPacked = (header & 1) === 1;
    const end = Math.min(count, filled + (header >>> 1) * (isPacked ? 8 : 1));
    if (end === filled) throw new Error("a run is empty");
    if (isPacked) {
      const mask = (1 << width) - 1;
      const after = at + (header >>> 1) * width;
      let bits = 0;
      let have = 0;
      for (; filled < end; filled++) {
        for (; have < width; have += 8) bits |= next() << have;
        values[filled] = bits & mask;
        bits >>>= width;
        have -= width;
      }
      at = after;
    } else {
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value |= next() << shift;
      values.fill(value, filled, end);
      filled = end;
    }
  }
  return values;
}
