/** Parquet as rows: row groups, page by page, only the columns that were chosen. */
import type { FileMetaData, SchemaTree } from "hyparquet";
import { LeapflowError } from "../base/errors.js";
import type { ByteReader } from "./byteSource.js";
import { blockRowsFor, columnName, describeCell, fillColumn, formatError, reasonOf, type ToNumber } from "./cells.js";
import { decompressors } from "./decompress.js";
import { PageCursor } from "./parquetPages.js";
import { parquetType } from "./parquetTypes.js";
import { loadLibrary } from "./parquetValues.js";
import type { OpenReader, TableBlock } from "./reader.js";

/** Opens a Parquet file: reads its footer. */
export const openParquet: OpenReader = async (bytes) => {
  const { parquetMetadataAsync, parquetSchema } = await import("hyparquet");
  const file = {
    byteLength: bytes.size,
    slice: async (start: number, end = bytes.size) => (await bytes.read(start, Math.min(end, bytes.size))).buffer,
  };
  let metadata: FileMetaData;
  let schema: SchemaTree;
  try {
    metadata = await parquetMetadataAsync(file, { geoparquet: false });
    schema = parquetSchema(metadata);
  } catch (cause) {
    if (cause instanceof LeapflowError) throw cause;
    const reason = reasonOf(cause, "its footer cannot be read");
    throw formatError(bytes.name, {}, `is not a complete Parquet file: ${reason}.`, cause);
  }
  const types = schema.children.map(parquetType);
  const columns = schema.children.map(({ element }, j) => {
    const { type, toNumber } = types[j];
    return { name: element.name, type, numeric: toNumber !== undefined };
  });
  const groups = metadata.row_groups.map((group) => Number(group.num_rows));
  const rows = groups.reduce((sum, count) => sum + count, 0);
  if (groups.some((count) => !(count >= 0)) || rows !== Number(metadata.num_rows))
    throw formatError(bytes.name, {}, "has row groups whose rows do not add up to those of the file.");
  return {
    columns,
    rows,
    pass: (from, chosen) =>
      rowsOf(
        from,
        metadata,
        schema,
        types.map(({ toNumber }) => toNumber as ToNumber),
        chosen,
      ),
  };
};

async function* rowsOf(
  bytes: ByteReader,
  metadata: FileMetaData,
  schema: SchemaTree,
  toNumber: readonly ToNumber[],
  chosen: readonly number[],
): AsyncGenerator<TableBlock> {
  const library = await loadLibrary();
  const used = new Set<string>(
    metadata.row_groups.flatMap(({ columns }) => columns.map((one) => one.meta_data?.codec ?? "")),
  );
  used.delete("");
  const compressors = await decompressors(used);
  const step = blockRowsFor(chosen.length);
  // 64 MiB for all columns together.
  const readBytes = Math.max(1 << 15, Math.min(1 << 19, Math.floor((1 << 26) / chosen.length)));
  let before = 0;
  for (const [g, group] of metadata.row_groups.entries()) {
    const rows = Number(group.num_rows);
    if (rows === 0) continue;
    const part = `row group ${g + 1}`;
    const first = before;
    const cursors = chosen.map((j) => {
      const { element } = schema.children[j];
      const { name } = element;
      const chunk = group.columns.find(({ meta_data: one }) => one?.path_in_schema?.[0] === name);
      const within = <T>(run: () => T): T => explained(bytes.name, part, name, j, run);
      if (chunk?.meta_data === undefined || chunk.file_path !== undefined)
        throw formatError(
          bytes.name,
          { part, column: name },
          `${columnName(name, j)} is encrypted or in another file.`,
        );
      const { meta_data: about } = chunk;
      if (Number(about.num_values) !== rows)
        throw formatError(
          bytes.name,
          { part, column: name },
          // Where a damaged footer has a structure instead of a number, there is no count to show.
          `${columnName(name, j)} has ${typeof about.num_values === "bigint" ? about.num_values : "no count of"} values of ${rows}.`,
        );
      const fail = (row: number, value: unknown): never => {
        const place = { row: first + row + 1, part, column: name };
        throw formatError(bytes.name, place, `${columnName(name, j)} ${describeCell(value)}`);
      };
      const told = {
        metadata: about,
        stored: { type: about.type, length: element.type_length },
        isNullable: element.repetition_type === "OPTIONAL",
        rows,
        readBytes,
        toNumber: toNumber[j],
        compressors,
        fail,
      };
      const cursor = within(() => new PageCursor(bytes, library, told));
      return { cursor, advance: () => within(() => cursor.advance()) };
    });
    for (let from = 0; from < rows; from += step) {
      const count = Math.min(step, rows - from);
      const block = { data: new Float64Array(count * chosen.length), rows: count, columns: chosen.length };
      // All at once: the requests of a remote file overlap.
      await Promise.all(cursors.filter(({ cursor }) => cursor.left === 0).map(({ advance }) => advance()));
      for (let k = 0; k < cursors.length; k++) {
        const { cursor, advance } = cursors[k];
        for (let filled = 0; filled < count; ) {
          if (cursor.left === 0) await advance();
          const taken = Math.min(cursor.left, count - filled);
          fillColumn(block, k, cursor.values, cursor.taken, filled, taken);
          cursor.taken += taken;
          filled += taken;
        }
      }
      yield block;
    }
    before += rows;
  }
}

/** What the library throws at a broken page becomes an error that names the column. */
function explained<T>(source: string, part: string, column: string, index: number, run: () => T): T {
  const explain = (cause: unknown): never => {
    if (cause instanceof LeapflowError) throw cause;
    const reason = reasonOf(cause);
    throw formatError(source, { part, column }, `${columnName(column, index)} cannot be read: ${reason}.`, cause);
  };
  try {
    const result = run();
    return result instanceof Promise ? (result.catch(explain) as T) : result;
  } catch (cause) {
    return explain(cause);
  }
}
