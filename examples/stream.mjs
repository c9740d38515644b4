/** Fits rows that arrive in blocks, follows the progress, and stops early on request. Run: node examples/stream.mjs */
import { fitMultiIndex } from "leapflow";

const rows = 5000;
const columns = 12;
const input = (i, j) => Math.sin(1.3 * i * (j + 1) + j) + Math.cos(0.7 * i + j * j);

/** Any object with `columns` and an async iterator over blocks; every iteration starts again. */
const source = {
  rows,
  columns,
  async *[Symbol.asyncIterator]() {
    for (let from = 0; from < rows; from += 1000) {
      const data = Float64Array.from({ length: 1000 * columns }, (_, k) =>
        input(from + Math.floor(k / columns), k % columns),
      );
      yield { data, rows: 1000, columns };
    }
  },
};
const y = Float64Array.from({ length: rows }, (_, i) => input(i, 0) * input(i, 1) + input(i, 2));

const fit = await fitMultiIndex(source, y, {
  rank: 3,
  degree: 2,
  seed: 1,
  deadlineMs: 10000,
  onProgress: ({ phase, iteration, loss }) => console.log(`${phase} ${iteration}: loss ${loss.toExponential(3)}`),
});
console.log(`stopped: ${fit.stop.reason}; R² estimated on new rows: ${fit.diagnostics.heldOut.r2.toFixed(4)}`);
