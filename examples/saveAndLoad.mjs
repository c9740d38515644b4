/** Saves a model, loads it, and predicts the same bits. Run: node examples/saveAndLoad.mjs */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fitMultiIndex } from "leapflow";
import { loadModel, saveModel } from "leapflow/io";

const X = Array.from({ length: 300 }, (_, i) => [Math.sin(1.7 * i), Math.cos(2.3 * i), Math.sin(0.9 * i + 1)]);
const y = X.map(([a, b, c]) => (a + b) ** 2 + 0.1 * c);
const { model } = await fitMultiIndex(X, y, { rank: 2, degree: 2, seed: 7 });

const folder = await mkdtemp(join(tmpdir(), "leapflow-"));
const path = join(folder, "model.json");
await saveModel(path, model);
const loaded = await loadModel(path);
await rm(folder, { recursive: true });

const [before, after] = [model.predict(X), loaded.predict(X)];
console.log(`same bits: ${before.every((value, i) => Object.is(value, after[i]))}`);
console.log(`prediction at (0.1, 0.2, 0.3): ${loaded.toFunction()([0.1, 0.2, 0.3]).toFixed(4)}`);
