/** `leapflow fit`: learns a model from a table. */
import { type Command, Option } from "commander";
import { ClusterError } from "../../base/errors.js";
import type { Fit, FitStep, MultiIndexModel } from "../../index.js";
import { addClusterFlags, type ClusterFlags, type ClusterReport, joinFor } from "../clusterFlags.js";
import { countOf } from "../counts.js";
import { addFitFlags, fitOptionsOf, numberOrWord } from "../fitFlags.js";
import { checkReport, saveReport } from "../fitReport.js";
import { type Quality, qualityOf } from "../metrics.js";
import { Interruption, messageOf, watchSignals } from "../outcome.js";
import { fitSummary, printJson, printText, progressLine } from "../print.js";
import { fitLarge, type StreamFlags } from "../streamedFit.js";
import { DATA_HELP, type NamedMatrix, parseColumns, readTraining } from "../tables.js";

interface FitFlags extends ClusterFlags, StreamFlags {
  readonly target: string;
  readonly test?: string;
  readonly testFraction?: string;
  readonly columns?: string;
  readonly save?: string;
  readonly report?: string;
  readonly json?: boolean;
}

/** What `fit` reports, as JSON or as a summary. */
export interface FitReport {
  readonly fit: Fit;
  readonly columns: readonly string[];
  readonly target: string;
  readonly samples: number;
  readonly testSamples: number;
  readonly train: Quality;
  readonly test?: Quality;
  readonly elapsedMs: number;
  readonly cluster?: ClusterReport;
}

export function addFitCommand(program: Command): void {
  const command = program
    .command("fit")
    .argument("<data>", `one row per observation: ${DATA_HELP}`)
    .requiredOption("--target <column>", "name of the response; the columns of an NPY matrix are x1, x2, …")
    .addOption(
      new Option("--test <file>", "score on this file as well; its columns are found by name").conflicts(
        "testFraction",
      ),
    )
    .option("--test-fraction <share>", "set this share of the rows aside and score on them, e.g. 0.2")
    .option("--columns <a,b,…>", "inputs to use; default: all columns but the target")
    .option("--save <file>", "write the model here as JSON")
    .option("--memory <MiB>", "stream the rows of a table that is larger than this, default 512", countOf)
    .option("--report <file.html>", "write a page of figures, tables and words about the fit here");
  addClusterFlags(addFitFlags(command))
    .option("--json", "print one JSON document instead of a summary")
    .action((data: string, flags: FitFlags) => runFit(data, flags));
}

async function runFit(path: string, flags: FitFlags): Promise<void> {
  const options = fitOptionsOf(flags as unknown as Record<string, unknown>);
  const columns = parseColumns(flags.columns);
  const watch = watchSignals();
  const { fitMultiIndex } = await import("../../index.js");
  const { checkWritable } = await import("../../io/index.js");
  if (flags.save !== undefined) await checkWritable(flags.save);
  await checkReport(flags.report, flags.save);
  if (await runLarge(path, columns, flags, options, watch)) return;
  const { X, y } = await readTraining(path, flags.target, columns, watch.signal);
  const parts = await splitTest(X, y, flags, options.seed, watch.signal);
  // One seed for the split and the fit, so that the seed printed repeats both.
  if (parts.seed !== undefined) options.seed = parts.seed;

  if (flags.shards !== undefined) options.shards = flags.shards;
  const cluster = await joinFor(flags, parts, options);

  const progress = progressLine();
  const started = performance.now();
  let best: FitStep | undefined;
  let result: Fit;
  try {
    const { X: rows, y: response } = cluster?.data ?? parts;
    const all = { ...options, ...cluster?.options, signal: watch.signal };
    const steps = fitMultiIndex.steps(rows, response, all as never);
    for (;;) {
      const next = await steps.next();
      if (next.done === true) {
        result = next.value;
        break;
      }
      // Losses of different phases are taken at different ridges and do not compare.
      if (best?.phase !== next.value.phase || next.value.loss <= best.loss) best = next.value;
      progress.show(next.value);
    }
  } catch (error) {
    progress.clear();
    await cluster?.close(false);
    const isLost = error instanceof ClusterError || error instanceof Interruption;
    if (!isLost || flags.save === undefined) throw error;
    const note = await saveBest(flags.save, best, flags.target);
    if (error instanceof Interruption) throw new Interruption(error.signal, note);
    throw new ClusterError(error.code, `${error.message.replace(/\.$/, "")}${note}.`, { cause: error });
  }
  progress.clear();
  await cluster?.close(true);
  const elapsedMs = performance.now() - started;
  if (flags.save !== undefined) await save(flags.save, result.model, flags.target);
  if (flags.report !== undefined) {
    const train = { X: parts.X, y: parts.y };
    await saveReport(flags.report, result, { train, test: parts.test, target: flags.target, source: path });
  }
  const report: FitReport = {
    fit: result,
    columns: X.names,
    target: flags.target,
    samples: parts.y.length,
    testSamples: parts.test?.y.length ?? 0,
    train: qualityOf(result.model.predict(parts.X), parts.y),
    ...(parts.test === undefined ? {} : { test: qualityOf(result.model.predict(parts.test.X), parts.test.y) }),
    elapsedMs,
    ...(cluster === undefined ? {} : { cluster: cluster.figures }),
  };
  // A signal that came since the last iteration still decides the exit code; the model is complete, and saved.
  await watch.settle().catch((error: Interruption) => {
    throw new Interruption(error.signal, flags.save === undefined ? "" : `; the model is in ${flags.save}`);
  });
  if (flags.json === true) printJson(fitJson(report));
  else printText(fitSummary(report, path, flags));
}

