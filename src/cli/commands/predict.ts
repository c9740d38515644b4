/** `leapflow predict`: predictions of a saved model for a table. */
import type { Command } from "commander";
import { count, printJson, printText } from "../print.js";
import { DATA_HELP, readForModel } from "../tables.js";

interface PredictFlags {
  readonly out?: string;
  readonly json?: boolean;
}

export function addPredictCommand(program: Command): void {
  program
    .command("predict")
    .description("Predict with a saved model; prints CSV unless --json or --out is given.")
    .argument("<model>", "model file written by `leapflow fit --save`")
    .argument("<data>", `table with the model's inputs; other columns are ignored: ${DATA_HELP}`)
    .option("--out <file>", 'write the predictions here as CSV, column "prediction"')
    .option("--json", "print one JSON document with the key predictions")
    .action((model: string, data: string, flags: PredictFlags) => predict(model, data, flags));
}

async function predict(modelPath: string, dataPath: string, flags: PredictFlags): Promise<void> {
  const { checkWritable, csvText, loadModel, writeCsv } = await import("../../io/index.js");
  if (flags.out !== undefined) await checkWritable(flags.out);
  const model = await loadModel(modelPath);
  const { X } = await readForModel(dataPath, model);
  const prediction = model.predict(X);
  if (flags.out !== undefined) await writeCsv(flags.out, { prediction });
  if (flags.json === true) printJson({ predictions: Array.from(prediction) });
  else if (flags.out === undefined) printText(csvText({ prediction }).trimEnd());
  else printText(`${count(prediction.length, "prediction")} written to ${flags.out}`);
}
