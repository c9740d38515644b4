/** Formulas as MathML, which browsers draw and screen readers read by themselves. */

const MATHML = "http://www.w3.org/1998/Math/MathML";

type Part = Element | string;

const element = (name: string, ...parts: Part[]): Element => {
  const made = document.createElementNS(MATHML, name);
  made.append(...parts);
  return made;
};

/** Letters, numbers and signs of a line: `row("L(W) = ½ E", sup("x", "2"))`. */
export function row(...parts: Part[]): Element {
  return element("mrow", ...parts.flatMap((part) => (typeof part === "string" ? tokens(part) : [part])));
}

function tokens(text: string): Element[] {
  const found = text.match(/[0-9.½]+|[\p{L}\p{M}⋆ˢ]+|[^\s]/gu) ?? [];
  return found.map((token) => {
    if (/^[0-9.½]/.test(token)) return element("mn", token);
    if (/^[\p{L}]/u.test(token)) return element("mi", token);
    const sign = element("mo", token);
    // Brackets as high as their line, not as what stands between them: exponents would tower.
    if (/[()]/.test(token)) sign.setAttribute("stretchy", "false");
    return sign;
  });
}

export const sub = (base: Part, below: Part): Element => element("msub", row(base), row(below));
export const sup = (base: Part, above: Part): Element => element("msup", row(base), row(above));
export const subsup = (base: Part, below: Part, above: Part): Element =>
  element("msubsup", row(base), row(below), row(above));
export const frac = (above: Part, below: Part): Element => element("mfrac", row(above), row(below));
export const under = (base: Part, below: Part): Element => element("munder", row(base), row(below));

/** A formula on a line of its own, or in the text. */
export function formula(display: "block" | "inline", ...parts: Part[]): Element {
  const made = element("math", row(...parts));
  if (display === "block") made.setAttribute("display", "block");
  return made;
}
