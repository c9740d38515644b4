/** What a search has to tell the user beside the fit: no structure, no signal, a logarithm worth taking. */
import { log } from "../base/elementary.js";
import type { Warning } from "../solve/diagnostics.js";
import { chooseInputMap, type InputMap } from "../solve/inputMap.js";
import type { Candidate } from "./candidate.js";
import { bestOf, gains } from "./choice.js";
import { MomentFrames } from "./frames.js";
import { searchRank } from "./rankSearch.js";
import { type RawStudy, type Study, whitenedStudy, withWorkspace } from "./study.js";

/** Ranks below this are a reduction of any input space worth the name. */
const LEAST_RANK = 3;
/** R² from which many directions are an accurate model all the same. */
const ACCURATE = 0.95;
/** A last direction that took the error down to less than this part is structure, not approximation. */
const CLIFF = 0.5;
const SKEWED = 2;
/** Most columns whose logarithm is tried. */
const MOST_COLUMNS = 3;

/** R² by leave-one-out errors. */
const explained = (candidate: Candidate, all: readonly Candidate[]): number => 1 - candidate.score / all[0].meanSquare;

/** Whether a fit uses so many directions that it is no reduction of the inputs. */
function usesMany({ rank }: Candidate, columns: number): boolean {
  return rank >= Math.max(LEAST_RANK, columns / 2);
}

/** `"no-reduction"` for an accurate model that uses at least half as many directions as there are inputs. */
export function informationOn(
  columns: number,
  chosen: Candidate,
  all: readonly Candidate[],
): "no-reduction" | undefined {
  const many = columns > 2 && chosen.rank >= columns / 2;
  return many && explained(chosen, all) >= ACCURATE ? "no-reduction" : undefined;
}

/**
 * Warnings about the structure that was found, or was not.
 * @param used - rank of the final model, which a richer link may have raised
 */
export function structureWarnings(
  study: Study,
  columns: number,
  chosen: Candidate,
  used: number,
  all: readonly Candidate[],
): Warning[] {
  const out: Warning[] = [];
  const { rank } = chosen;
  const { rows } = study.rows;
  const r2 = explained(chosen, all);
  if (rank === 0) {
    out.push({
      code: "NO_SIGNAL",
      message: `No direction predicts new rows better than the mean of y does, as far as ${rows} rows can show: the model is the constant.`,
    });
    return out;
  }
  const below = all.filter((c) => c.rank === rank - 1);
  const drop = below.length > 0 ? chosen.score / bestOf(below).score : 0;
  if (usesMany(chosen, columns) && r2 < ACCURATE && (drop > CLIFF || rank === columns)) {
    out.push({
      code: "NO_RIDGE_STRUCTURE",
      message: `No low-dimensional ridge structure: ${used} directions of ${columns} inputs explain ${(100 * r2).toFixed(1)} % of y on new rows, and the error falls by a slope rather than a cliff as directions are added. A model without ridge structure (boosted trees, kernels on all inputs) may predict better.`,
    });
  }
  return out;
}

/** A column whose logarithm lowers the error of the chosen rank, with the gain. */
export async function logarithmWarnings(
  raw: RawStudy,
  map: InputMap,
  study: Study,
  chosen: Candidate,
  all: readonly Candidate[],
): Promise<Warning[]> {
  if (chosen.rank === 0 || raw.rows.rows !== study.rows.rows || study.control.expired || explained(chosen, all) > 0.999)
    return [];
  const out: Warning[] = [];
  for (const { column, skewness } of skewedColumns(raw)) {
    const changed = await withLogarithm(raw, map, column);
    const rank = Math.min(chosen.rank, changed.inputs.dim);
    const run = searchRank(changed, {
      rank,
      frames: new MomentFrames(changed),
      below: [],
      degrees: [chosen.degree],
      brief: false,
      restarts: 0,
    });
    let found: Candidate[] = [];
    for (;;) {
      const { done, value } = await run.next();
      if (!done) continue;
      found = value;
      break;
    }
    if (found.length === 0 || !gains(study, chosen, bestOf(found))) continue;
    const name = raw.rows.names?.[column] ?? `column ${column + 1}`;
    out.push({
      code: "LOGARITHM_HELPS",
      message: `${name} is positive and strongly skewed (skewness ${skewness.toPrecision(2)}); with its logarithm in its place the R² on new rows rises from ${explained(chosen, all).toFixed(3)} to ${explained(bestOf(found), all).toFixed(3)} (leave-one-out). The model itself is linear in what it is given.`,
    });
  }
  return out;
}

/** Positive columns of skewness beyond ±2, the most skewed first. */
function skewedColumns({ rows }: RawStudy): { column: number; skewness: number }[] {
  const { data, rows: n, columns: d } = rows;
  const out: { column: number; skewness: number }[] = [];
  for (let j = 0; j < d; j++) {
    let least = Number.POSITIVE_INFINITY;
    let mean = 0;
    for (let i = 0; i < n; i++) {
      least = Math.min(least, data[i * d + j]);
      mean += data[i * d + j] / n;
    }
    if (!(least > 0)) continue;
    let square = 0;
    let cube = 0;
    for (let i = 0; i < n; i++) {
      const v = data[i * d + j] / mean - 1;
      square += (v * v) / n;
      cube += (v * v * v) / n;
    }
    const skewness = square > 0 ? cube / (square * Math.sqrt(square)) : 0;
    if (Math.abs(skewness) > SKEWED) out.push({ column: j, skewness });
  }
  return out.sort((a, b) => Math.abs(b.skewness) - Math.abs(a.skewness)).slice(0, MOST_COLUMNS);
}

async function withLogarithm(raw: RawStudy, map: InputMap, column: number): Promise<Study> {
  const { rows } = raw;
  const data = Float64Array.from(rows.data);
  for (let i = column; i < data.length; i += rows.columns) data[i] = log(data[i]);
  const changed = { ...raw, rows: { ...rows, data } };
  const inputs = await withWorkspace({ ...changed, inputs: map }, 0, 0, (workspace) =>
    chooseInputMap(workspace, map.kind),
  );
  return whitenedStudy(changed, inputs);
}
