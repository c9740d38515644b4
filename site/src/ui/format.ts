/** Numbers for readers. */

/** Some significant digits, a true minus, powers of ten for extremes. */
export function number(value: number, digits = 3): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "–";
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    const [factor, exponent] = value.toExponential(Math.max(0, digits - 2)).split("e");
    return `${Number(factor) === 1 ? "" : `${factor.replace("-", "−")}·`}10${superscript(Number(exponent))}`;
  }
  return grouped(String(Number(value.toPrecision(digits))).replace("-", "−"));
}

/** A count with its thousands apart. */
export const whole = (n: number): string => grouped(String(n));

const grouped = (text: string): string =>
  text.replace(/^(−?)(\d+)/, (_, sign: string, digits: string) => sign + digits.replace(/\B(?=(\d{3})+$)/g, "\u202f"));

/** `1 row`, `2 rows`. */
export const count = (n: number, noun: string): string => `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;

export const percent = (share: number): string => `${Math.round(100 * share)}\u202f%`;

export const seconds = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

export const superscript = (n: number): string =>
  String(n).replace(/./g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);

export const subscript = (n: number): string => String(n).replace(/\d/g, (c) => "₀₁₂₃₄₅₆₇₈₉"[Number(c)]);
