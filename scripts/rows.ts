/**
 * The tests of every row of the list of bad inputs and faults: `npm run rows` writes test/faults/README.md from the names of the
 * tests, which carry "row 23: …" or "rows 45, 61 and 63: …".
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
export const ROWS_FILE = join(root, "test/faults/README.md");

/** Row → file and name of its tests; names of tables of cases are those of their row's first words. */
export function testsByRow(): ReadonlyMap<number, readonly string[]> {
  const rows = new Map<number, Set<string>>();
  const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" }).map((file) =>
    file.replaceAll("\\", "/"),
  );
  for (const file of files.filter((name) => name.endsWith(".test.ts")).sort()) {
    const text = readFileSync(join(root, "test", file), "utf8");
    // A name in quotes or backquotes that starts with its rows; also the first entry of a table of cases, [29, "a name", …].
    for (const [, , name] of text.matchAll(/(["'`])(rows? \d(?:(?!\1).)*)\1/gs)) {
      const numbers = /^rows? ([\d, and–]+)/.exec(name)?.[1] ?? "";
      for (const row of rowsOf(numbers)) add(rows, row, `${file}: ${name}`);
    }
    for (const [, row, name] of text.matchAll(/\[\s*(\d+),\s*"([^"]+)",\s*\[/g)) {
      if (text.includes('"row %i: ')) add(rows, Number(row), `${file}: row ${row}: ${name}`);
    }
  }
  return new Map([...rows].sort(([a], [b]) => a - b).map(([row, names]) => [row, [...names]]));
}

function rowsOf(text: string): number[] {
  return text
    .split(/,| and /)
    .flatMap((part) => {
      const [first, last] = part.split("–").map(Number);
      return last === undefined ? [first] : Array.from({ length: last - first + 1 }, (_, i) => first + i);
    })
    .filter((row) => row > 0);
}

function add(rows: Map<number, Set<string>>, row: number, name: string): void {
  rows.set(row, (rows.get(row) ?? new Set()).add(name));
}

/** The list as Markdown. */
export function rowsPage(): string {
  const lines = [...testsByRow()].map(([row, names]) => `| ${row} | ${names.map(cell).join("<br>")} |`);
  return `# Tests by row

Every row of the list of bad inputs and faults has tests whose names carry its number. Written by \`npm run rows\`, and held to be
complete and current by \`rows.test.ts\`.

| row | tests |
| --- | --- |
${lines.join("\n")}
`;
}

const cell = (name: string): string => name.replaceAll("|", "\\|").replace(/\s+/g, " ");

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(ROWS_FILE, rowsPage());
