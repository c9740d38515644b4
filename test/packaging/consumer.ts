/** A program of a user who writes TypeScript: what compiles, and what must not. */
export const CONSUMER = `
import {
  type Fit, type FitDiagnostics, type FitHistory, type FitOptions, type FitProgress, type FitSelection, type FitStep, fitMultiIndex,
  InputError, LeapflowError, Link, type MatrixLike, MultiIndexModel, type RowSource, rSquared, type StopReason, splitRows, type VectorLike, VERSION, type Warning,
} from "leapflow";
import { loadModel, type NumericTable, openTable, readCsvText, saveModel, type TableFile } from "leapflow/io";
import { gaussHermite, hermite, leapExponents, type Leaps, type QuadratureRule } from "leapflow/theory";

const rows: MatrixLike = [[1, 2], [3, 4]];
const flat: MatrixLike = { data: new Float32Array(4), rows: 2, columns: 2 };
const y: VectorLike = new Float64Array(2);
const source: RowSource = { columns: 2, async *[Symbol.asyncIterator]() { yield { data: [1, 2], rows: 1, columns: 2 }; } };
const progress: FitProgress[] = [];
const options: FitOptions = { rank: 1, degree: 2, ridge: "auto", signal: new AbortController().signal, onProgress: (p) => progress.push(p) };

export async function use(): Promise<number> {
  const fit: Fit = await fitMultiIndex(rows, y, options);
  await fitMultiIndex(flat, y, options);
  await fitMultiIndex(source, y, options);
  const reason: StopReason = fit.stop.reason;
  const { loss }: FitHistory = fit.history;
  const { heldOut, selection, warnings }: FitDiagnostics = fit.diagnostics;
  const { ridge }: FitSelection = selection;
  const codes: string[] = warnings.map((warning: Warning) => warning.code);
  const predictions: Float64Array = fit.model.predict([[1, 2]]);
  const again: MultiIndexModel = MultiIndexModel.fromJSON(JSON.parse(JSON.stringify(fit.model)));
  for await (const step of fitMultiIndex.steps(rows, y, options)) { const one: FitStep = step; one.model().predict(rows); }
  const leaps: Leaps = leapExponents(fit.model.link as Link);
  const rule: QuadratureRule = gaussHermite(5);
  try { splitRows(10, { seed: 1 } as never); } catch (error) { if (error instanceof InputError && error instanceof LeapflowError) console.log(error.code); }
  const table: NumericTable = await readCsvText("a,b\\n1,2\\n");
  const file: TableFile = await openTable(new Blob(["a,b\\n1,2\\n"]), { format: "csv" });
  const { X, y: response } = await file.read({ target: "b" });
  await fitMultiIndex(file.select(X.names), response, options);
  await saveModel("model.json", await loadModel("model.json"));
  // @ts-expect-error a rank is a number or "auto"
  await fitMultiIndex(rows, y, { rank: "many" });
  // @ts-expect-error no such method
  await fitMultiIndex(rows, y, { rank: 1, degree: 2, method: "newton" });
  // @ts-expect-error no such option
  await fitMultiIndex(rows, y, { rank: 1, degree: 2, maxIteration: 3 });
  // @ts-expect-error text is no number
  await fitMultiIndex([["a"]], y, options);
  return predictions[0] + loss[0] + heldOut.r2 + ridge + rSquared(y as Float64Array, y as Float64Array) + hermite(0.5, 2)[2] + (leaps.leap ?? 0)
    + rule.nodes.length + table.rows + again.rank + codes.length + reason.length + VERSION.length;
}
`;
