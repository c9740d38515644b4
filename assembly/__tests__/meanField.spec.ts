import { complexPathGradients, complexPathResponses, pathGradients, pathResponses } from "../meanField";
import { array, close, constant, get, seed, set } from "./arena";

describe("meanField", () => {
  it("pathGradients: the rational loss at a few points", () => {
    const u = constant(96, 0), shift = constant(96, 0), y = constant(96, 0);
    const g = array(97), a = array(97);
    set(g, 96, 77);
    set(a, 96, 77);
    expect(pathGradients(u, shift, y, 1, g, a)).toBe(0);
    for (let i = 0; i < 96; i++) {
      expect(get(g, i)).toBe(0);
      expect(get(a, i)).toBe(0);
    }
    // ξ = 2, y = 1, c = 1: s − y = 3, c + s + y = 6, c + 2y = 3.
    set(u, 7, 1.5);
    set(shift, 7, 0.5);
    set(y, 7, 1);
    expect(close(pathGradients(u, shift, y, 1, g, a), 1.5 - 1.5 * Math.log(2))).toBe(true);
    expect(get(g, 7)).toBe(1);
    expect(close(get(a, 7), (11.0 * 6 - 24) / 36)).toBe(true);
    expect(get(g, 96)).toBe(77);
    expect(get(a, 96)).toBe(77);
  });
  it("pathGradients: the plain Wirtinger loss", () => {
    seed(71);
    const u = array(96), shift = array(96), y = array(96), g = array(96), a = array(96);
    const total = pathGradients(u, shift, y, 0, g, a);
    let sum: f64 = 0;
    for (let i = 0; i < 96; i++) {
      const xi = get(u, i) + get(shift, i), d = xi * xi - get(y, i);
      expect(get(g, i)).toBe(d * xi);
      expect(close(get(a, i), 3 * xi * xi - get(y, i))).toBe(true);
      sum += 0.25 * d * d;
    }
    expect(close(total, sum)).toBe(true);
  });
  it("complexPathGradients: real inputs give the real loss twice and f1 + f2 = l\"", () => {
    seed(72);
    const u = array(192), shift = constant(192, 0), y = constant(96, 0.7);
    for (let i = 0; i < 96; i++) set(u, 96 + i, 0);
    const g = array(192), f1 = array(96), re = array(96), im = array(96), h = array(96), a = array(96);
    const twice = complexPathGradients(u, shift, y, 2, g, 96 * 8, f1, re, im);
    const once = pathGradients(u, shift, y, 2, h, a);
    expect(close(twice, 2 * once)).toBe(true);
    for (let i = 0; i < 96; i++) {
      expect(close(get(g, i), get(h, i))).toBe(true);
      expect(get(g, 96 + i)).toBe(0);
      expect(close(get(f1, i) + get(re, i), get(a, i))).toBe(true);
      expect(get(im, i)).toBe(0);
    }
  });
  it("pathResponses: three steps by hand", () => {
    seed(73);
    const a = array(3 * 96), r = array(3 * 4), still = array(3), slope = array(96), tail = array(96);
    const scratch = array(16 * 4), sums = constant(3, 10);
    pathResponses(a, 2, r, 4, still, slope, tail, scratch, sums);
    let s0: f64 = 10, s1: f64 = 10, s2: f64 = 10;
    for (let i = 0; i < 96; i++) {
      const p2 = get(a, 192 + i);
      const p1 = get(a, 96 + i) * get(r, 4 + 2) * p2;
      const p0 = get(a, i) * (get(r, 1) * p1 + get(r, 2) * p2);
      s2 += p2;
      s1 += p1;
      s0 += get(slope, i) * p0 + get(tail, i) * (get(still, 1) * p1 + get(still, 2) * p2);
    }
    expect(abs(get(sums, 0) - s0) < 1e-10).toBe(true);
    expect(abs(get(sums, 1) - s1) < 1e-10).toBe(true);
    expect(abs(get(sums, 2) - s2) < 1e-10).toBe(true);
  });
  it("complexPathResponses: without f2 the same as real ones", () => {
    seed(74);
    const a = array(4 * 96), none = constant(4 * 96, 0), r = array(4 * 5), still = array(4);
    const slope = array(96), tail = array(96), scratch = array(16 * 5);
    const x = constant(4, 0), y = constant(4, 0);
    pathResponses(a, 3, r, 5, still, slope, tail, scratch, x);
    complexPathResponses(a, none, none, 3, r, 5, still, slope, tail, scratch, y);
    for (let s = 0; s < 4; s++) expect(abs(get(x, s) - get(y, s)) < 1e-10).toBe(true);
  });
});
