/** Writes everything about a fit on one page of HTML. Run: node examples/report.mjs [report.html] */
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fitMultiIndex } from "leapflow";
import { openTable } from "leapflow/io";
import { fitReport } from "leapflow/plot";

const read = async (part) => {
  const file = new URL(`../data/diabetes/${part}.csv`, import.meta.url).pathname;
  return (await openTable(file)).read({ target: "y" });
};
const [train, test] = [await read("train"), await read("test")];
const fit = await fitMultiIndex(train.X, train.y, { rank: 1, degree: 3, seed: 1 });

const page = await fitReport(fit, { ...train, test });
const path = process.argv[2] ?? join(tmpdir(), "leapflow-report.html");
await writeFile(path, page);
console.log(`${(page.length / 1024).toFixed(0)} kB in ${path}: open it in a browser, it loads nothing`);
