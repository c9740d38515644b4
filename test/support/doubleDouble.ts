/**
 * Numbers of twice the precision of doubles (about 32 digits), for comparisons where rounding decides.
 * Source: Dekker (1971), Knuth's two-sum; division and root by one Newton step.
 */
export type Wide = readonly [high: number, low: number];

export const wide = (x: number): Wide => [x, 0];

function twoSum(a: number, b: number): Wide {
  const sum = a + b;
  const part = sum - a;
  return [sum, a - (sum - part) + (b - part)];
}

function twoProduct(a: number, b: number): Wide {
  const split = (x: number): [number, number] => {
    const c = 134217729 * x; // 2²⁷ + 1
    const high = c - (c - x);
    return [high, x - high];
  };
  const product = a * b;
  const [ah, al] = split(a);
  const [bh, bl] = split(b);
  return [product, al * bl - (product - ah * bh - al * bh - ah * bl)];
}

export function plus(a: Wide, b: Wide): Wide {
  const [sum, rest] = twoSum(a[0], b[0]);
  const [tail, last] = twoSum(a[1], b[1]);
  const [high, low] = twoSum(sum, rest + tail);
  return twoSum(high, low + last);
}

export const negative = (a: Wide): Wide => [-a[0], -a[1]];
export const minus = (a: Wide, b: Wide): Wide => plus(a, negative(b));

export function times(a: Wide, b: Wide): Wide {
  const [high, low] = twoProduct(a[0], b[0]);
  return twoSum(high, low + (a[0] * b[1] + a[1] * b[0]));
}

export function over(a: Wide, b: Wide): Wide {
  const first = a[0] / b[0];
  const rest = minus(a, times(b, wide(first)));
  return plus(wide(first), wide((rest[0] + rest[1]) / b[0]));
}

export function root(a: Wide): Wide {
  if (a[0] === 0) return a;
  const first = Math.sqrt(a[0]);
  const rest = minus(a, twoProduct(first, first));
  return plus(wide(first), wide((rest[0] + rest[1]) / (2 * first)));
}

export const sum = (list: readonly Wide[]): Wide => list.reduce(plus, wide(0));

/** x of the symmetric positive definite system A·x = b, by Cholesky. */
export function solveDefinite(A: readonly (readonly Wide[])[], b: readonly Wide[]): Wide[] {
  const n = b.length;
  const L: Wide[][] = [];
  for (let i = 0; i < n; i++) {
    L.push([]);
    for (let j = 0; j <= i; j++) {
      let s = A[i][j];
      for (let k = 0; k < j; k++) s = minus(s, times(L[i][k], L[j][k]));
      L[i].push(i === j ? root(s) : over(s, L[j][j]));
    }
  }
  const x: Wide[] = [];
  for (let i = 0; i < n; i++) {
    let s = b[i];
    for (let k = 0; k < i; k++) s = minus(s, times(L[i][k], x[k]));
    x.push(over(s, L[i][i]));
  }
  for (let i = n - 1; i >= 0; i--) {
    let s = x[i];
    for (let k = i + 1; k < n; k++) s = minus(s, times(L[k][i], x[k]));
    x[i] = over(s, L[i][i]);
  }
  return x;
}
