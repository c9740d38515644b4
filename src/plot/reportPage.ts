/** The frame of a report: HTML that escapes what is put into it, numbers for readers, the style sheet, one page. */
import { escapeXml } from "./svgDocument.js";

/** Text that is markup already. Made by `html` only, so that nothing else reaches a page unescaped. */
export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

/** What `html` takes: markup as it is, lists one after another, nothing for `undefined` and `false`, all else escaped. */
export type Content = Html | string | number | undefined | false | readonly Content[];

/** Markup from a template; every value in it is escaped unless it is `Html`. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(parts.reduce((text, part, i) => text + render(values[i - 1]) + part));
}

function render(value: Content): string {
  if (value instanceof Html) return value.text;
  if (value === undefined || value === false) return "";
  return typeof value === "object" ? value.map(render).join("") : escapeXml(String(value));
}

/** A name from the data: isolated, so that letters written from right to left leave their surroundings alone. */
export const nameOf = (name: string): Html => html`<bdi>${shortened(name, MAX_NAME)}</bdi>`;

/** A name cut to so many letters. */
export function shortened(name: string, most: number): string {
  const letters = Array.from(name);
  return letters.length <= most ? name : `${letters.slice(0, most - 1).join("")}…`;
}

/** Letters of a name in text and tables. */
const MAX_NAME = 60;

/** Markup parts with separators: `a, b and c`. */
export function listed(parts: readonly Content[]): Html {
  return html`${parts.map((part, i) => [i === 0 ? "" : i === parts.length - 1 ? " and " : ", ", part])}`;
}

/** A number for readers: some significant digits, a true minus, exponents for extremes only. */
export function number(value: number, digits = 4): string {
  const size = Math.abs(value);
  const text =
    size !== 0 && size < Number.POSITIVE_INFINITY && (size < 1e-4 || size >= 10 ** (digits + 3))
      ? value.toExponential(Math.max(0, Math.min(digits, 3) - 1)).replace("e+", "e")
      : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

/** A number with so many decimals and a true minus; never "−0". */
export function fixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return (Number(text) === 0 ? text.replace("-", "") : text).replaceAll("-", "−");
}

/** A whole number with its thousands apart. */
export const whole = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** `1 row`, `2 rows`. */
export const count = (n: number, noun: string): string => `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;

/** A share as percent. */
export const percent = (share: number, decimals = 1): string => `${fixed(100 * share, decimals)}\u202f%`;

export const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

/** z₁, z₂, …; directions keep the number of their column in the model. */
export const zName = (k: number): string => `z${String(k + 1).replace(/\d/g, (c) => "₀₁₂₃₄₅₆₇₈₉"[Number(c)])}`;

/** A drawing with the words around it. */
export interface Drawing {
  readonly title: Content;
  readonly svg: string;
  readonly caption: Content;
}

/** A drawing as an element of a page. */
export const figureHtml = ({ title, svg, caption }: Drawing): Html =>
  html`<figure><h3>${title}</h3>${new Html(svg.trimEnd())}${caption !== "" && html`<figcaption>${caption}</figcaption>`}</figure>`;

/** A part of the page; an empty one is left out. */
export interface Section {
  readonly id: string;
  readonly title: string;
  /** In the list of sections. */
  readonly short: string;
  readonly content: readonly Content[];
}

/** Tables and long lines scroll sideways on their own; the keyboard reaches them. */
export const scrolling = (label: string, content: Content): Html =>
  html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${content}</div>`;

