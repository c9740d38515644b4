/**
 * Entry `leapflow/io`: tables as files, streamed or read whole, and model files.
 *
 * `openTable` opens CSV, TSV, NPY, Parquet, Arrow IPC (file and stream), JSON lines and JSON arrays of records from a path, a
 * URL, a `Blob` or bytes; `select` gives their rows as a `RowSource`, `read` gives X and y. Each format's reader is loaded when
 * a file of that format is opened; in the browser the same code reads a dropped `File`.
 *
 * @module leapflow/io
 */
export type { FileLike } from "./byteSource.js";
export { type ColumnChoice, type Columns, type NamedMatrix, type NumericTable, selectColumns } from "./columns.js";
export { type CsvColumns, type CsvOptions, csvPieces, csvText, readCsv, readCsvText, writeCsv } from "./csv.js";
export { checkWritable, readText, writeText } from "./files.js";
export type { TableFormat } from "./format.js";
export { loadModel, saveModel } from "./modelFile.js";
export { openQuery, type QueryOptions } from "./query.js";
export type { TableBlock, TableColumn } from "./reader.js";
export { type SpooledRows, spooled } from "./spool.js";
export { openTable, readTable, type TableFile, type TableOptions, type TableRows } from "./table.js";
