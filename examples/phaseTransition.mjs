/** Predicts from how many rows on phase retrieval works, and runs it beside. Run: node examples/phaseTransition.mjs */
import { simulateSingleIndex } from "leapflow";
import { dmft, spectralTransition } from "leapflow/theory";

const model = { channel: { link: "square", noiseStd: 0.3 }, preprocess: "optimal(10)" };
const { threshold } = await spectralTransition({ ...model, ratio: 2 });
console.log(`the spectral start sees the signal from ${threshold.toFixed(2)} rows per input on`);

console.log("rows per input   cosine predicted   simulated (d = 150)");
for (const ratio of [0.5, 1.5, 3]) {
  const run = { ...model, ratio, start: "spectral", ridge: 0.01, stepSize: 0.3, steps: 30, seed: 1 };
  // Below the threshold theory has a cosine of 0; a finite problem has a small one by chance.
  const predicted = ratio > threshold ? (await dmft({ ...run, paths: 2048, replicates: 2 })).cosine[30] : 0;
  const { cosine, standardErrors } = await simulateSingleIndex({ ...run, dim: 150, trials: 6 });
  const measured = `${Math.abs(cosine[30]).toFixed(2)} ± ${standardErrors.cosine[30].toFixed(2)}`;
  console.log(`${String(ratio).padEnd(17)}${predicted.toFixed(2).padEnd(19)}${measured}`);
}
