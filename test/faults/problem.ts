/** The small problem that the fault suites fit, and helpers to look at outcomes. */
import { expect } from "vitest";
import { createRng } from "../../src/base/rng.js";
import type { Fit } from "../../src/index.js";

const rng = createRng(7, "faults");

/** 80 rows of 4 standard normal inputs. */
export const X: number[][] = Array.from({ length: 80 }, () => Array.from({ length: 4 }, () => rng.normal()));
/** x₀ + x₁²/2 + noise. */
export const y: number[] = X.map((row) => row[0] + 0.5 * row[1] ** 2 + 0.05 * rng.normal());
export const OPTIONS = Object.freeze({ rank: 2, degree: 2, seed: 3, restarts: 0 });

/** An Arrow-like table over rows. */
export function columns(rows: readonly (readonly number[])[]) {
  return {
    numRows: rows.length,
    numCols: rows[0].length,
    schema: { fields: rows[0].map((_, j) => ({ name: `c${j}` })) },
    getChildAt: (j: number) => ({ length: rows.length, get: (i: number) => rows[i][j] }),
  };
}

/** What a call throws or rejects with; fails when it does neither. */
export async function errorOf(
  run: () => unknown,
): Promise<Error & { code?: string; details?: Record<string, unknown> }> {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

/** Equality by bits of two fits. */
export function sameFit(a: Fit, b: Fit): void {
  expect(Array.from(a.history.loss)).toEqual(Array.from(b.history.loss));
  expect(a.model.data.basis).toEqual(b.model.data.basis);
  expect(Array.from(a.model.predict(X))).toEqual(Array.from(b.model.predict(X)));
}

/** No number inside a result is NaN or infinite. */
export function expectFinite(value: unknown, path = "result", depth = 0): void {
  if (typeof value === "number") {
    expect(Number.isFinite(value), `${path} = ${value}`).toBe(true);
  } else if (ArrayBuffer.isView(value)) {
    Array.from(value as Float64Array).forEach((entry, i) => {
      expectFinite(entry, `${path}[${i}]`, depth + 1);
    });
  } else if (typeof value === "object" && value !== null && depth < 7) {
    for (const [key, inner] of Object.entries(value)) expectFinite(inner, `${path}.${key}`, depth + 1);
  }
}
