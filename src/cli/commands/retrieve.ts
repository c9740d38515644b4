/** `leapflow retrieve`: measures a picture through coded diffraction, forgets it, and recovers it from the intensities. */
import { basename } from "node:path";
import type { Command } from "commander";
import pc from "picocolors";
import { OptionError } from "../../base/errors.js";
import { checkSeed, createRng, drawSeed } from "../../base/rng.js";
import type { CodedDiffraction, ComplexVector, PhaseOptions, PhaseResult } from "../../index.js";
import { numberOrWord } from "../fitFlags.js";
import { encodePicture, type Picture, readPicture } from "../images.js";
import { checkPlot, optionsOf, savePlot, watched } from "../linkFlags.js";
import { count, figure, printJson, printText, tableLines } from "../print.js";

interface RetrieveFlags {
  readonly masks: string;
  readonly noise?: string;
  readonly method?: string;
  readonly preprocess?: string;
  readonly maxIterations?: string;
  readonly tolerance: string;
  readonly seed?: string;
  readonly out?: string;
  readonly plot?: string;
  readonly json?: boolean;
}

/** What came of all bands together. */
interface Retrieval {
  readonly picture: Picture;
  readonly results: readonly PhaseResult[];
  readonly relativeError: number;
  /** Of the slowest band. */
  readonly iterations: number;
  readonly masks: number;
  readonly seed: number;
  readonly elapsedMs: number;
}

/** Asked for in terms of the error that is left; what the tables of [SI §g] count is 1e-5. */
const TOLERANCE = "5e-6";

export function addRetrieveCommand(program: Command): void {
  program
    .command("retrieve")
    .argument("<image>", "PNG, gray or color; each color band is a signal of its own")
    .option("--masks <n>", "random octanary masks, one diffraction pattern each", "6")
    .option("--noise <std>", "noise of the intensities as a share of their mean, default 0")
    .option("--method <name>", '"twf" (default), "rwf", "rational" or "wf"')
    .option(
      "--preprocess <T>",
      'of the spectral start: "mm" (default, above one mask), "opt(20)", "trim(9)" or "subset(1.5)"',
    )
    .option("--max-iterations <n>", "stop after this many iterations, default 2000")
    .option("--tolerance <number>", "stop when the relative error left is estimated below", TOLERANCE)
    .option("--seed <n>", "integer ≥ 0 that fixes masks, noise and start; drawn and reported when absent")
    .option("--out <image.png>", "write the recovered picture here")
    .option("--plot <file.svg>", "write both pictures and the error of every iteration here")
    .option("--json", "print one JSON document instead of a table")
    .action((image: string, flags: RetrieveFlags) => runRetrieve(image, flags));
}

async function runRetrieve(path: string, flags: RetrieveFlags): Promise<void> {
  const { checkWritable, writeText } = await import("../../io/index.js");
  const seed: unknown = flags.seed === undefined ? drawSeed() : numberOrWord(flags.seed);
  checkSeed(seed);
  const noise = flags.noise === undefined ? 0 : numberOrWord(flags.noise);
  if (typeof noise !== "number" || !(noise >= 0 && noise < Infinity))
    throw new OptionError("RANGE", `--noise is ${flags.noise}; expected a number ≥ 0.`);
  const picture = await readPicture(path);
  if (flags.out !== undefined) await checkWritable(flags.out);
  await checkPlot(flags.plot);
  const retrieval = await retrieve(picture, flags, noise, seed);
  if (flags.out !== undefined) await writeText(flags.out, await encodePicture(retrieval.picture));
  await savePlot(flags.plot, () => draw(path, picture, retrieval));
  if (flags.json === true) printJson(retrieveJson(retrieval));
  else printText(table(path, flags, retrieval));
}

