/** `leapflow predict`: predictions of a saved model for a table. */
import type { Command } from "commander";
import type { CsvColumns } from "../../io/index.js";
import { count, printJson, printPieces, printText } from "../print.js";
import { DATA_HELP, openForModel } from "../tables.js";

interface PredictFlags {
  readonly out?: string;
  readonly json?: boolean;
}

export function addPredictCommand(program: Command): void {
  program
    .command("predict")
    .argument("<model>", "model file written by `leapflow fit --save`")
    .argument("<data>", `table with the model's inputs; other columns are ignored: ${DATA_HELP}`)
    .option("--out <file>", 'write the predictions here as CSV, column "prediction"')
    .option("--json", "print one JSON document with the key predictions")
    .action((model: string, data: string, flags: PredictFlags) => predict(model, data, flags));
}

/** Rows are read, predicted and written block by block: the size of the table does not matter. */
async function predict(modelPath: string, dataPath: string, flags: PredictFlags): Promise<void> {
  const { checkWritable, csvPieces, loadModel, writeCsv } = await import("../../io/index.js");
  if (flags.out !== undefined) await checkWritable(flags.out);
  const model = await loadModel(modelPath);
  const { table, columns } = await openForModel(dataPath, model);
  const kept: number[] = [];
  let rows = 0;
  async function* blocks(): AsyncGenerator<CsvColumns, undefined> {
    for await (const prediction of model.predict(table.select(columns))) {
      rows += prediction.length;
      if (flags.json === true) for (const value of prediction) kept.push(value);
      yield { prediction };
    }
  }
  if (flags.out !== undefined) await writeCsv(flags.out, blocks());
  else if (flags.json === true) for await (const _ of blocks());
  else await printPieces(csvPieces(blocks()));
  if (flags.json === true) printJson({ predictions: kept });
  else if (flags.out !== undefined) printText(`${count(rows, "prediction")} written to ${flags.out}`);
}
