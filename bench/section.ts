/** Writes measured lines into bench/README.md, between the markers of their section. */
import { readFileSync, writeFileSync } from "node:fs";

/** `command` is named where the section is new; `--dry` on the command line only has the lines printed. */
export function writeSection(section: string, title: string, command: string, lines: readonly string[]): void {
  if (process.argv.includes("--dry")) return;
  const readme = new URL("README.md", import.meta.url);
  const [start, end] = [`<!-- ${section} -->`, `<!-- /${section} -->`];
  const text = readFileSync(readme, "utf8");
  const before = text.includes(start)
    ? text.slice(0, text.indexOf(start))
    : `${text.trimEnd()}\n\n## ${title}\n\nMade by \`${command}\`.\n\n`;
  const after = text.includes(end) ? text.slice(text.indexOf(end) + end.length) : "\n";
  writeFileSync(readme, `${before}${start}\n${lines.join("\n")}\n${end}${after}`);
}
