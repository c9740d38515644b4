import { accumulateGram, accumulateMoment } from "../gram";
import { array, close, constant, copyOf, get, packed, seed, set } from "./arena";

function checkGram(p: i32): bool {
  const count = (p * (p + 1)) / 2;
  // one marked double behind each array
  const phi = array(96 * p + 1), gram = array(count + 1);
  set(phi, 96 * p, NaN);
  const before = copyOf(gram, count + 1);
  accumulateGram(phi, p, gram);
  for (let j = 0; j < p; j++) {
    for (let i = 0; i <= j; i++) {
      let sum = get(before, packed(i, j));
      for (let k = 0; k < 96; k++) sum += get(phi, i * 96 + k) * get(phi, j * 96 + k);
      if (!close(get(gram, packed(i, j)), sum)) return false;
    }
  }
  return get(gram, count) == get(before, count);
}

describe("gram", () => {
  it("accumulateGram: brute force for every size up to 21", () => {
    seed(31);
    for (let p = 1; p <= 21; p++) expect(checkGram(p)).toBe(true);
  });
  it("accumulateGram: constant features count the rows, exactly, and calls add up", () => {
    const phi = constant(96 * 6, 1), gram = constant(21, 0);
    accumulateGram(phi, 6, gram);
    accumulateGram(phi, 6, gram);
    for (let i = 0; i < 21; i++) expect(get(gram, i)).toBe(192);
  });
  it("accumulateMoment: brute force for every size up to 10", () => {
    seed(32);
    for (let p = 1; p <= 10; p++) {
      const phi = array(96 * p), y = array(96), moment = array(p + 1);
      const before = copyOf(moment, p + 1);
      accumulateMoment(phi, p, y, moment);
      for (let j = 0; j < p; j++) {
        let sum = get(before, j);
        for (let i = 0; i < 96; i++) sum += get(phi, j * 96 + i) * get(y, i);
        expect(close(get(moment, j), sum)).toBe(true);
      }
      expect(get(moment, p)).toBe(get(before, p));
    }
  });
});
