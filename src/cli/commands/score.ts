/** `leapflow score`: how well a saved model predicts a table. */
import type { Command } from "commander";
import { OptionError } from "../../base/errors.js";
import { figure, printJson, printText } from "../print.js";
import { DATA_HELP, openForModel } from "../tables.js";

interface ScoreFlags {
  readonly target?: string;
  readonly json?: boolean;
}

export function addScoreCommand(program: Command): void {
  program
    .command("score")
    .argument("<model>", "model file written by `leapflow fit --save`")
    .argument("<data>", `table with the model's inputs and the response: ${DATA_HELP}`)
    .option("--target <column>", "name of the response; default: the one the model was fitted to")
    .option("--json", "print one JSON document with the keys r2, rmse, samples")
    .action((model: string, data: string, flags: ScoreFlags) => score(model, data, flags));
}

async function score(modelPath: string, dataPath: string, flags: ScoreFlags): Promise<void> {
  const { loadModel } = await import("../../io/index.js");
  const { qualityOf } = await import("../metrics.js");
  const model = await loadModel(modelPath);
  const target = flags.target ?? model.target;
  if (target === undefined)
    throw new OptionError(
      "TYPE",
      "--target is missing, and the model does not know its response; name the column to score against.",
    );
  const { table, columns } = await openForModel(dataPath, model, target);
  const { X, y } = await table.read({ target, columns });
  const { r2, rmse } = qualityOf(model.predict(X), y);
  if (flags.json === true) printJson({ r2, rmse, samples: y.length });
  else printText(`R² ${figure(r2)}   RMSE ${figure(rmse)}   ${y.length} rows, ${target} by ${modelPath}`);
}
