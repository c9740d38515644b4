// assembly/moments.ts — products of two families of rows, the moments from which ΦᵀΦ is expanded
//
//   rows a in groups of four, columns b in pairs, each group as far as its width:
//
//            b0 b1 │ b2 b3 │ b4 b5
//     a0…a3  ■■■■■ │ ■■■■■ │ ■■■■■     widths 3, 2, 1: low degrees of a go with high degrees of b
//     a4…a7  ■■■■■ │ ■■■■■ │
//     a8…a11 ■■■■■ │       │
//
//   out holds the tiles in this order, eight doubles each: entry (4g + i, 2q + j) at 2i + j of its tile
import { ROW_BYTES, addPairTo, addProduct, joinTwo, zero } from "./lanes";

/** One tile: four rows of a against two of b. Eight sums and three operands. */
function tile(a: usize, b: usize, out: usize): void {
  let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
  let t0 = zero(), t1 = zero(), t2 = zero(), t3 = zero();
  const end = a + ROW_BYTES;
  while (a < end) {
    const p = v128.load(b), q = v128.load(b, ROW_BYTES);
    let row = v128.load(a);
    s0 = addProduct(s0, row, p);
    t0 = addProduct(t0, row, q);
    row = v128.load(a, ROW_BYTES);
    s1 = addProduct(s1, row, p);
    t1 = addProduct(t1, row, q);
    row = v128.load(a, 2 * ROW_BYTES);
    s2 = addProduct(s2, row, p);
    t2 = addProduct(t2, row, q);
    row = v128.load(a, 3 * ROW_BYTES);
    s3 = addProduct(s3, row, p);
    t3 = addProduct(t3, row, q);
    a += 16;
    b += 16;
  }
  addPairTo(out, joinTwo(s0, t0));
  addPairTo(out + 16, joinTwo(s1, t1));
  addPairTo(out + 32, joinTwo(s2, t2));
  addPairTo(out + 48, joinTwo(s3, t3));
}

/**
 * out += Σ a[i]·b[j] over the block, for `groups` groups of four rows a, group g against the first 2·widths[g] rows b
 * (int32). Order: PAIRED over the rows, then added.
 */
export function accumulateProducts(a: usize, groups: i32, b: usize, widths: usize, out: usize): void {
  for (; groups > 0; groups--) {
    let column = b;
    for (let left = load<i32>(widths); left > 0; left--) {
      tile(a, column, out);
      column += 2 * ROW_BYTES;
      out += 64;
    }
    a += 4 * ROW_BYTES;
    widths += 4;
  }
}

/**
 * out[t] = factors[t]·sums[places[t]] for t < count, then out[entries[t − count]] += factors[t]·sums[places[t]] for the
 * other terms in turn (places and entries int32). Loops of constant length: entries have from one to hundreds of terms.
 */
export function combineSums(
  sums: usize, terms: i32, places: usize, factors: usize, entries: usize, count: i32, out: usize,
): void {
  const last = factors + (<usize>terms << 3);
  let to = out;
  for (const end = factors + (<usize>count << 3); factors < end; factors += 8) {
    store<f64>(to, load<f64>(factors) * load<f64>(sums + (<usize>load<i32>(places) << 3)));
    to += 8;
    places += 4;
  }
  for (; factors < last; factors += 8) {
    to = out + (<usize>load<i32>(entries) << 3);
    store<f64>(to, load<f64>(to) + load<f64>(factors) * load<f64>(sums + (<usize>load<i32>(places) << 3)));
    entries += 4;
    places += 4;
  }
}
