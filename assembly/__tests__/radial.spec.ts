import { radial, radialGradient } from "../radial";
import { array, constant, get, seed, set } from "./arena";

describe("radial", () => {
  it("is e^(-q/2) and the Matérn function at distances with known values", () => {
    // z = (3, 4) against u = (0, 0) and u = z itself: distances 5 and 0
    const z = array(192), u = constant(4, 0), scale = constant(96, 2), phi = array(192), psi = array(192);
    for (let i = 0; i < 96; i++) {
      set(z, i, 3);
      set(z, 96 + i, 4);
    }
    set(u, 2, 3);
    set(u, 3, 4);
    radial(z, 2, u, 2, 0, scale, phi, psi);
    const gauss = 2 * 3.726653172078671e-6; // 2 e^(-12.5)
    const d = sqrt<f64>(5.0) * 5, e = 1.3945692377873929702e-5; // e^(-5√5)
    let right = true;
    for (let i = 0; i < 96; i++) {
      if (abs(get(phi, i) / gauss - 1) > 1e-14) right = false;
      if (get(psi, i) != -get(phi, i)) right = false;
      if (get(phi, 96 + i) != 2 || get(psi, 96 + i) != -2) right = false;
    }
    expect(right).toBe(true);
    radial(z, 2, u, 2, 1, scale, phi, psi);
    for (let i = 0; i < 96; i++) {
      if (abs(get(phi, i) / (2 * (1 + d + d * d / 3) * e) - 1) > 1e-13) right = false;
      if (abs(get(psi, i) / (-10.0 / 3 * (1 + d) * e) - 1) > 1e-13) right = false;
      if (get(phi, 96 + i) != 2) right = false;
    }
    expect(right).toBe(true);
  });
  it("sends gradients to points and centres alike: both sums agree, and nothing is written behind", () => {
    seed(12);
    const r = 3, m = 5;
    const z = array(r * 96), u = array(m * r), psi = array(m * 96), g = array((m + 1) * 96), a = array(m), rho = array(96);
    const out = array((r + 1) * 96), sums = constant(m * r, 0);
    for (let i = 0; i < 96; i++) {
      set(g, m * 96 + i, 77);
      set(out, r * 96 + i, 77);
    }
    radialGradient(z, r, u, m, psi, g, a, rho, out, sums);
    for (let k = 0; k < r; k++) {
      let points: f64 = 0, centres: f64 = 0;
      for (let i = 0; i < 96; i++) points += get(out, k * 96 + i);
      for (let j = 0; j < m; j++) centres += get(sums, j * r + k);
      expect(abs(points - centres) < 1e-9).toBe(true);
    }
    for (let i = 0; i < 96; i++) {
      expect(get(g, m * 96 + i)).toBe(77);
      expect(get(out, r * 96 + i)).toBe(77);
    }
  });
});
