import { accumulateTransposed, project } from "../gemm";
import { array, block, close, constant, copyOf, get, paired, seed, set, strideOf } from "./arena";

function checkProject(d: i32, r: i32): bool {
  const stride = strideOf(d);
  const x = block(d), w = array(stride * r), z = array(96 * r);
  project(x, stride, r, w, z);
  for (let k = 0; k < r; k++) {
    for (let i = 0; i < 96; i++) {
      let sum: f64 = 0;
      for (let j = 0; j < stride; j++) sum += get(x, i * stride + j) * get(w, paired(j, k, r));
      if (!close(get(z, k * 96 + i), sum)) return false;
    }
  }
  return true;
}

function checkTransposed(d: i32, r: i32): bool {
  const stride = strideOf(d);
  const x = block(d), c = array(96 * r), out = array(stride * r);
  const before = copyOf(out, stride * r);
  accumulateTransposed(x, stride, r, c, out);
  for (let j = 0; j < stride; j++) {
    for (let k = 0; k < r; k++) {
      let sum = get(before, paired(j, k, r));
      for (let i = 0; i < 96; i++) sum += get(x, i * stride + j) * get(c, k * 96 + i);
      if (!close(get(out, paired(j, k, r)), sum)) return false;
    }
  }
  return true;
}

describe("gemm", () => {
  it("project: brute force for 1 to 8 columns, odd and even widths", () => {
    seed(11);
    for (let r = 1; r <= 8; r++) {
      for (let d = 1; d <= 7; d++) expect(checkProject(d, r)).toBe(true);
      expect(checkProject(33, r)).toBe(true);
    }
  });
  it("project: a unit vector picks its column, exactly", () => {
    const x = block(5), w = constant(6, 0), z = constant(96, 9);
    set(w, paired(3, 0, 1), 1);
    project(x, 6, 1, w, z);
    for (let i = 0; i < 96; i++) expect(get(z, i)).toBe(get(x, i * 6 + 3));
  });
  it("accumulateTransposed: brute force for 1 to 8 columns, every tile remainder", () => {
    seed(12);
    for (let r = 1; r <= 8; r++) {
      for (let d = 1; d <= 18; d++) expect(checkTransposed(d, r)).toBe(true);
      expect(checkTransposed(47, r)).toBe(true);
    }
  });
  it("accumulateTransposed: weights of one row add that row, exactly", () => {
    const x = block(4), c = constant(96, 0), out = constant(4, 1);
    set(c, 95, 1);
    accumulateTransposed(x, 4, 1, c, out);
    for (let j = 0; j < 4; j++) expect(get(out, j)).toBe(1 + get(x, 95 * 4 + j));
  });
  it("does nothing for no columns", () => {
    const x = block(4), out = constant(2, 5);
    project(x, 4, 0, out, out);
    accumulateTransposed(x, 4, 0, out, out);
    expect(get(out, 0)).toBe(5);
    expect(get(out, 1)).toBe(5);
  });
});
