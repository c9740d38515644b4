/** Learns the strength of concrete from its recipe and age, and says which inputs matter. Run: node examples/concrete.mjs */
import { fitMultiIndex } from "leapflow";
import { readCsv, selectColumns } from "leapflow/io";

const file = (name) => new URL(`../data/concrete/${name}`, import.meta.url).pathname;
const train = selectColumns(await readCsv(file("train.csv")), { target: "y" });
const test = selectColumns(await readCsv(file("test.csv")), { target: "y" });

const fit = await fitMultiIndex(train.X, train.y, { rank: 2, degree: 3, seed: 1 });

console.log(`${fit}`);
console.log(`R² on ${test.y.length} held-out mixes: ${fit.model.score(test.X, test.y).toFixed(3)}`);
const share = fit.model.importance("standardized");
for (const [j, name] of train.X.names.entries()) console.log(`${name.padEnd(20)} ${(100 * share[j]).toFixed(1)} %`);
