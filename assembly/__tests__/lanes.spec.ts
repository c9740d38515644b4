import { ROWS, ROW_BYTES, addPairTo, addProduct, addTo, join, joinTwo, zero } from "../lanes";
import { constant, get } from "./arena";

describe("lanes", () => {
  it("has rows that every tile divides", () => {
    expect(ROWS % 16).toBe(0);
    expect(ROWS % 24).toBe(0);
    expect(ROW_BYTES).toBe(8 * ROWS);
  });
  it("joins even and odd partial sums", () => {
    expect(join(f64x2(3, 4))).toBe(7);
    const two = joinTwo(f64x2(1, 2), f64x2(10, 20));
    expect(f64x2.extract_lane(two, 0)).toBe(3);
    expect(f64x2.extract_lane(two, 1)).toBe(30);
  });
  it("starts sums from +0", () => {
    expect(1 / f64x2.extract_lane(zero(), 0)).toBe(Infinity);
  });
  it("rounds a product before it is added", () => {
    // (1 + ε)(1 − ε) rounds to 1; a fused operation would leave −ε²
    const sum = addProduct(f64x2.splat(-1), f64x2.splat(1 + f64.EPSILON), f64x2.splat(1 - f64.EPSILON));
    expect(f64x2.extract_lane(sum, 0)).toBe(0);
  });
  it("adds to memory", () => {
    const p = constant(4, 1);
    addTo(p, 2);
    addPairTo(p + 16, f64x2(3, 4));
    expect(get(p, 0)).toBe(3);
    expect(get(p, 1)).toBe(1);
    expect(get(p, 2)).toBe(4);
    expect(get(p, 3)).toBe(5);
  });
});
