import { axpy, divide, dot, dotPaired, largest } from "../blas";
import { array, close, constant, get, seed, set } from "./arena";

describe("blas", () => {
  it("dot: 1² + … + n² for every n up to 40", () => {
    const a = array(40);
    for (let i = 0; i < 40; i++) set(a, i, <f64>(i + 1));
    for (let n = 0; n <= 40; n++) {
      const expected = (<f64>n * (<f64>n + 1) * (2 * <f64>n + 1)) / 6;
      expect(dot(a, a, n)).toBe(expected);
      expect(dotPaired(a, a, n)).toBe(expected);
    }
  });
  it("dot: BY FOUR, then the tail from left to right", () => {
    seed(3);
    const a = array(11), b = array(11);
    let s0: f64 = 0, s1: f64 = 0, s2: f64 = 0, s3: f64 = 0;
    for (let i = 0; i < 8; i += 4) {
      s0 += get(a, i) * get(b, i);
      s1 += get(a, i + 1) * get(b, i + 1);
      s2 += get(a, i + 2) * get(b, i + 2);
      s3 += get(a, i + 3) * get(b, i + 3);
    }
    let sum = (s0 + s2) + (s1 + s3);
    for (let i = 8; i < 11; i++) sum += get(a, i) * get(b, i);
    expect(dot(a, b, 11)).toBe(sum);
  });
  it("dot: addresses need only 8-byte alignment", () => {
    seed(4);
    const a = array(12);
    let sum: f64 = 0;
    for (let i = 0; i < 9; i++) sum += get(a, i + 1) * get(a, i + 2);
    expect(close(dot(a + 8, a + 16, 9), sum)).toBe(true);
  });
  it("axpy and divide reach the last entry and no further", () => {
    for (let n = 0; n < 9; n++) {
      const x = constant(10, 3), y = constant(10, 1);
      axpy(2, x, y, n);
      divide(x, n, 4);
      for (let i = 0; i < 10; i++) {
        expect(get(y, i)).toBe(i < n ? 7 : 1);
        expect(get(x, i)).toBe(i < n ? 0.75 : 3);
      }
    }
  });
  it("largest: absolute values, nothing, NaN", () => {
    const x = constant(5, 1);
    set(x, 3, -8);
    expect(largest(x, 5)).toBe(8);
    expect(largest(x, 3)).toBe(1);
    expect(largest(x, 0)).toBe(0);
    set(x, 1, NaN);
    expect(isNaN(largest(x, 5))).toBe(true);
  });
});
