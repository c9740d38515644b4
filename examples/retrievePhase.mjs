/** Recovers a signal from intensities behind random masks, without phases. Run: node examples/retrievePhase.mjs */
import { codedDiffraction, retrievePhase } from "leapflow";

const [rows, columns] = [16, 16];
const operator = codedDiffraction({ rows, columns, masks: 6, seed: 1 });
const picture = Float64Array.from({ length: rows * columns }, (_, k) => {
  const [i, j] = [Math.floor(k / columns), k % columns];
  return Math.hypot(i - 8, j - 8) < 5 ? 1 : 0.2;
});
const seen = operator.forward({ re: picture, im: new Float64Array(picture.length) });
const intensities = seen.re.map((v, i) => v * v + seen.im[i] * seen.im[i]);

const { signal, stop } = await retrievePhase(operator, intensities, { method: "rwf", seed: 1 });

// A signal is known up to one phase for all of it.
let [re, im] = [0, 0];
for (const [k, value] of picture.entries()) {
  re += signal.re[k] * value;
  im -= signal.im[k] * value;
}
const size = Math.hypot(re, im);
const found = picture.map((_, k) => (signal.re[k] * re - signal.im[k] * im) / size);
const worst = found.reduce((most, value, k) => Math.max(most, Math.abs(value - picture[k])), 0);
console.log(`${stop.reason} after ${stop.iterations} iterations, largest error of a pixel ${worst.toExponential(1)}`);
for (let i = 0; i < rows; i += 2) {
  console.log(Array.from(found.slice(i * columns, (i + 1) * columns), (v) => (v > 0.6 ? "██" : "··")).join(""));
}
