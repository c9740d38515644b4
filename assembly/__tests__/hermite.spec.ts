import { features, hermite } from "../hermite";
import { array, constant, get, seed, set } from "./arena";

function near(a: f64, b: f64, z: f64, m: i32): bool {
  return abs(a - b) <= 1e-14 * (1 + abs(z) ** <f64>m);
}

describe("hermite", () => {
  it("carries the scale through the recurrence, an odd and an even number of degrees", () => {
    for (let degree = 3; degree <= 4; degree++) {
      const z = array(96), h = array(6 * 96), scale = array(96);
      const after = get(h, (degree + 1) * 96);
      hermite(z, scale, degree, h);
      for (let i = 0; i < 96; i++) {
        const t = get(z, i), s = get(scale, i);
        expect(get(h, i)).toBe(s);
        expect(get(h, 96 + i)).toBe(t * s);
        expect(near(get(h, 2 * 96 + i), s * (t * t - 1) / sqrt<f64>(2), 2, 2)).toBe(true);
        expect(near(get(h, 3 * 96 + i), s * (t * t * t - 3 * t) / sqrt<f64>(6), 2, 3)).toBe(true);
      }
      expect(get(h, (degree + 1) * 96)).toBe(after);
    }
  });
});

describe("features", () => {
  it("Hermite values are those of explicit polynomials", () => {
    const z = array(96), h = array(6 * 96), phi = array(96), one = constant(96, 1);
    for (let i = 0; i < 96; i++) set(z, i, <f64>(i - 48) / 12);
    features(z, 1, 5, one, phi, 1, h, phi);
    for (let i = 0; i < 96; i++) {
      const t = get(z, i);
      expect(get(h, i)).toBe(1);
      expect(get(h, 96 + i)).toBe(t);
      expect(near(get(h, 2 * 96 + i), (t * t - 1) / sqrt<f64>(2), t, 2)).toBe(true);
      expect(near(get(h, 3 * 96 + i), (t * t * t - 3 * t) / sqrt<f64>(6), t, 3)).toBe(true);
      expect(near(get(h, 4 * 96 + i), (t * t * t * t - 6 * t * t + 3) / sqrt<f64>(24), t, 4)).toBe(true);
      expect(near(get(h, 5 * 96 + i), (t * t * t * t * t - 10 * t * t * t + 15 * t) / sqrt<f64>(120), t, 5)).toBe(true);
    }
  });
  it("multiplies a parent by one row of values, starting from the scale", () => {
    seed(21);
    // two variables, degree 1: h rows are 1, z0, 1, z1; features scale, scale·z0, scale·z1, scale·z0·z1
    const z = array(2 * 96), h = array(4 * 96), phi = array(4 * 96), scale = array(96);
    const table = array(4);
    store<i32>(table, 0, 8);
    store<i32>(table, 1, 12);
    store<i32>(table, 0, 16);
    store<i32>(table, 3, 20);
    store<i32>(table, 1, 24);
    store<i32>(table, 3, 28);
    features(z, 2, 1, scale, table, 4, h, phi);
    for (let i = 0; i < 96; i++) {
      const s = get(scale, i), a = get(z, i), b = get(z, 96 + i);
      expect(get(phi, i)).toBe(s);
      expect(get(phi, 96 + i)).toBe(s * a);
      expect(get(phi, 2 * 96 + i)).toBe(s * b);
      expect(get(phi, 3 * 96 + i)).toBe(s * a * b);
    }
  });
  it("degree 0 has the constant only; no variables have the scale only", () => {
    const z = constant(96, 7), h = constant(2 * 96, 5), phi = constant(2 * 96, 5), scale = constant(96, 0.5);
    features(z, 1, 0, scale, phi, 1, h, phi);
    features(z, 0, 3, scale, phi, 1, z, phi);
    for (let i = 0; i < 96; i++) {
      expect(get(h, i)).toBe(1);
      expect(get(h, 96 + i)).toBe(5);
      expect(get(phi, i)).toBe(0.5);
      expect(get(phi, 96 + i)).toBe(5);
      expect(get(z, i)).toBe(7);
    }
  });
});
