import { choleskyFactor, choleskySolve } from "../cholesky";
import { OK, failedAt } from "../status";
import { array, close, constant, copyOf, get, packed, seed, set } from "./arena";

/** Packed AᵀA + I of a random square A. */
function gramOf(p: i32): usize {
  const a = array(p * p), g = array((p * (p + 1)) / 2);
  for (let j = 0; j < p; j++) {
    for (let i = 0; i <= j; i++) {
      let sum: f64 = i == j ? 1 : 0;
      for (let k = 0; k < p; k++) sum += get(a, i * p + k) * get(a, j * p + k);
      set(g, packed(i, j), sum);
    }
  }
  return g;
}

describe("cholesky", () => {
  it("factors a known matrix exactly", () => {
    // [[4, 2, 6], [2, 5, 7], [6, 7, 26]] = UᵀU with U = [[2, 1, 3], [0, 2, 2], [0, 0, √13]]
    const g = array(6);
    set(g, 0, 4);
    set(g, 1, 2);
    set(g, 2, 5);
    set(g, 3, 6);
    set(g, 4, 7);
    set(g, 5, 26);
    expect(choleskyFactor(g, 3, 0)).toBe(OK);
    expect(get(g, 0)).toBe(2);
    expect(get(g, 1)).toBe(1);
    expect(get(g, 2)).toBe(2);
    expect(get(g, 3)).toBe(3);
    expect(get(g, 4)).toBe(2);
    expect(get(g, 5)).toBe(sqrt<f64>(13));
  });
  it("UᵀU gives the matrix back, every size up to 14 and 33", () => {
    seed(61);
    for (let n = 1; n <= 15; n++) {
      const p = n == 15 ? 33 : n;
      const g = gramOf(p), u = copyOf(g, (p * (p + 1)) / 2);
      expect(choleskyFactor(u, p, 0)).toBe(OK);
      let right = true;
      for (let j = 0; j < p; j++) {
        for (let i = 0; i <= j; i++) {
          let sum: f64 = 0;
          for (let m = 0; m <= i; m++) sum += get(u, packed(m, i)) * get(u, packed(m, j));
          if (!close(sum, get(g, packed(i, j)))) right = false;
        }
      }
      expect(right).toBe(true);
    }
  });
  it("solves equations with a known answer", () => {
    seed(62);
    for (let p = 1; p <= 13; p++) {
      const g = gramOf(p), b = constant(p + 1, 0);
      set(b, p, 77);
      // the right side of the solution 1, 2, 3, …
      for (let i = 0; i < p; i++) {
        let sum: f64 = 0;
        for (let j = 0; j < p; j++) sum += get(g, i <= j ? packed(i, j) : packed(j, i)) * <f64>(j + 1);
        set(b, i, sum);
      }
      expect(choleskyFactor(g, p, 0)).toBe(OK);
      choleskySolve(g, p, b);
      for (let j = 0; j < p; j++) expect(abs(get(b, j) - <f64>(j + 1)) < 1e-9).toBe(true);
      expect(get(b, p)).toBe(77);
    }
  });
  it("names the first pivot that is zero, negative, NaN or infinite", () => {
    seed(63);
    for (let bad = 0; bad < 9; bad++) {
      for (let kind = 0; kind < 4; kind++) {
        const g = gramOf(9);
        set(g, packed(bad, bad), kind == 0 ? 0 : kind == 1 ? -1 : kind == 2 ? NaN : Infinity);
        expect(choleskyFactor(g, 9, 0)).toBe(failedAt(bad));
      }
    }
  });
  it("compares a pivot with its own diagonal entry", () => {
    const g = constant(3, 1);
    set(g, 2, 1 + 1e-9);
    const h = copyOf(g, 3);
    expect(choleskyFactor(g, 2, 1e-10)).toBe(OK);
    expect(choleskyFactor(h, 2, 1e-8)).toBe(failedAt(1));
  });
  it("has nothing to do for no columns", () => {
    expect(choleskyFactor(0, 0, 0)).toBe(OK);
    choleskySolve(0, 0, 0);
  });
});
