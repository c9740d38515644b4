/** The values of one Parquet column in one row group, page by page. */
import type { ColumnMetaData, Compressors, PageHeader } from "hyparquet";
import type { ByteReader } from "./byteSource.js";
import { firstNotFinite, type ToNumber, toDoubles } from "./cells.js";
import { decodeRuns, decodeValues, type loadLibrary, type StoredType } from "./parquetValues.js";

// hyparquet's own loop over pages boxes every value of a nullable column (100 ns each against 15 here), holds whole column
// chunks, and grows arrays by lengths that a damaged file may claim. Its parts below that loop are used as they are.

type Library = Awaited<ReturnType<typeof loadLibrary>>;

/** Bytes that a page header is looked for in at first; one with long statistics has more. */
const HEADER = 1 << 14;
const MAX_HEADER = 1 << 22;

/** Values of a page at most: no writer makes such pages, but a run of one value may claim any length. */
const MAX_PAGE = 1 << 26;

/** What a page reader is told of its column. */
export interface ParquetChunk {
  readonly metadata: ColumnMetaData;
  readonly stored: StoredType;
  readonly isNullable: boolean;
  /** Rows of the row group. */
  readonly rows: number;
  /** Bytes to read at once at least: the header of a page and, mostly, the page. */
  readonly readBytes: number;
  readonly toNumber: ToNumber;
  readonly compressors: Compressors;
  /** For the first cell that is not a finite number: its row in the row group, from 0. */
  readonly fail: (row: number, value: unknown) => never;
}

/** A cursor over the values of a column chunk; one page is in memory. */
export class PageCursor {
  readonly #bytes: ByteReader;
  readonly #library: Library;
  readonly #chunk: ParquetChunk;
  readonly #end: number;
  #at: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;
  /** The entries as they are stored, and as doubles. */
  #dictionary: { readonly stored: ArrayLike<unknown>; readonly doubles: Float64Array } | undefined;
  #row = 0;
  /** Values of the page, and how many of them were taken. */
  values: Float64Array = new Float64Array(0);
  taken = 0;

  constructor(bytes: ByteReader, library: Library, chunk: ParquetChunk) {
    const { data_page_offset: data, dictionary_page_offset: dictionary, total_compressed_size: size } = chunk.metadata;
    this.#bytes = bytes;
    this.#library = library;
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
        const header = this.#library.parquetHeader(reader);
        this.#at = this.#windowStart + reader.offset;
        return header;
      } catch (error) {
        if (this.#at + wanted >= this.#end || wanted > MAX_HEADER) throw error;
      }
    }
  }

  /** Makes the next `count` bytes of the chunk (or all that are left) part of the window. */
  async #fill(count: number): Promise<void> {
    const end = Math.min(this.#at + count, this.#end);
    if (this.#at >= this.#windowStart && end <= this.#windowStart + this.#window.length) return;
    // A little more than the page, so that the header of the next one needs no read of its own.
    this.#window = await this.#bytes.read(
      this.#at,
      Math.min(this.#at + Math.max(this.#chunk.readBytes, count + HEADER), this.#end),
    );
    this.#windowStart = this.#at;
  }

  #readDictionary(page: Uint8Array, header: PageHeader): void {
    const { metadata, stored, compressors, toNumber } = this.#chunk;
    const bytes = this.#library.decompressPage(page, header.uncompressed_page_size, metadata.codec, compressors);
    const count = header.dictionary_page_header?.num_values ?? 0;
    const values = decodeValues(this.#library, bytes, "PLAIN", stored, count);
    this.#dictionary = { stored: values, doubles: toDoubles(values, toNumber) };
  }

  #readValues(page: Uint8Array, header: PageHeader): void {
    const { stored, rows, toNumber, fail } = this.#chunk;
    const about = header.data_page_header ?? header.data_page_header_v2;
    if (about === undefined) throw new Error("a page has no header for its values");
    const first = this.#row;
    const { num_values: count, encoding } = about;
    // A damaged header may hold anything here, a structure too.
    if (!Number.isInteger(count)) throw new Error("a page does not say how many values it holds");
    if (!(count >= 0 && count <= MAX_PAGE && first + count <= rows))
      throw new Error(`a page of ${count} values does not belong to ${rows} rows`);
    const { levels, bytes } = this.#split(page, header);
    // A level of 1 is a value, a level of 0 is none.
    const gap = levels === undefined ? -1 : decodeRuns(levels, 1, count).indexOf(0);
    if (gap >= 0) fail(first + gap, null);
    const found = decodeValues(this.#library, bytes, encoding, stored, count);
    if (found.length !== count) throw new Error(`a page has ${found.length} values, but its header says ${count}`);
    const isIndexed = encoding.endsWith("_DICTIONARY");
    const values = isIndexed ? this.#lookUp(found as Int32Array) : toDoubles(found, toNumber);
    const bad = firstNotFinite(values);
    if (bad >= 0) fail(first + bad, isIndexed ? this.#dictionary?.stored[found[bad] as number] : found[bad]);
    this.#row += count;
    this.values = values;
    this.taken = 0;
  }

  /** The definition levels of a page, when its column may have gaps, and the bytes of its values. */
  #split(page: Uint8Array, header: PageHeader): { levels: Uint8Array | undefined; bytes: Uint8Array } {
    const { metadata, isNullable, compressors } = this.#chunk;
    const size = header.uncompressed_page_size;
    const v2 = header.data_page_header_v2;
    if (v2 !== undefined) {
      const { repetition_levels_byte_length: skipped, definition_levels_byte_length: length } = v2;
      const start = skipped + length;
      if (!(skipped >= 0 && length >= 0 && start <= page.length)) throw new Error("a page is shorter than its levels");
      const rest = page.subarray(start);
      const codec = v2.is_compressed === false ? "UNCOMPRESSED" : metadata.codec;
      const bytes = this.#library.decompressPage(rest, size - start, codec, compressors);
      return { levels: isNullable ? page.subarray(skipped, start) : undefined, bytes };
    }
    const bytes = this.#library.decompressPage(page, size, metadata.codec, compressors);
    if (!isNullable) return { levels: undefined, bytes };
    if (header.data_page_header?.definition_level_encoding !== "RLE")
      throw new Error("its levels are in an old encoding");
    const end = 4 + new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
    if (end > bytes.length) throw new Error("a page is shorter than its levels");
    return { levels: bytes.subarray(4, end), bytes: bytes.subarray(end) };
  }

  #lookUp(indices: Int32Array): Float64Array {
    if (this.#dictionary === undefined) throw new Error("a page refers to a dictionary that is missing");
    const { doubles } = this.#dictionary;
    const values = new Float64Array(indices.length);
    for (let i = 0; i < values.length; i++) {
      const index = indices[i];
      if (index >= doubles.length) throw new Error("a page refers to a dictionary entry that does not exist");
      values[i] = doubles[index];
    }
    return values;
  }
}