/** The document. It forbids itself the network, and holds no script. */
export function page(title: string, header: Content, sections: readonly Section[], footer: Content): string {
  const shown = sections.filter(({ content }) => content.some((part) => render(part) !== ""));
  const body = html`<header>${header}</header>
<nav aria-label="Sections"><ul>${shown.map(({ id, short }) => html`<li><a href="#${id}">${short}</a></li>`)}</ul></nav>
<main>
${shown.map(
  ({ id, title, content }) => html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${content}
</section>
`,
)}</main>
<footer>${footer}</footer>`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

const STYLE = `
:root{--paper:#fff;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--panel:#f6f8fa;--accent:#0b62c4;--warn:#9a5b00;--warnpaper:#fff6e5}
@media screen and (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--panel:#151b23;--accent:#6cb0ff;--warn:#f0b35a;--warnpaper:#2a2110}}
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1080px;padding:0 20px 48px;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header{padding-top:28px}
h1{margin:0;font-size:1.75rem;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
.source{margin:.25rem 0 0;color:var(--soft);overflow-wrap:anywhere}
h2{margin:2.4rem 0 .6rem;padding-top:.9rem;border-top:1px solid var(--line);font-size:1.25rem;line-height:1.3}
h3{margin:0 0 .2rem;font-size:1rem;font-weight:600;overflow-wrap:anywhere}
p,ul,dl{margin:.5rem 0}
p,ol{max-width:76ch}
.lead{font-size:1.06rem}
a{color:var(--accent)}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:1rem 0 0;padding:0;list-style:none;font-size:.92rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(132px,1fr));gap:10px;margin:1.1rem 0}
.tiles div{padding:.6rem .8rem;border:1px solid var(--line);border-radius:8px;background:var(--panel)}
.tiles dt{color:var(--soft);font-size:.82rem;line-height:1.3}
.tiles dd{margin:0;font-size:1.25rem;font-weight:600;line-height:1.35;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.tiles small{display:block;color:var(--soft);font-size:.78rem;font-weight:400;line-height:1.3}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:22px 28px;align-items:start;margin:.8rem 0}
figure{margin:0;min-width:0;break-inside:avoid}
svg.leapflow{display:block;width:100%;max-width:560px;height:auto;overflow:visible}
figcaption{color:var(--soft);font-size:.87rem;line-height:1.45;max-width:64ch}
sup{line-height:0}
.note{color:var(--soft);font-size:.9rem}
.warning{margin:.7rem 0;padding:.65rem .9rem;border-left:4px solid var(--warn);background:var(--warnpaper);border-radius:0 8px 8px 0;max-width:82ch;break-inside:avoid}
.warning h3{color:var(--warn)}
.warning p{margin:.25rem 0}
code,pre,.code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.86em}
pre{margin:.5rem 0;padding:.7rem .9rem;border:1px solid var(--line);border-radius:8px;background:var(--panel);white-space:pre-wrap;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:.6rem 0}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{padding:0 0 .35rem;color:var(--soft);text-align:left;font-size:.87rem}
th,td{padding:.28rem .6rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top;white-space:nowrap}
th:first-child,td:first-child{padding-left:0;text-align:left;white-space:normal;overflow-wrap:break-word}
thead th{border-bottom:2px solid var(--line);font-weight:600}
tbody th{font-weight:400}
td small{display:block;color:var(--soft);font-size:.78rem;line-height:1.2}
.words td{text-align:left;white-space:normal}
.clear{font-weight:600}
tr.chosen td,tr.chosen th{font-weight:600}
dl.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem 1.2rem}
dl.facts dt{color:var(--soft)}
dl.facts dd{margin:0;overflow-wrap:anywhere}
details{margin:.8rem 0}
summary{cursor:pointer;color:var(--accent)}
footer{margin-top:2.5rem;padding-top:.8rem;border-top:1px solid var(--line);color:var(--soft);font-size:.87rem}
@media (max-width:520px){body{padding:0 14px 32px}h1{font-size:1.4rem}dl.facts{grid-template-columns:minmax(0,1fr);gap:0}dl.facts dd{margin-bottom:.45rem}.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media print{@page{margin:15mm}body{max-width:none;padding:0;font-size:10.5pt}nav{display:none}a{color:inherit;text-decoration:none}.scroll{overflow:visible}h2,h3{break-after:avoid}.tiles div,.warning,pre,td,th,svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}.figures{grid-template-columns:1fr 1fr}}
`;
