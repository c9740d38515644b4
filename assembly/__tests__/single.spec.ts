import { projectSingle, transposeSingle } from "../single";
import { array, get, seed, set } from "./arena";

function float(p: usize, i: i32): f64 {
  return <f64>load<f32>(p + (<usize>i << 2));
}
/** n floats, two to a double. */
function floats(n: i32): usize {
  const numbers = array(n), p = array((n + 1) / 2);
  for (let i = 0; i < n; i++) store<f32>(p + (<usize>i << 2), <f32>get(numbers, i));
  return p;
}

describe("products in single precision", () => {
  it("project: within single precision of doubles, one to five columns", () => {
    seed(31);
    const d = 12, x = floats(96 * d);
    for (let r = 1; r <= 5; r++) {
      const w = floats(d * r), z = array(96 * r);
      projectSingle(x, d, r, w, z);
      for (let i = 0; i < 96; i++) {
        for (let k = 0; k < r; k++) {
          let sum: f64 = 0;
          for (let j = 0; j < d; j++) sum += float(x, i * d + j) * float(w, (j >> 2) * 4 * r + 4 * k + (j & 3));
          expect(abs(get(z, k * 96 + i) - sum) <= 1e-5).toBe(true);
        }
      }
    }
  });
  it("transpose: adds to what is there, an odd number of quads, one to five columns", () => {
    seed(32);
    const d = 12, x = floats(96 * d);
    for (let r = 1; r <= 5; r++) {
      const c = array(96 * r), out = array(d * r), before = array(d * r);
      for (let i = 0; i < d * r; i++) set(before, i, get(out, i));
      transposeSingle(x, d, r, c, out);
      for (let j = 0; j < d; j++) {
        for (let k = 0; k < r; k++) {
          const at = (j >> 1) * 2 * r + 2 * k + (j & 1);
          let sum = get(before, at);
          for (let i = 0; i < 96; i++) sum += float(x, i * d + j) * get(c, k * 96 + i);
          expect(abs(get(out, at) - sum) <= 1e-4).toBe(true);
        }
      }
    }
  });
});
