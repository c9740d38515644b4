import { columnSquares, columnSums, secondMoment, standardize } from "../statistics";
import { array, block, close, constant, copyOf, get, seed, strideOf } from "./arena";

describe("statistics", () => {
  it("standardize: centres, scales, pads rows and the odd column with zeros", () => {
    seed(51);
    for (let d = 1; d <= 9; d++) {
      const stride = strideOf(d), rows = 10 * d;
      const src = array(rows * d), center = array(d), scale = array(d), dst = array(96 * stride + 1);
      const last = get(dst, 96 * stride);
      standardize(src, dst, rows, d, stride, center, scale);
      let right = true;
      for (let i = 0; i < 96; i++) {
        for (let j = 0; j < stride; j++) {
          const inside = i < rows && j < d;
          const expected = inside ? (get(src, i * d + j) - get(center, j)) * get(scale, j) : 0;
          if (get(dst, i * stride + j) != expected) right = false;
        }
      }
      expect(right).toBe(true);
      expect(get(dst, 96 * stride)).toBe(last);
    }
  });
  it("column sums and squares: brute force for every width up to 18", () => {
    seed(52);
    for (let d = 1; d <= 18; d++) {
      const stride = strideOf(d);
      const x = block(d), w = array(96), sums = array(stride), squares = copyOf(sums, stride), before = copyOf(sums, stride);
      columnSums(x, stride, w, sums);
      columnSquares(x, stride, w, squares);
      for (let j = 0; j < stride; j++) {
        let s = get(before, j), q = s;
        for (let i = 0; i < 96; i++) {
          const v = get(x, i * stride + j);
          s += get(w, i) * v;
          q += get(w, i) * v * v;
        }
        expect(close(get(sums, j), s)).toBe(true);
        expect(close(get(squares, j), q)).toBe(true);
      }
    }
  });
  it("columnSums: unit weights of ones count the rows", () => {
    const x = constant(96 * 4, 1), w = constant(96, 1), sums = constant(4, 0);
    columnSums(x, 4, w, sums);
    columnSquares(x, 4, w, sums);
    for (let j = 0; j < 4; j++) expect(get(sums, j)).toBe(192);
  });
  it("secondMoment: brute force above the diagonal for every width up to 15", () => {
    seed(53);
    for (let d = 1; d <= 15; d++) {
      const stride = strideOf(d);
      const x = block(d), w = array(96), scratch = array(96 * stride + 1), out = array(stride * stride + 1);
      const before = copyOf(out, stride * stride + 1), after = get(scratch, 96 * stride);
      secondMoment(x, stride, w, scratch, out);
      let right = true;
      for (let a = 0; a < stride; a++) {
        for (let b = a; b < stride; b++) {
          let sum = get(before, a * stride + b);
          for (let i = 0; i < 96; i++) sum += get(w, i) * get(x, i * stride + a) * get(x, i * stride + b);
          if (!close(get(out, a * stride + b), sum)) right = false;
        }
      }
      expect(right).toBe(true);
      expect(get(out, stride * stride)).toBe(get(before, stride * stride));
      expect(get(scratch, 96 * stride)).toBe(after);
    }
  });
});
