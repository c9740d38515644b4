/** Links beyond polynomials: when they are worth a try, and whether they predict better. */
import { log } from "../base/elementary.js";
import { takeRows } from "../data/rows.js";
import { orthonormalize } from "../math/grassmann.js";
import { errorLawOf } from "../model/errorLaw.js";
import { fittedLeaps } from "../model/exponents.js";
import type { KernelName } from "../model/kernelLink.js";
import { MultiIndexModel } from "../model/multiIndexModel.js";
import { gaussianityOf, principalValuesOf } from "../solve/diagnostics.js";
import { type InputMap, loadingSigns, toRawDirections } from "../solve/inputMap.js";
import type { LinkFamily } from "../solve/options.js";
import type { FitData } from "../solve/problem.js";
import { Fit, type TriedModel } from "../solve/report.js";
import { errorsFrom } from "../solve/standardErrors.js";
import type { Candidate } from "./candidate.js";
import { bestOf, charged, isFaint } from "./choice.js";
import { fitCustomLink } from "./customLink.js";
import { fitBestKernelLink, fitKernelLink } from "./kernelLink.js";
import { lacksFit } from "./lackOfFit.js";
import type { LinkProblem, RefinedLink } from "./refinedLink.js";
import { fitReluLink } from "./reluLink.js";
import { type Study, weightedMean } from "./study.js";

/** A richer link that was fitted, under the name of its family and kernel. */
export interface Richer {
  readonly name: string;
  readonly link: RefinedLink;
}

const KERNELS: readonly KernelName[] = ["gauss", "matern52"];
/** Degrees up to which a polynomial that needs no more is the truth more often than not. */
const CONVERGED_DEGREE = 3;
const NEARLY_CONVERGED_DEGREE = 4;
/** Scores below which several directions are modelled well enough. */
const GOOD = 0.01;
/** Projections this much beyond the largest of a Gaussian sample, squared, have long tails. */
const LONG_TAIL = 1.25;
/** Degree from which a polynomial is not to be trusted between rows far out; degree 2 has few enough terms to be determined there. */
const WILD_DEGREE = 3;
/** Scores above which a richer link is always worth a try. */
const POOR = 0.5;
/** A polynomial must lower the score of a process by this part, and a standard error, to be kept. */
const POLYNOMIAL_GAIN = 0.2;
/** Part of the score that a process must take off a polynomial which explains hardly anything. */
const FAINT_GAIN = 0.2;
/** A process also has its kernel and its scales chosen, so its errors are charged more. */
const PROCESS_CHARGE = 2;
/** A link of one more rank must lower the score by this part: no permutation test stands behind it. */
const RANK_GAIN = 0.2;

/**
 * Whether the polynomial may be improved upon: its degree has not converged, its residuals are still a function of z (a
 * wave along a line, a kink), or inputs or errors have long tails.
 * Source: `math/learner` §6; the residuals of neighbours were added because waves had been taken for lines.
 */
export function isWorthTrying(study: Study, chosen: Candidate, all: readonly Candidate[]): boolean {
  const { rank, degree, score } = chosen;
  if (rank === 0) return false;
  if (hasLongTail(study, chosen)) return true;
  if (score > POOR) return true;
  if (rank > 1 && score < GOOD) return false;
  const next = all.find((c) => c.rank === rank && c.degree === degree + 1);
  const converged =
    degree <= CONVERGED_DEGREE || (degree <= NEARLY_CONVERGED_DEGREE && next !== undefined && next.gcv > chosen.gcv);
  return !converged || lacksFit(study, chosen);
}

/** Whether some projection lies further out than the largest of as many Gaussian rows. */
function hasLongTail(study: Study, { rank, radius }: Candidate): boolean {
  const x = log(study.rows.rows);
  return radius * radius > LONG_TAIL * (rank + 2 * x + 2 * Math.sqrt(rank * x));
}

/**
 * The richer link of a family at the chosen directions.
 * @param kernels - of a process, those to choose from
 * @param draw - which draw of landmarks; the same for every seed of the fit, which should not decide such things
 */
export async function richerLink(
  study: Study,
  from: Candidate,
  family: LinkFamily,
  kernels = KERNELS,
  draw = 0,
): Promise<Richer | undefined> {
  const problem = problemOf(study, from.basis, from.gradientMoment, draw);
  if (typeof family === "object" || family === "relu") {
    const link = family === "relu" ? await fitReluLink(problem) : await fitCustomLink(problem, family);
    return link && { name: family === "relu" ? "relu" : "custom", link };
  }
  const found = await fitBestKernelLink(problem, kernels);
  return found && { name: `kernel ${found.kernel}`, link: found.link };
}

