import { choleskyFactor } from "../cholesky";
import { OK } from "../status";
import { backSolveRows, solveRows } from "../triangular";
import { array, constant, get, packed, seed, set } from "./arena";

describe("triangular", () => {
  it("solves a known system in every row of the block", () => {
    // U = [[2, 1, 3], [0, 2, 2], [0, 0, 4]], so Uᵀ(1, 2, 3) = (2, 5, 19)
    const u = array(6), phi = array(3 * 96);
    const entries: f64[] = [2, 1, 2, 3, 2, 4];
    for (let k = 0; k < 6; k++) set(u, k, entries[k]);
    for (let i = 0; i < 96; i++) {
      set(phi, i, 2);
      set(phi, 96 + i, 5);
      set(phi, 192 + i, 19);
    }
    solveRows(u, 3, phi);
    for (let i = 0; i < 96; i++) {
      expect(get(phi, i)).toBe(1);
      expect(get(phi, 96 + i)).toBe(2);
      expect(get(phi, 192 + i)).toBe(3);
    }
  });
  it("Uᵀ times the solution gives the block back, every size up to 13, and writes nothing behind it", () => {
    seed(71);
    for (let p = 1; p <= 13; p++) {
      const u = constant((p * (p + 1)) / 2, 0.25), phi = array((p + 1) * 96), given = array(p * 96);
      for (let j = 0; j < p; j++) set(u, packed(j, j), <f64>(p + j));
      expect(choleskyFactor(u, p, 0)).toBe(OK);
      for (let k = 0; k < p * 96; k++) set(given, k, get(phi, k));
      for (let i = 0; i < 96; i++) set(phi, p * 96 + i, 77);
      solveRows(u, p, phi);
      let right = true;
      for (let j = 0; j < p; j++) {
        for (let i = 0; i < 96; i++) {
          let back: f64 = 0;
          for (let k = 0; k <= j; k++) back += get(u, packed(k, j)) * get(phi, k * 96 + i);
          if (abs(back - get(given, j * 96 + i)) > 1e-12) right = false;
        }
      }
      expect(right).toBe(true);
      for (let i = 0; i < 96; i++) expect(get(phi, p * 96 + i)).toBe(77);
    }
  });
  it("U times the back-solved block gives the block back, every size up to 13", () => {
    seed(72);
    for (let p = 1; p <= 13; p++) {
      const u = constant((p * (p + 1)) / 2, 0.25), phi = array((p + 1) * 96), given = array(p * 96);
      for (let j = 0; j < p; j++) set(u, packed(j, j), 2);
      for (let k = 0; k < p * 96; k++) set(given, k, get(phi, k));
      for (let i = 0; i < 96; i++) set(phi, p * 96 + i, 77);
      backSolveRows(u, p, phi);
      let right = true;
      for (let j = 0; j < p; j++) {
        for (let i = 0; i < 96; i++) {
          let back: f64 = 0;
          for (let k = j; k < p; k++) back += get(u, packed(j, k)) * get(phi, k * 96 + i);
          if (abs(back - get(given, j * 96 + i)) > 1e-12) right = false;
        }
      }
      expect(right).toBe(true);
      for (let i = 0; i < 96; i++) expect(get(phi, p * 96 + i)).toBe(77);
    }
  });
});
