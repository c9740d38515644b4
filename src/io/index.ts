/** Entry `leapflow/io`: tables and model files. */
export {
  type ColumnChoice,
  type CsvOptions,
  csvText,
  type NumericTable,
  readCsv,
  readCsvText,
  selectColumns,
  writeCsv,
} from "./csv.js";
export { checkWritable, writeText } from "./files.js";
export { loadModel, saveModel } from "./modelFile.js";