async function retrieve(picture: Picture, flags: RetrieveFlags, noise: number, seed: number): Promise<Retrieval> {
  const { codedDiffraction, retrievePhase } = await import("../../index.js");
  const { rows, columns, bands } = picture;
  const options = optionsOf({ ...flags }, ["method", "preprocess", "maxIterations", "tolerance"]) as PhaseOptions;
  const operator = codedDiffraction({ rows, columns, masks: numberOrWord(flags.masks) as number, seed });
  const started = performance.now();
  const results: PhaseResult[] = [];
  const recovered: Float64Array[] = [];
  let [gap, total] = [0, 0];
  await watched(async ({ signal, say }) => {
    for (const [b, band] of bands.entries()) {
      const truth: ComplexVector = { re: band, im: new Float64Array(band.length) };
      const { y, noiseStd } = measure(operator, truth, noise, createRng(seed, "retrieve-noise", b));
      const label = bands.length > 1 ? `band ${b + 1} of ${bands.length}, ` : "";
      say(`${label}spectral start`);
      const result = await retrievePhase(operator, y, {
        ...options,
        noiseStd,
        seed,
        signal,
        truth,
        onProgress: ({ iteration, residual }) => say(`${label}iteration ${iteration}  residual ${figure(residual)}`),
      });
      results.push(result);
      recovered.push(inPhase(result.signal));
      const square = band.reduce((sum, v) => sum + v * v, 0);
      const error = result.history.error?.at(-1) ?? 0;
      gap += square * error * error;
      total += square;
    }
  });
  return {
    picture: { rows, columns, bands: recovered },
    results,
    relativeError: total > 0 ? Math.sqrt(gap / total) : 0,
    iterations: Math.max(...results.map(({ iterations }) => iterations)),
    masks: operator.masks.length,
    seed,
    elapsedMs: performance.now() - started,
  };
}

async function draw(path: string, original: Picture, { picture, results, relativeError }: Retrieval): Promise<string> {
  const { retrievalFigure } = await import("../../plot/index.js");
  const pictured = async (label: string, shown: Picture) => ({
    label,
    source: `data:image/png;base64,${Buffer.from(await encodePicture(shown)).toString("base64")}`,
    width: shown.columns,
    height: shown.rows,
  });
  return retrievalFigure(
    {
      pictures: [
        await pictured("measured picture", original),
        await pictured(`recovered, relative error ${relativeError.toExponential(1)}`, picture),
      ],
      errors: results.map(({ history }, b) => ({ label: bandNames(results)[b], values: history.error ?? [] })),
    },
    { title: `${basename(path)}, ${results[0].method}` },
  );
}

const bandNames = ({ length }: readonly unknown[]): readonly string[] =>
  length > 1 ? ["red", "green", "blue"] : ["gray"];

/** Intensities |Ax|² with Gaussian noise, clipped at 0. */
function measure(
  operator: CodedDiffraction,
  x: ComplexVector,
  noise: number,
  rng: { normal(): number },
): { readonly y: Float64Array; readonly noiseStd: number } {
  const { re, im } = operator.forward(x);
  const y = re.map((a, i) => a * a + im[i] * im[i]);
  const noiseStd = (noise * y.reduce((a, b) => a + b, 0)) / y.length;
  return { y: noiseStd === 0 ? y : y.map((v) => Math.max(v + noiseStd * rng.normal(), 0)), noiseStd };
}

/** The real part in the global phase that makes the sum of all pixels positive, as that of a picture is. */
function inPhase({ re, im }: ComplexVector): Float64Array {
  const a = re.reduce((x, y) => x + y, 0);
  const b = im.reduce((x, y) => x + y, 0);
  const size = Math.hypot(a, b) || 1;
  return re.map((v, k) => (v * a + im[k] * b) / size);
}

function retrieveJson({ relativeError, iterations, masks, results, picture, seed, elapsedMs }: Retrieval) {
  return {
    relativeError,
    iterations,
    method: results[0].method,
    masks,
    rows: picture.rows,
    columns: picture.columns,
    bands: results.map(({ stop, history, spectral }) => ({
      stop,
      relativeError: history.error?.at(-1) ?? null,
      startError: history.error?.[0] ?? null,
      matvecs: spectral?.matvecs ?? 0,
    })),
    error: results.map(({ history }) => Array.from(history.error ?? [])),
    warnings: results.flatMap(({ warnings }) => warnings),
    seed,
    elapsedMs,
  };
}

function table(path: string, flags: RetrieveFlags, got: Retrieval): string {
  const { results, picture, masks } = got;
  const rows = results.map(({ stop, history }, b) => [
    bandNames(results)[b],
    figure(history.error?.[0] ?? 0),
    figure(history.error?.at(-1) ?? 0),
    String(stop.iterations),
    stop.reason,
  ]);
  return [
    `${pc.bold(path)}  ${picture.rows}×${picture.columns}, ${count(masks, "mask")}, ${results[0].method}, seed ${got.seed}`,
    "",
    ...tableLines(["band", "error at the start", "relative error", "iterations", "stopped"], rows),
    "",
    `  ${pc.dim(`relative error up to a global phase ${figure(got.relativeError)}, ${(got.elapsedMs / 1000).toFixed(1)} s`)}`,
    ...(flags.out === undefined ? [] : [`  recovered picture written to ${flags.out}`]),
    ...results.flatMap(({ warnings }) => warnings.map((w) => `\n${pc.yellow(`warning ${w.code}`)} ${w.message}`)),
  ].join("\n");
}
