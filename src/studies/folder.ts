/** The folder of a study: finished jobs as they come, then data, figures and the page. */
import { FormatError } from "../base/errors.js";
import { VERSION } from "../base/version.js";
import { writeText } from "../io/index.js";
import { chartFigure, type StudyRecord, type StudyTable, studyPage } from "../plot/index.js";
import { rasterize } from "./raster.js";
import type { JobSpec } from "./study.js";

const JOBS_FILE = "jobs.jsonl";

/** Node's modules, asked of the running process so that bundlers for browsers do not look for them. */
function nodeModules(folder: string) {
  const getBuiltin = typeof process === "object" ? process.getBuiltinModule : undefined;
  if (typeof getBuiltin !== "function") throw folderError(folder, new Error("folders need Node"));
  return { fs: getBuiltin("node:fs/promises"), paths: getBuiltin("node:path") };
}

function folderError(folder: string, cause: unknown): FormatError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FormatError("FILE", `Cannot write into ${folder}: ${reason}.`, { cause, details: { path: folder } });
}

/** Finished jobs of a folder. */
export interface JobStore {
  get(job: JobSpec): unknown;
  put(job: JobSpec, result: unknown): Promise<void>;
  /** Writes the jobs in their own order and nothing else, so that it does not show how often a run was interrupted. */
  close(jobs: readonly JobSpec[], results: readonly unknown[]): Promise<void>;
}

/** Results of another version do not count: a job is known by all that it depends on. */
const keyOf = (job: JobSpec): string => JSON.stringify({ version: VERSION, ...job });
const lineOf = (job: JobSpec, result: unknown): string =>
  `${JSON.stringify({ job: { version: VERSION, ...job }, result })}\n`;

/**
 * Opens the jobs of a folder, which is made if need be. A last line that a killed process left half written is dropped.
 *
 * @throws {FormatError} `FILE`
 */
export async function openStore(folder: string): Promise<JobStore> {
  const { fs, paths } = nodeModules(folder);
  const path = paths.join(folder, JOBS_FILE);
  const known = new Map<string, unknown>();
  let text = "";
  try {
    await fs.mkdir(folder, { recursive: true });
    await fs.access(folder, fs.constants.W_OK);
    text = await fs.readFile(path, "utf8").catch((error) => {
      if ((error as { code?: unknown }).code === "ENOENT") return "";
      throw error;
    });
  } catch (cause) {
    throw folderError(folder, cause);
  }
  for (const line of text.split("\n")) {
    const entry = readLine(line);
    if (entry !== undefined) known.set(JSON.stringify(entry.job), entry.result);
  }
  let isTorn = text !== "" && !text.endsWith("\n");
  return {
    get: (job) => known.get(keyOf(job)),
    async put(job, result) {
      // After a torn line a new one begins, or both would be lost.
      await fs.appendFile(path, (isTorn ? "\n" : "") + lineOf(job, result)).catch((cause) => {
        throw folderError(folder, cause);
      });
      isTorn = false;
    },
    close: (jobs, results) => writeText(path, jobs.map((job, i) => lineOf(job, results[i])).join("")),
  };
}

function readLine(line: string): { job: unknown; result: unknown } | undefined {
  try {
    const entry = JSON.parse(line);
    return typeof entry?.job === "object" && entry.result !== undefined ? entry : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes `study.json`, a CSV file per table, SVG and PNG per figure, and `index.html`.
 *
 * @throws {FormatError} `FILE`
 */
export async function writeStudy(
  record: StudyRecord,
  folder: string,
  withImages: boolean,
): Promise<{ files: string[]; warnings: string[] }> {
  const { paths } = nodeModules(folder);
  const files: string[] = [];
  const warnings: string[] = [];
  const write = async (name: string, content: string | Uint8Array): Promise<void> => {
    await writeText(paths.join(folder, name), content);
    files.push(name);
  };
  const { figures, ...rest } = record;
  await write(
    "study.json",
    `${JSON.stringify({ ...rest, figures: figures.map(({ name, caption }) => ({ name, caption })) }, null, 1)}\n`,
  );
  for (const table of record.tables) await write(`${table.name}.csv`, csvOf(table));
  for (const { name, chart } of figures) {
    const svg = await chartFigure(chart);
    await write(`${name}.svg`, svg);
    if (!withImages || warnings.length > 0) continue;
    const image = await rasterize(svg);
    if (typeof image === "string") warnings.push(image);
    else await write(`${name}.png`, image);
  }
  await write("index.html", await studyPage(record));
  return { files, warnings };
}

/** Full precision; text in quotes where it has to be. */
function csvOf({ columns, rows }: StudyTable): string {
  const cell = (value: number | string | null): string => {
    const text = value === null ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${[columns, ...rows].map((row) => row.map(cell).join(",")).join("\n")}\n`;
}
