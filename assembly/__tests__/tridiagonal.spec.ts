import { tridiagonalize } from "../tridiagonal";
import { array, close, copyOf, get, packed, seed, set } from "./arena";

describe("tridiagonal", () => {
  it("keeps energies bᵀAᵏb and traces, every size up to 13", () => {
    seed(71);
    for (let n = 1; n <= 13; n++) {
      const count = (n * (n + 1)) / 2;
      const a = array(count + 1), b = array(n), d = array(n), e = array(n), work = array(4 * n + 1);
      const a0 = copyOf(a, count), b0 = copyOf(b, n);
      const behind = get(a, count), after = get(work, 4 * n);
      tridiagonalize(a, n, b, d, e, work);
      let trace: f64 = 0, reduced: f64 = 0, square: f64 = 0, squareReduced: f64 = 0;
      let e0: f64 = 0, r0: f64 = 0, e1: f64 = 0, r1: f64 = 0, e2: f64 = 0, r2: f64 = 0;
      for (let i = 0; i < n; i++) {
        trace += get(a0, packed(i, i));
        reduced += get(d, i);
        let product: f64 = 0;
        for (let j = 0; j < n; j++) {
          const aij = get(a0, packed(min(i, j), max(i, j)));
          square += aij * aij;
          product += aij * get(b0, j);
        }
        let t = get(d, i) * get(b, i);
        squareReduced += get(d, i) * get(d, i);
        if (i > 0) t += get(e, i - 1) * get(b, i - 1);
        if (i + 1 < n) {
          t += get(e, i) * get(b, i + 1);
          squareReduced += 2 * get(e, i) * get(e, i);
        }
        e0 += get(b0, i) * get(b0, i);
        r0 += get(b, i) * get(b, i);
        e1 += get(b0, i) * product;
        r1 += get(b, i) * t;
        e2 += product * product;
        r2 += t * t;
      }
      expect(close(reduced, trace) && close(squareReduced, square)).toBe(true);
      expect(close(r0, e0) && close(r1, e1) && close(r2, e2)).toBe(true);
      expect(get(a, count)).toBe(behind);
      expect(get(work, 4 * n)).toBe(after);
    }
  });
  it("leaves a diagonal matrix and its vector as they are", () => {
    const n = 6, a = array(21), b = array(n), d = array(n), e = array(n), work = array(4 * n);
    const b0 = copyOf(b, n);
    for (let k = 0; k < 21; k++) set(a, k, 0);
    for (let i = 0; i < n; i++) set(a, packed(i, i), i + 1);
    tridiagonalize(a, n, b, d, e, work);
    for (let i = 0; i < n; i++) {
      expect(get(d, i)).toBe(i + 1);
      expect(get(b, i)).toBe(get(b0, i));
      if (i + 1 < n) expect(get(e, i)).toBe(0);
    }
  });
});
