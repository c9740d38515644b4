/** Saved figures of a machine, and what has changed since: ratios inside one run, since times alone drift with the machine. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

/** Figures by name; larger is better. */
export type Figures = Readonly<Record<string, number>>;

/** A change of more than this part is flagged. */
const NOTICED = 0.1;

const folder = new URL("baselines/", import.meta.url);
const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/\((r|tm)\)/g, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
const file = (): URL => new URL(`${slug(cpus()[0].model)}-node-${process.versions.node.split(".")[0]}.json`, folder);

/** Saves or renews the figures of this machine and version of Node; figures not in `figures` stay. */
export function saveBaseline(figures: Figures): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(file(), `${JSON.stringify({ ...readBaseline(), ...figures }, null, 2)}\n`);
}

function readBaseline(): Figures {
  return existsSync(file()) ? JSON.parse(readFileSync(file(), "utf8")) : {};
}

/** One line for every figure that moved by more than a tenth; undefined when nothing was saved for this machine. */
export function compareToBaseline(figures: Figures): string[] | undefined {
  const before = readBaseline();
  const known = Object.keys(figures).filter((name) => before[name] > 0);
  if (known.length === 0) return undefined;
  return known
    .filter((name) => Math.abs(figures[name] / before[name] - 1) > NOTICED)
    .map((name) => {
      const change = 100 * (figures[name] / before[name] - 1);
      return `${name}: ${before[name].toFixed(2)} → ${figures[name].toFixed(2)} (${change > 0 ? "+" : ""}${change.toFixed(0)} %)`;
    });
}
