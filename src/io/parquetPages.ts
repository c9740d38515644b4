/** The values of one Parquet column in one row group, page by page. */
import type { ColumnMetaData, Compressors, PageHeader, SchemaTree } from "hyparquet";
import type { ByteReader } from "./byteSource.js";
import { firstNotFinite, type ToNumber, toDoubles } from "./cells.js";

// hyparquet's own loop over pages makes an array of boxed values for every nullable column and decodes whole chunks at a time:
// 100 ns per value against 10 here. Its parts (headers, levels, encodings) are used as they are.

type DataPage = ReturnType<Parts["readDataPage"]>;
type Parts = Awaited<ReturnType<typeof loadParts>>;

/** Bytes read at once at least: the header of a page and, mostly, the page. */
const READ = 1 << 19;
/** Bytes that a page header is looked for in at first; one with long statistics has more. */
const HEADER = 1 << 14;

export async function loadParts() {
  const [column, datapage, plain] = await Promise.all([
    import("hyparquet/src/column.js"),
    import("hyparquet/src/datapage.js"),
    import("hyparquet/src/plain.js"),
  ]);
  return { ...column, ...datapage, ...plain };
}

/** What a page reader is told of its column. */
export interface ParquetChunk {
  readonly metadata: ColumnMetaData;
  /** The schema's root and the column. */
  readonly schemaPath: readonly SchemaTree[];
  readonly toNumber: ToNumber;
  readonly compressors: Compressors;
  /** For the first cell that is not a finite number: its row in the row group, from 0. */
  readonly fail: (row: number, value: unknown) => never;
}

/** A cursor over the values of a column chunk; one page is in memory. */
export class PageCursor {
  readonly #bytes: ByteReader;
  readonly #parts: Parts;
  readonly #chunk: ParquetChunk;
  readonly #end: number;
  #at: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;
  /** The entries as they are stored, and as doubles. */
  #dictionary: { readonly stored: ArrayLike<unknown>; readonly doubles: Float64Array } | undefined;
  #row = 0;
  readonly #isNullable: boolean;
  /** The schema of the column as if it could not hold nulls, for pages that hold none: their levels need no decoding. */
  readonly #requiredPath: readonly SchemaTree[];
  /** Values of the page, and how many of them were taken. */
  values: Float64Array = new Float64Array(0);
  taken = 0;

