/** Bracketed roots of a function of one variable. */

/**
 * A root of g between a and b, where ga = g(a) and gb = g(b) have different signs (0 counts as either), to `tolerance`
 * relative to the larger end.
 *
 * Interpolation by the ITP method: never worse than bisection by more than one step, a few evaluations for smooth g.
 * Source: Oliveira & Takahashi, ACM TOMS 47 (2021).
 */
export function bracketedRoot(
  g: (x: number) => number,
  a: number,
  b: number,
  ga: number,
  gb: number,
  tolerance = 1e-14,
): number {
  if (ga === 0) return a;
  if (gb === 0) return b;
  const sign = gb > 0 ? 1 : -1;
  let [low, high, below, above] = [a, b, sign * ga, sign * gb];
  const precision = Math.max(tolerance * Math.max(Math.abs(a), Math.abs(b)), 5e-324);
  const bisections = Math.max(0, Math.ceil(Math.log2((b - a) / (2 * precision))));
  const k1 = 0.2 / (b - a);
  for (let j = 0; j <= bisections + 1 && high - low > 2 * precision; j++) {
    const middle = 0.5 * (low + high);
    const reach = Math.max(precision * 2 ** Math.min(bisections + 1 - j, 1000) - 0.5 * (high - low), 0);
    const delta = k1 * (high - low) ** 2;
    const secant = (above * low - below * high) / (above - below);
    const towards = Math.sign(middle - secant);
    const truncated = delta <= Math.abs(middle - secant) ? secant + towards * delta : middle;
    const x = Math.abs(truncated - middle) <= reach ? truncated : middle - towards * reach;
    const gx = sign * g(x);
    if (gx > 0) [high, above] = [x, gx];
    else if (gx < 0) [low, below] = [x, gx];
    else return x; // a root; or not a number, which the caller sees in what it does with x
  }
  return 0.5 * (low + high);
}