/** Fits a table that is too large for memory. @returns false for one that is not */
async function runLarge(
  path: string,
  columns: readonly string[] | undefined,
  flags: FitFlags,
  options: Readonly<Record<string, unknown>>,
  watch: ReturnType<typeof watchSignals>,
): Promise<boolean> {
  const { target, memory } = flags;
  const others = {
    "--test-fraction": flags.testFraction,
    "--report": flags.report,
    "--cluster": flags.cluster,
    "--shards": flags.shards,
  };
  const streaming = memory === undefined ? {} : { memory };
  const started = performance.now();
  const large = await fitLarge(path, { target, columns }, streaming, options, others, watch.signal);
  if (!large) return false;
  watch.stop();
  const { fit } = large;
  if (flags.save !== undefined) await save(flags.save, fit.model, target);
  const test = flags.test === undefined ? undefined : await readTraining(flags.test, target, large.columns);
  const report: FitReport = {
    fit,
    columns: large.columns,
    target,
    samples: fit.samples,
    testSamples: test?.y.length ?? 0,
    train: { r2: fit.r2Train, rmse: Math.sqrt(fit.meanSquare) },
    ...(test === undefined ? {} : { test: qualityOf(fit.model.predict(test.X), test.y) }),
    elapsedMs: performance.now() - started,
  };
  if (flags.json === true) printJson(fitJson(report));
  else printText(fitSummary(report, path, flags));
  return true;
}

interface Parts {
  readonly X: NamedMatrix;
  readonly y: Float64Array;
  readonly test?: { readonly X: NamedMatrix; readonly y: Float64Array };
  readonly seed?: number;
}

async function splitTest(
  X: NamedMatrix,
  y: Float64Array,
  flags: FitFlags,
  seed: unknown,
  signal: AbortSignal,
): Promise<Parts> {
  if (flags.test !== undefined) {
    return { X, y, test: await readTraining(flags.test, flags.target, X.names, signal) };
  }
  if (flags.testFraction === undefined) return { X, y };
  const { splitRows } = await import("../../index.js");
  const split = splitRows(y.length, numberOrWord(flags.testFraction) as number, seed as number | undefined);
  const { train, test } = split;
  return { X: take(X, train), y: pick(y, train), test: { X: take(X, test), y: pick(y, test) }, seed: split.seed };
}

const pick = (y: Float64Array, rows: Int32Array): Float64Array => Float64Array.from(rows, (i) => y[i]);

function take(X: NamedMatrix, rows: Int32Array): NamedMatrix {
  const data = new Float64Array(rows.length * X.columns);
  rows.forEach((row, i) => {
    data.set(X.data.subarray(row * X.columns, (row + 1) * X.columns), i * X.columns);
  });
  return { data, rows: rows.length, columns: X.columns, names: X.names };
}

async function save(path: string, model: MultiIndexModel, target: string): Promise<void> {
  const { MultiIndexModel } = await import("../../index.js");
  const { saveModel } = await import("../../io/index.js");
  await saveModel(path, MultiIndexModel.fromJSON({ ...model.toJSON(), target }));
}

/** Saves what an interrupted fit had and says so in a few words; a signal's exit code stays what it is. */
async function saveBest(path: string, best: FitStep | undefined, target: string): Promise<string> {
  if (best === undefined) return "; no model yet, nothing saved";
  try {
    await save(path, best.model(), target);
    return `; the best model so far is in ${path}`;
  } catch (error) {
    return `; nothing saved: ${messageOf(error)}`;
  }
}

/** The JSON document of `fit`; `null` where there is no number. */
function fitJson({ fit, columns, samples, train, test, elapsedMs, cluster }: FitReport): Record<string, unknown> {
  const { model, stop, diagnostics } = fit;
  return {
    samples,
    dim: model.dim,
    rank: model.rank,
    degree: model.degree,
    featureCount: model.link.featureCount,
    columns,
    directions: model.directions.to2DArray(),
    basis: model.basis.to2DArray(),
    metrics: { r2Train: train.r2, r2Test: test?.r2 ?? null, rmseTrain: train.rmse, rmseTest: test?.rmse ?? null },
    stop,
    iterations: stop.iterations,
    elapsedMs,
    kernel: fit.kernel,
    seed: fit.seed,
    importance: Array.from(model.importance()),
    leaps: diagnostics.leaps,
    warnings: diagnostics.warnings,
    version: fit.version,
    ...(cluster === undefined ? {} : { cluster }),
  };
}