  constructor(bytes: ByteReader, parts: Parts, chunk: ParquetChunk) {
    const { data_page_offset: data, dictionary_page_offset: dictionary, total_compressed_size: size } = chunk.metadata;
    const column = chunk.schemaPath[1];
    this.#isNullable = column.element.repetition_type === "OPTIONAL";
    this.#requiredPath = [
      chunk.schemaPath[0],
      { ...column, element: { ...column.element, repetition_type: "REQUIRED" } },
    ];
    this.#bytes = bytes;
    this.#parts = parts;
    this.#chunk = chunk;
    // Some writers say 0 where there is no dictionary.
    this.#at = Number(dictionary ? dictionary : data);
    this.#end = this.#at + Number(size);
    if (!(this.#at >= 4 && this.#end >= this.#at && this.#end <= bytes.size))
      throw new Error("its pages lie outside the file");
  }

  get left(): number {
    return this.values.length - this.taken;
  }

  /** Goes on to the next page with values. */
  async advance(): Promise<void> {
    while (this.left === 0) {
      if (this.#at >= this.#end) throw new Error(`its values end after row ${this.#row}`);
      const header = await this.#header();
      const size = header.compressed_page_size;
      if (!(size >= 0 && this.#at + size <= this.#end)) throw new Error("a page is longer than its column");
      await this.#fill(size);
      const from = this.#at - this.#windowStart;
      const page = this.#window.subarray(from, from + size);
      this.#at += size;
      if (header.type === "DICTIONARY_PAGE") this.#readDictionary(page, header);
      else if (header.type !== "INDEX_PAGE") this.#readValues(page, header);
    }
  }

  async #header(): Promise<PageHeader> {
    for (let wanted = HEADER; ; wanted *= 16) {
      await this.#fill(wanted);
      const { buffer, byteOffset, byteLength } = this.#window;
      const reader = { view: new DataView(buffer, byteOffset, byteLength), offset: this.#at - this.#windowStart };
      try {
        const header = this.#parts.parquetHeader(reader);
        this.#at = this.#windowStart + reader.offset;
        return header;
      } catch (error) {
        if (this.#at + wanted >= this.#end || wanted > READ) throw error;
      }
    }
  }

  /** Makes the next `count` bytes of the chunk (or all that are left) part of the window. */
  async #fill(count: number): Promise<void> {
    const end = Math.min(this.#at + count, this.#end);
    if (this.#at >= this.#windowStart && end <= this.#windowStart + this.#window.length) return;
    // A little more than the page, so that the header of the next one needs no read of its own.
    this.#window = await this.#bytes.read(this.#at, Math.min(this.#at + Math.max(READ, count + HEADER), this.#end));
    this.#windowStart = this.#at;
  }

  #readDictionary(page: Uint8Array, header: PageHeader): void {
    const { metadata, schemaPath, compressors, toNumber } = this.#chunk;
    const bytes = this.#parts.decompressPage(page, header.uncompressed_page_size, metadata.codec, compressors);
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
    const count = header.dictionary_page_header?.num_values ?? 0;
    const { element } = schemaPath[schemaPath.length - 1];
    const stored = this.#parts.readPlain(reader, metadata.type, count, element.type_length);
    this.#dictionary = { stored, doubles: toDoubles(stored, toNumber) };
  }

  #readValues(page: Uint8Array, header: PageHeader): void {
    const { metadata, schemaPath, compressors, toNumber } = this.#chunk;
    const { codec } = metadata;
    const v1 = header.data_page_header;
    const v2 = header.data_page_header_v2;
    const about = v1 ?? v2;
    if (about === undefined) throw new Error("a page has no header for its values");
    const decoder = (path: readonly SchemaTree[]) =>
      ({ type: metadata.type, codec, compressors, element: path[1].element, schemaPath: path }) as never;
    let decoded: DataPage;
    if (v1 !== undefined) {
      const bytes = this.#parts.decompressPage(page, header.uncompressed_page_size, codec, compressors);
      const levels = this.#isNullable ? levelsWithoutGap(bytes, v1.num_values) : 0;
      decoded =
        levels === undefined
          ? this.#parts.readDataPage(bytes, v1, decoder(schemaPath))
          : this.#parts.readDataPage(bytes.subarray(levels), v1, decoder(this.#requiredPath));
    } else if (v2?.num_nulls === 0 && v2.repetition_levels_byte_length === 0) {
      const levels = v2.definition_levels_byte_length;
      const size = header.uncompressed_page_size - levels;
      const rest = {
        ...header,
        uncompressed_page_size: size,
        data_page_header_v2: { ...v2, definition_levels_byte_length: 0 },
      };
      decoded = this.#parts.readDataPageV2(page.subarray(levels), rest, decoder(this.#requiredPath));
    } else {
      decoded = this.#parts.readDataPageV2(page, header, decoder(schemaPath));
    }
    const { definitionLevels, dataPage } = decoded;
    const first = this.#row;
    const gap = definitionLevels?.indexOf(0) ?? -1;
    if (gap >= 0) this.#chunk.fail(first + gap, null);
    const isIndexed = about.encoding.endsWith("_DICTIONARY");
    const values = isIndexed ? this.#lookUp(dataPage) : toDoubles(dataPage, toNumber);
    if (values.length !== about.num_values)
      throw new Error(`a page has ${values.length} values, but its header says ${about.num_values}`);
    const bad = firstNotFinite(values);
    if (bad >= 0) {
      const stored = isIndexed ? this.#dictionary?.stored[dataPage[bad] as number] : dataPage[bad];
      this.#chunk.fail(first + bad, stored);
    }
    this.#row += values.length;
    this.values = values;
    this.taken = 0;
  }

  #lookUp(indices: ArrayLike<unknown>): Float64Array {
    if (this.#dictionary === undefined) throw new Error("a page refers to a dictionary that is missing");
    const { doubles } = this.#dictionary;
    const values = new Float64Array(indices.length);
    for (let i = 0; i < values.length; i++) {
      const index = indices[i] as number;
      if (!(index < doubles.length)) throw new Error("a page refers to a dictionary entry that does not exist");
      values[i] = doubles[index];
    }
    return values;
  }
}

/**
 * The length in bytes of the definition levels at the start of a page when they are one run that says "all present", as
 * writers put it; undefined for any other.
 */
function levelsWithoutGap(page: Uint8Array, count: number): number | undefined {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const length = view.getUint32(0, true);
  let run = 0;
  let at = 4;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = view.getUint8(at++);
    run |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  // An even number announces a run of one value, which for levels up to 1 takes one byte.
  return (run & 1) === 0 && run >>> 1 >= count && view.getUint8(at) === 1 ? 4 + length : undefined;
}
