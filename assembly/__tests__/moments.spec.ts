import { accumulateProducts, combineSums } from "../moments";
import { array, close, constant, copyOf, get, seed, set } from "./arena";

/** A fresh array of n int32. */
function integers(n: i32): usize {
  return array((n + 1) / 2);
}
function setInteger(p: usize, i: i32, value: i32): void {
  store<i32>(p + (<usize>i << 2), value);
}

describe("moments", () => {
  it("accumulateProducts: brute force, groups of falling width", () => {
    seed(41);
    for (let groups = 1; groups <= 4; groups++) {
      const widths = integers(groups);
      let tiles = 0;
      for (let g = 0; g < groups; g++) {
        setInteger(widths, g, groups - g);
        tiles += groups - g;
      }
      const a = array(96 * 4 * groups), b = array(96 * 2 * groups), out = array(8 * tiles + 1);
      const before = copyOf(out, 8 * tiles + 1);
      accumulateProducts(a, groups, b, widths, out);
      let at = 0, right = true;
      for (let g = 0; g < groups; g++) {
        for (let q = 0; q < groups - g; q++) {
          for (let i = 0; i < 4; i++) {
            for (let j = 0; j < 2; j++) {
              let sum = get(before, at);
              for (let k = 0; k < 96; k++) sum += get(a, (4 * g + i) * 96 + k) * get(b, (2 * q + j) * 96 + k);
              if (!close(get(out, at++), sum)) right = false;
            }
          }
        }
      }
      expect(right).toBe(true);
      expect(get(out, at)).toBe(get(before, at));
    }
  });
  it("accumulateProducts: a group of width 0 adds nothing, calls add up exactly on ones", () => {
    const widths = integers(2);
    setInteger(widths, 0, 0);
    setInteger(widths, 1, 1);
    const a = constant(96 * 8, 1), b = constant(96 * 2, 1), out = constant(8, 0);
    accumulateProducts(a, 2, b, widths, out);
    accumulateProducts(a, 2, b, widths, out);
    for (let i = 0; i < 8; i++) expect(get(out, i)).toBe(192);
  });
  it("combineSums: first terms are stored, further ones added", () => {
    const sums = array(3), factors = array(5), places = integers(5), entries = integers(3), out = array(3);
    for (let i = 0; i < 3; i++) set(sums, i, i + 1);
    for (let t = 0; t < 5; t++) set(factors, t, 10.0 ** t);
    // 1·sums[0] and 10·sums[1] are stored; 100·sums[2], 1000·sums[1], 10⁴·sums[0] added to entries 1, 0, 1
    setInteger(places, 0, 0);
    setInteger(places, 1, 1);
    setInteger(places, 2, 2);
    setInteger(places, 3, 1);
    setInteger(places, 4, 0);
    setInteger(entries, 0, 1);
    setInteger(entries, 1, 0);
    setInteger(entries, 2, 1);
    const kept = get(out, 2);
    combineSums(sums, 5, places, factors, entries, 2, out);
    expect(get(out, 0)).toBe(1 + 2000);
    expect(get(out, 1)).toBe(20 + 300 + 10000);
    expect(get(out, 2)).toBe(kept);
  });
});
