/** Says how sure a prediction is, and which of two fits to trust. Run: node examples/intervals.mjs */
import { compare, fitMultiIndex, Link, sampleMultiIndex } from "leapflow";

const link = Link.parse("tanh(2*z1) + 0.5*z2");
const { X, y } = sampleMultiIndex(link, { dim: 10, samples: 1200, noiseStd: 0.3, seed: 5 });
const part = (from, rows) => ({ data: X.data.slice(10 * from, 10 * (from + rows)), rows, columns: 10 });
const [trainX, testX] = [part(0, 900), part(900, 300)];
const [trainY, testY] = [y.slice(0, 900), y.slice(900)];

const one = await fitMultiIndex(trainX, trainY, { rank: 1, degree: 5, seed: 1 });
const two = await fitMultiIndex(trainX, trainY, { rank: 2, degree: 5, seed: 1 });

const { lower, upper } = two.model.predict(testX, { interval: 0.9 });
const inside = testY.filter((value, i) => value >= lower[i] && value <= upper[i]).length;
console.log(`${inside} of ${testY.length} new responses lie in their 90 % intervals`);

const { better, difference, standardError } = compare(one, two);
const errors = (difference / standardError).toFixed(1);
console.log(
  `from the training rows: ${better === "b" ? "two directions" : "one direction"}, by ${errors} standard errors`,
);
console.log(
  `on new rows: R² ${one.model.score(testX, testY).toFixed(3)} with one, ${two.model.score(testX, testY).toFixed(3)} with two`,
);