const kernelOf = ({ name }: Richer): KernelName | undefined => KERNELS.find((kernel) => name.endsWith(kernel));

/**
 * The same kernel at one rank more, as long as that gains a fifth and a standard error. Tried even where polynomials found
 * nothing in another direction, since those that the first one needs may be of a degree that fails with two; but not where
 * the residuals are noise to neighbours in it.
 */
async function grownLink(study: Study, first: Richer, all: readonly Candidate[]): Promise<Richer> {
  let best = first;
  for (;;) {
    const rank = best.link.link.rank + 1;
    const above = all.filter((c) => c.rank === rank);
    const kernel = kernelOf(best);
    if (above.length === 0 || kernel === undefined || study.control.expired) return best;
    const from = bestOf(above);
    // What one more direction could explain shows among neighbours in it, and costs little to look at.
    if (!lacksFit(study, { ...from, residuals: best.link.residuals })) return best;
    const link = await fitKernelLink(problemOf(study, from.basis, from.gradientMoment), kernel);
    if (!link || !improves(study, best.link.errors, link.errors, RANK_GAIN)) return best;
    best = { name: best.name, link };
  }
}

/** Whether errors b are below errors a by a paired standard error and more than this part. */
export function improves(study: Study, a: Float64Array, b: Float64Array, part: number): boolean {
  const difference = a.map((e, i) => e * e - b[i] * b[i]);
  const mean = weightedMean(study, difference);
  const variance = weightedMean(
    study,
    difference.map((v) => (v - mean) ** 2),
  );
  const score = weightedMean(
    study,
    a.map((e) => e * e),
  );
  return mean > Math.max(Math.sqrt(variance / difference.length), part * score);
}

function problemOf(study: Study, w0: Float64Array, slopes: Float64Array, draw = 0): LinkProblem {
  const { rows, y, weights, kernel, control } = study;
  return {
    x: rows.data instanceof Float64Array ? rows.data : Float64Array.from(rows.data),
    n: rows.rows,
    k: rows.columns,
    y,
    ...(weights ? { weights } : {}),
    w0,
    slopes,
    seed: draw,
    kernel,
    control,
  };
}

/**
 * The link that the option asks for, or with `"auto"` a Gaussian process where it predicts better, or as well as a
 * polynomial of high degree: it stays bounded outside the rows, which no leave-one-out error sees.
 */
export async function chooseLink(
  study: Study,
  chosen: Candidate,
  all: readonly Candidate[],
  family: LinkFamily,
  rankIsGiven: boolean,
): Promise<{ tried: Richer[]; richer: Richer | undefined }> {
  const asked = family !== "auto" && family !== "hermite";
  if (chosen.rank === 0 || family === "hermite" || study.control.expired) return { tried: [], richer: undefined };
  if (!asked && !isWorthTrying(study, chosen, all)) return { tried: [], richer: undefined };
  const wanted = family === "auto" ? "kernel" : family;
  const first = await richerLink(study, chosen, wanted);
  if (!first) return { tried: [], richer: undefined };
  const tried = [first];
  const kernel = kernelOf(first);
  if (chosen.rank > 1 && first.link.score > chosen.score && kernel) {
    // Landmarks are drawn; a process that lost to the polynomial may have drawn badly.
    const second = await richerLink(study, chosen, wanted, [kernel], 1);
    if (second) tried.push(second);
    tried.sort((a, b) => a.link.score - b.link.score);
  }
  if (!asked && !isBetter(study, tried[0], chosen)) return { tried, richer: undefined };
  const isKernel = family === "auto" || family === "kernel";
  const richer = isKernel && !rankIsGiven ? await grownLink(study, tried[0], all) : tried[0];
  return { tried: tried.includes(richer) ? tried : [...tried, richer], richer };
}

/**
 * A polynomial of low degree is kept unless a process predicts better by a standard error, and one that explains hardly
 * anything unless the process explains a fifth of the rest, both charged for their search; one of high degree, or of degree
 * 3 where projections have long tails, gives way unless it predicts clearly better itself: fresh rows lie where it saw none.
 */
