import { combine, contractFields, fields, residual, residualProducts, scaleFields } from "../gradient";
import { array, close, constant, get, seed, set } from "./arena";

function checkFields(p: i32, prefix: i32, r: i32): bool {
  const phi = array(96 * p), c = array(p), ck = array(prefix * r + 1), out = array(96 * (1 + r) + 1);
  set(out, 96 * (1 + r), 123);
  fields(phi, p, c, prefix, r, ck, out);
  for (let i = 0; i < 96; i++) {
    let f: f64 = 0;
    for (let j = 0; j < p; j++) f += get(c, j) * get(phi, j * 96 + i);
    if (!close(get(out, i), f)) return false;
    for (let k = 0; k < r; k++) {
      let g: f64 = 0;
      for (let j = 0; j < prefix; j++) g += get(ck, j * r + k) * get(phi, j * 96 + i);
      if (!close(get(out, (1 + k) * 96 + i), g)) return false;
    }
  }
  return get(out, 96 * (1 + r)) == 123;
}

describe("gradient", () => {
  it("fields: brute force for 0 to 8 derivatives and every kind of prefix", () => {
    seed(41);
    for (let r = 0; r <= 8; r++) {
      expect(checkFields(1, 0, r)).toBe(true);
      expect(checkFields(1, 1, r)).toBe(true);
      expect(checkFields(9, 4, r)).toBe(true);
      expect(checkFields(12, 12, r)).toBe(true);
    }
  });
  it("residual: differences and the sum of their squares", () => {
    const y = constant(96, 3), f = constant(96, 1), out = constant(97, 9);
    set(f, 95, 6);
    expect(residual(y, f, out)).toBe(95 * 4 + 9);
    expect(get(out, 0)).toBe(2);
    expect(get(out, 95)).toBe(-3);
    expect(get(out, 96)).toBe(9);
  });
  it("residualProducts: 0 to 5 slopes, added to what the Gram matrix held", () => {
    seed(44);
    for (let r = 0; r <= 5; r++) {
      const y = array(96), f = array(96 * (r + 1)), out = array(97), scaled = array(96 * r + 1);
      const entries = (r * (r + 1)) >> 1;
      const gram = constant(entries + 1, 2);
      set(out, 96, 9);
      set(scaled, 96 * r, 9);
      let sum: f64 = 0;
      const squares = residualProducts(y, f, r, out, gram, scaled);
      for (let i = 0; i < 96; i++) {
        const rho = get(y, i) - get(f, i);
        expect(get(out, i)).toBe(rho);
        sum += rho * rho;
        for (let k = 0; k < r; k++) expect(get(scaled, k * 96 + i)).toBe(rho * get(f, (k + 1) * 96 + i));
      }
      expect(close(squares, sum)).toBe(true);
      for (let l = 0, at = 0; l < r; l++) {
        for (let k = 0; k <= l; k++, at++) {
          let product: f64 = 2;
          for (let i = 0; i < 96; i++) product += get(f, (k + 1) * 96 + i) * get(f, (l + 1) * 96 + i);
          expect(close(get(gram, at), product)).toBe(true);
        }
      }
      expect(get(gram, entries)).toBe(2);
      expect(get(out, 96)).toBe(9);
      expect(get(scaled, 96 * r)).toBe(9);
    }
  });
  it("scaleFields and contractFields: row by row", () => {
    seed(42);
    for (let r = 1; r <= 5; r++) {
      const v = array(96), g = array(96 * r), out = array(96 * r), s = array(96);
      scaleFields(v, g, r, out);
      contractFields(g, out, r, s);
      for (let i = 0; i < 96; i++) {
        let sum: f64 = 0;
        for (let k = 0; k < r; k++) {
          expect(get(out, k * 96 + i)).toBe(get(v, i) * get(g, k * 96 + i));
          sum += get(g, k * 96 + i) * get(out, k * 96 + i);
        }
        expect(get(s, i)).toBe(sum);
      }
    }
  });
  it("combine: a swap of two columns, and brute force", () => {
    seed(43);
    for (let r = 1; r <= 5; r++) {
      const z = array(96 * r), zd = array(96 * r), m = array(r * r), out = array(96 * r);
      combine(z, zd, r, -0.75, m, out);
      for (let k = 0; k < r; k++) {
        for (let i = 0; i < 96; i++) {
          let sum: f64 = 0;
          for (let l = 0; l < r; l++) sum += (get(z, l * 96 + i) - 0.75 * get(zd, l * 96 + i)) * get(m, l * r + k);
          expect(get(out, k * 96 + i)).toBe(sum);
        }
      }
    }
    const z = array(192), zd = array(192), m = constant(4, 0), out = array(192);
    set(m, 1, 1);
    set(m, 2, 1);
    combine(z, zd, 2, 0, m, out);
    expect(get(out, 5)).toBe(get(z, 96 + 5));
    expect(get(out, 96 + 5)).toBe(get(z, 5));
  });
});
