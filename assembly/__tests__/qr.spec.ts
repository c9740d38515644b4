import { thinQr } from "../qr";
import { OK, failedAt } from "../status";
import { array, constant, copyOf, get, seed, set } from "./arena";

function checkQr(d: i32, r: i32, scale: f64): bool {
  const w = array(d * r), upper = array(r * r);
  for (let i = 0; i < d * r; i++) set(w, i, scale * get(w, i));
  const q = copyOf(w, d * r);
  if (thinQr(q, d, r, upper) != OK) return false;
  for (let k = 0; k < r; k++) {
    if (!(get(upper, k * r + k) > 0)) return false;
    for (let l = 0; l < r; l++) {
      if (l < k && get(upper, k * r + l) != 0) return false;
      let sum: f64 = 0;
      for (let i = 0; i < d; i++) sum += get(q, k * d + i) * get(q, l * d + i);
      if (!(abs(sum - (k == l ? 1 : 0)) < 1e-14)) return false;
    }
    for (let i = 0; i < d; i++) {
      let sum: f64 = 0;
      for (let l = 0; l <= k; l++) sum += get(q, l * d + i) * (get(upper, l * r + k) / scale);
      if (!(abs(sum - get(w, k * d + i) / scale) < 1e-13)) return false;
    }
  }
  return true;
}

describe("thinQr", () => {
  it("orthonormal columns times R give the matrix back, at every scale", () => {
    seed(71);
    for (let r = 1; r <= 6; r++) {
      for (let d = r; d <= r + 5; d++) {
        expect(checkQr(d, r, 1)).toBe(true);
        expect(checkQr(d, r, 1e200)).toBe(true);
        expect(checkQr(d, r, 1e-200)).toBe(true);
      }
    }
  });
  it("makes nearly dependent columns orthogonal, which one pass would not", () => {
    seed(73);
    const d = 30, w = array(2 * d), upper = array(4);
    for (let i = 0; i < d; i++) set(w, d + i, get(w, i) + 1e-9 * get(w, d + i));
    expect(thinQr(w, d, 2, upper)).toBe(OK);
    let sum: f64 = 0;
    for (let i = 0; i < d; i++) sum += get(w, i) * get(w, d + i);
    expect(abs(sum) < 1e-14).toBe(true);
  });
  it("leaves orthonormal columns alone, exactly", () => {
    const w = constant(6, 0), upper = constant(4, 9);
    set(w, 1, 1);
    set(w, 3, 1);
    expect(thinQr(w, 3, 2, upper)).toBe(OK);
    expect(get(w, 1)).toBe(1);
    expect(get(w, 3)).toBe(1);
    expect(get(w, 0)).toBe(0);
    expect(get(upper, 0)).toBe(1);
    expect(get(upper, 1)).toBe(0);
    expect(get(upper, 2)).toBe(0);
    expect(get(upper, 3)).toBe(1);
  });
  it("names the first column that is zero, dependent or not finite", () => {
    seed(72);
    for (let bad = 0; bad < 4; bad++) {
      for (let kind = 0; kind < 4; kind++) {
        const w = array(40), upper = array(16);
        for (let i = 0; i < 10; i++) {
          const copied = bad > 0 ? -2.5 * get(w, i) : 0;
          set(w, bad * 10 + i, kind == 0 ? 0 : kind == 1 ? copied : kind == 2 ? NaN : Infinity);
        }
        expect(thinQr(w, 10, 4, upper)).toBe(failedAt(bad));
      }
    }
  });
});