function isBetter(study: Study, { link }: Richer, chosen: Candidate): boolean {
  const isRisky = chosen.degree > CONVERGED_DEGREE || (chosen.degree >= WILD_DEGREE && hasLongTail(study, chosen));
  if (isRisky && !isFaint(chosen)) return !improves(study, link.errors, chosen.errors, POLYNOMIAL_GAIN);
  const gain = isFaint(chosen) ? FAINT_GAIN : 0;
  return improves(study, charged(study, chosen).errors, charged(study, link, PROCESS_CHARGE).errors, gain);
}

/** How a richer link stands in the list of what was tried. */
export function triedModel({ name, link }: Richer, scale: number, total: number): TriedModel {
  return {
    rank: link.link.rank,
    degree: null,
    family: name,
    score: link.score * scale,
    r2: total > 0 ? 1 - link.score / total : 0,
    degreesOfFreedom: link.degreesOfFreedom,
  };
}

/** Errors of all rows from those of the rows with a weight, in the units of y: the others were left out of the fit itself. */
function errorsOnAll(known: Float64Array, { rows, response, weights }: FitData, model: MultiIndexModel): Float64Array {
  const { standardized, mean, scale } = response;
  const errors = known.map((e) => e * scale);
  const unknown = weights ? Int32Array.from(weights.keys()).filter((i) => weights[i] === 0) : [];
  if (unknown.length === 0 || errors.length + unknown.length !== rows.rows) return errors;
  const out = new Float64Array(rows.rows);
  let at = 0;
  for (let i = 0; i < rows.rows; i++) if (weights?.[i] !== 0) out[i] = errors[at++];
  const predicted = model.predict(takeRows(rows, unknown));
  unknown.forEach((i, k) => {
    out[i] = standardized[i] * scale + mean - predicted[k];
  });
  return out;
}

/** A fit with its polynomial replaced by a richer link and the directions that go with it. */
export function withRicherLink(fit: Fit, data: FitData, inputs: InputMap, study: Study, { name, link }: Richer): Fit {
  const { response, rows } = data;
  const rank = link.link.rank;
  const scale = response.scale ** 2;
  const total = weightedMean(
    study,
    study.y.map((v) => v * v),
  );
  // A custom link's variables are the caller's, and keep their signs.
  const { link: f } = link;
  const signs = f.family === "custom" ? new Float64Array(rank).fill(1) : loadingSigns(inputs, link.basis, rank);
  const reflected = f.family === "kernel" || f.family === "relu" ? f.reflected(signs) : f;
  const basis = link.basis.map((v, at) => v * signs[at % rank]);
  const gradientMoment = link.gradientMoment.map((v, at) => v * signs[at % rank] * signs[Math.floor(at / rank)]);
  const directions = toRawDirections(inputs, basis, rank);
  const model = new MultiIndexModel(
    {
      center: inputs.center,
      directions,
      basis: orthonormalize(directions, inputs.columns, rank, 0).basis,
      gradientMoment: gradientMoment.map((v) => v * scale),
      columnScale: inputs.columnScale,
      ...(rows.names ? { columns: rows.names } : {}),
      errors: errorLawOf(
        link.errors.filter((_, i) => !study.weights || study.weights[i] > 0).map((e) => e * response.scale),
        "leave-one-out",
      ),
    },
    reflected.scaled(response.scale, response.mean),
  );
  const { standardErrors: _, ...diagnostics } = fit.diagnostics;
  const z = model.project({ data: rows.data, rows: rows.rows, columns: inputs.columns });
  const family = name.split(" ")[0];
  const expansion = link.link.family === "hermite" ? link.link : link.link.roughlyHermite();
  // Sizes of errors do not depend on the signs of the columns.
  const standardErrors = link.covariance && errorsFrom(inputs, link.basis, rank, link.covariance);
  return new Fit({
    ...fit,
    model,
    r2Train: total > 0 ? 1 - link.meanSquare / total : 0,
    diagnostics: {
      ...diagnostics,
      heldOut: {
        ...diagnostics.heldOut,
        method: "leave-one-out",
        meanSquare: link.score * scale,
        r2: total > 0 ? 1 - link.score / total : 0,
        errors: errorsOnAll(link.errors, data, model),
      },
      selection: { ...diagnostics.selection, family },
      degreesOfFreedom: link.degreesOfFreedom,
      ...(standardErrors ? { standardErrors } : {}),
      gaussianity: gaussianityOf(Float64Array.from(z.to1DArray()), rows.rows, rank),
      principalValues: principalValuesOf(link.gradientMoment, rank).map((v) => v * scale),
      leaps: fittedLeaps(expansion, link.noise / Math.sqrt(study.y.length)),
    },
  });
}
