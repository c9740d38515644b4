/** Rotations in reused buffers against `rotateExpansion`, and against evaluation. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { ExpansionRotator } from "../../src/math/expansionRotator.js";
import { randomBasis } from "../../src/math/grassmann.js";
import { rotateExpansion } from "../../src/math/hermite.js";
import { featureCount } from "../../src/math/multiIndex.js";

const shapes = fc.record({
  rank: fc.integer({ min: 1, max: 4 }),
  degree: fc.integer({ min: 0, max: 6 }),
  seed: fc.nat(),
});

it("does what rotateExpansion does, again and again", () => {
  fc.assert(
    fc.property(shapes, ({ rank, degree, seed }) => {
      const rng = createRng(seed, "rotator");
      const rotator = new ExpansionRotator(rank, degree);
      for (let k = 0; k < 3; k++) {
        const q = randomBasis(rank, rank, rng);
        const c = Float64Array.from({ length: featureCount(rank, degree) }, () => rng.normal());
        const expected = rotateExpansion(c, rank, degree, q);
        const size = Math.sqrt(c.reduce((sum, x) => sum + x * x, 0));
        const got = c.slice();
        rotator.apply(got, q);
        got.forEach((x, j) => {
          expect(Math.abs(x - expected[j])).toBeLessThan(1e-13 * size);
        });
        // Qᵀ through strides takes it back.
        rotator.apply(got, q, 1, rank);
        got.forEach((x, j) => {
          expect(Math.abs(x - c[j])).toBeLessThan(1e-13 * size);
        });
      }
    }),
  );
});

it("leaves zeros apart under rotations of other planes, and tiny angles tiny", () => {
  const rotator = new ExpansionRotator(2, 2);
  // h_2(z1): an angle of 1e-20 gives h_1(z1)h_1(z2) the coefficient √2·1e-20, to its own accuracy.
  const c = Float64Array.of(0, 0, 0, 1, 0, 0);
  rotator.apply(c, Float64Array.of(1, -1e-20, 1e-20, 1));
  expect(Math.abs(c[4] / (Math.SQRT2 * 1e-20) - 1)).toBeLessThan(1e-15);
  expect(c[3]).toBe(1);
});
