/** The report: what it holds, what it hides, and that nothing in the data can act in a page. */
import { beforeAll, describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { createRng } from "../../src/base/rng.js";
import { type Fit, fitMultiIndex, MultiIndexModel, sampleMultiIndex } from "../../src/index.js";
import { Link } from "../../src/model/link.js";
import { fitReport, type ReportOptions } from "../../src/plot/index.js";
import { parseXml, type XmlElement } from "./xml.js";

const refusal = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
  } catch (error) {
    if (error instanceof LeapflowError) return `${error.name} ${error.code}: ${error.message}`;
    throw error;
  }
  return "nothing thrown";
};

/** Elements of a page: its markup is XML but for the line that names its type. */
function elementsOf(page: string): XmlElement[] {
  expect(page.startsWith("<!DOCTYPE html>\n<html")).toBe(true);
  return parseXml(page.slice(page.indexOf("\n") + 1).trim());
}

/** All the words of a page in one line. */
const wordsOf = (page: string): string =>
  page
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, "&")
    .replace(/\s+/g, " ");

const headings = (page: string, level: "h2" | "h3"): string[] =>
  [...page.matchAll(new RegExp(`<${level}[^>]*>(.*?)</${level}>`, "g"))].map(([, text]) =>
    text.replace(/<[^>]*>/g, ""),
  );

/** The figure under a heading. */
function figure(page: string, title: string): string {
  const at = page.indexOf(`<h3>${title}</h3><svg`);
  expect(at, title).toBeGreaterThan(0);
  return page.slice(at, page.indexOf("</figure>", at));
}

/** Circles and diamonds drawn by one group of dots. */
const dotsIn = (svg: string): number =>
  [...svg.matchAll(/aria-label="dot"[^>]*>(.*?)<\/g>/gs)].reduce(
    (sum, [, marks]) => sum + [...marks.matchAll(/<(circle|path) /g)].length,
    0,
  );

interface Problem extends ReportOptions {
  readonly fit: Fit;
}

async function problem(
  text: string,
  dim: number,
  options: object,
  names?: readonly string[],
  samples = 300,
): Promise<Problem> {
  const link = Link.parse(text);
  const held = 120;
  const { X, y } = sampleMultiIndex(link, { dim, samples: samples + held, noiseStd: 0.1, seed: 1 });
  const rows = (from: number, to: number) => ({
    X: { data: X.data.slice(from * dim, to * dim), rows: to - from, columns: dim, ...(names && { names }) },
    y: y.slice(from, to),
  });
  const train = rows(0, samples);
  const fit = await fitMultiIndex(train.X, train.y, { seed: 1, restarts: 0, ...options });
  return { fit, ...train, test: rows(samples, samples + held) };
}

const report = ({ fit, ...options }: Problem, more: Partial<ReportOptions> = {}): Promise<string> =>
  fitReport(fit, { ...options, ...more });

let two: Problem;
let one: Problem;
let page: string;

beforeAll(async () => {
  two = await problem("z1 + z1*z2 + h2(z2)", 5, { rank: 2, degree: 2 }, ["alpha", "beta", "gamma", "delta", "epsilon"]);
  one = await problem("h2(z1) + z1", 4, { rank: 1, degree: 2 });
  page = await report(two, { target: "yield", source: "plants.csv" });
}, 60_000);

describe("fitReport", () => {
  it("is one well-formed page with a title, a language, a viewport and sections that their list names", () => {
    const elements = elementsOf(page);
    expect(elements[0]).toMatchObject({ name: "html", attributes: { lang: "en" } });
    expect(elements.filter(({ name }) => name === "h1")).toHaveLength(1);
    expect(page).toContain('<meta name="viewport" content="width=device-width, initial-scale=1"/>');
    const sections = elements.filter(({ name }) => name === "section").map(({ attributes }) => attributes.id);
    const targets = elements.filter(({ name, attributes }) => name === "a" && attributes.href.startsWith("#"));
    expect(targets.map(({ attributes }) => attributes.href.slice(1))).toEqual(sections);
    expect(sections).toEqual(["link", "directions", "errors", "search", "leaps", "settings", "repeat"]);
    const ids = elements.map(({ attributes }) => attributes.id).filter((id) => id !== undefined);
    expect(new Set(ids).size).toBe(ids.length);
    expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });

  it("shows the figures of a fit of two directions", () => {
    expect(headings(page, "h3")).toEqual(
      expect.arrayContaining([
        "yield against z₁",
        "yield against z₂",
        "z₁ and z₂, colored by yield",
        "Importance by input",
        "Loadings",
        "Observed against predicted",
        "Residuals against fitted values",
        "Normal quantiles of the residuals",
        "Quality",
        "Principal values of the link's slope",
        "Loss and gradient on the way",
      ]),
    );
    expect(dotsIn(figure(page, "yield against z₁"))).toBe(300);
    expect(dotsIn(figure(page, "Observed against predicted"))).toBe(300 + 120);
    expect(figure(page, "z₁ and z₂, colored by yield")).toContain('aria-label="contour"');
    expect(figure(page, "Importance by input")).toMatch(/alpha.*epsilon|epsilon.*alpha/s);
  });

  it("one direction has the link's own curve, through the values of the link", async () => {
    const text = await report(one);
    expect(headings(text, "h3").filter((title) => title.startsWith("y against"))).toEqual(["y against z₁"]);
    expect(headings(text, "h3").some((title) => title.includes("colored by"))).toBe(false);
    const svg = figure(text, "y against z₁");
    // The last line drawn is the link over the 81 points of the axis; y grows upwards, so pixels fall as values rise.
    const paths = [...svg.matchAll(/<path[^>]* d="(M[^"]*)"/g)].map(([, d]) => d);
    const curve = [...paths[paths.length - 1].matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, , y]) => Number(y));
    expect(curve).toHaveLength(81);
    const z = one.fit.model.project(one.X).to1DArray();
    const [low, high] = [Math.min(...z), Math.max(...z)];
    const values = Float64Array.from({ length: 81 }, (_, i) =>
      one.fit.model.link.evaluate([low + ((high - low) * i) / 80]),
    );
    // An affine map takes one to the other: compare by the line through the ends of the range.
    const top = values.indexOf(Math.max(...values));
    const bottom = values.indexOf(Math.min(...values));
    const slope = (curve[top] - curve[bottom]) / (values[top] - values[bottom]);
    expect(slope).toBeLessThan(0);
    const off = curve.map((pixel, i) => Math.abs(pixel - (curve[bottom] + slope * (values[i] - values[bottom]))));
    expect(Math.max(...off)).toBeLessThan(0.01);
  });

  it("the figures of quality are those of the model", () => {
    const words = wordsOf(page);
    const { model } = two.fit;
    expect(words).toContain(model.score(two.X, two.y).toFixed(4));
    const held = two.test as NonNullable<ReportOptions["test"]>;
    expect(words).toContain(model.score(held.X, held.y).toFixed(4));
    expect(words).toContain(`${(100 * model.score(held.X, held.y)).toFixed(1)}\u202f%`.replace(/\s/g, " "));
  });

  it("loadings have their standard errors and intervals their coverage", () => {
    const { model, diagnostics } = two.fit;
    const errors = diagnostics.standardErrors?.directions;
    const { columnScale } = model.data;
    const column = Array.from(columnScale, (scale, j) => model.directions.get(j, 0) * scale);
    const length = Math.hypot(...column);
    const j = column.findIndex((value) => Math.abs(value) === Math.max(...column.map(Math.abs)));
    const loading = (column[j] / length).toFixed(2).replace("-", "−");
    const error = ((errors?.get(j, 0) ?? 0) * columnScale[j]) / length;
    expect(page).toContain(`${loading}<small>± ${error.toFixed(error < 0.0095 ? 3 : 2)}</small>`);
    const held = two.test as NonNullable<ReportOptions["test"]>;
    const { lower, upper } = model.predict(held.X, { interval: 0.9 });
    const inside = Array.from(lower).filter((low, i) => {
      const y = (held.y as Float64Array)[i];
      return y >= low && y <= upper[i];
    });
    expect(wordsOf(page)).toContain(`holds ${((100 * inside.length) / 120).toFixed(1)} % of the held-out rows`);
  });

  it("parts without data are left out: no held-out rows, no intervals, no standard errors, no search", async () => {
    const { model, diagnostics } = two.fit;
    const { errors, ...data } = JSON.parse(JSON.stringify(model));
    expect(errors).toBeDefined();
    const bare = {
      ...two.fit,
      model: MultiIndexModel.fromJSON(data),
      diagnostics: { ...diagnostics, standardErrors: undefined },
    };
    const text = await fitReport(bare as unknown as Fit, { X: two.X, y: two.y });
    elementsOf(text);
    expect(wordsOf(text)).not.toMatch(/interval|held-out rows|its standard error|±\s?0/);
    expect(headings(text, "h3").some((title) => title.startsWith("Held-out error"))).toBe(false);
    expect(text).toContain("estimated on new rows");
  });

  it("a fit that searched shows the search over ranks and degrees, with what was chosen", async () => {
    const { fit, X, y } = await problem("z1 + z1*z2", 4, {});
    const text = await fitReport(fit, { X, y });
    elementsOf(text);
    expect(headings(text, "h3")).toEqual(
      expect.arrayContaining(["Held-out error by rank", "Held-out error by degree"]),
    );
    const ranks = new Set(fit.diagnostics.selection.ranks.map(({ rank }) => rank));
    const svg = figure(text, "Held-out error by rank");
    for (const rank of ranks) expect(svg).toMatch(new RegExp(`rank ${rank}: [\\d.e−]+`));
    expect(svg).toContain("chosen");
  });

  it("the constant has errors, settings and no directions", async () => {
    const { fit, X, y } = await problem("h3(z1)", 3, { rank: 0, degree: 0 });
    const text = await fitReport(fit, { X, y });
    elementsOf(text);
    const sections = [...text.matchAll(/<section id="(\w+)"/g)].map(([, id]) => id);
    expect(sections).toEqual(["errors", "search", "settings", "repeat"].filter((id) => sections.includes(id)));
    expect(sections).toContain("errors");
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("an exact fit, a constant response and one row are drawn without empty scales", async () => {
    const X = Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(1.7 * i), Math.sin(2.3 * i + 1)]);
    const exact = X.map(([a]) => 2 * a);
    for (const y of [exact, X.map(() => 3)]) {
      const fit = await fitMultiIndex(X, y, { rank: 1, degree: 1, seed: 1 });
      for (const rows of [40, 1]) {
        const text = await fitReport(fit, { X: X.slice(0, rows), y: y.slice(0, rows) });
        elementsOf(text);
        expect(text).not.toMatch(/NaN|Infinity|undefined/);
      }
    }
  });

  it("tiny and huge units are written with exponents", async () => {
    for (const unit of [1e-150, 1e150]) {
      const fit = await fitMultiIndex(
        two.X,
        (two.y as Float64Array).map((v) => v * unit),
        { rank: 1, degree: 2, seed: 1 },
      );
      const text = await fitReport(fit, { X: two.X, y: (two.y as Float64Array).map((v) => v * unit) });
      elementsOf(text);
      expect(text).not.toMatch(/NaN|Infinity|undefined/);
      expect(text).toMatch(/e[−]?1[45]\d/);
    }
  });

  it("warnings are explained and keep their message; unknown codes show it alone", async () => {
    const warnings = [
      { code: "FEW_ROWS", message: "12 rows for 30 free parameters." },
      { code: "SOMETHING_NEW", message: "never seen <before>" },
      { code: "constructor", message: "a name that objects have" },
    ];
    const fit = { ...two.fit, diagnostics: { ...two.fit.diagnostics, warnings } };
    const text = await fitReport(fit as unknown as Fit, { X: two.X, y: two.y });
    elementsOf(text);
    const words = wordsOf(text);
    expect(words).toContain("Few rows for so many free numbers");
    expect(words).toContain("12 rows for 30 free parameters.");
    expect(words).toContain("SOMETHING_NEW never seen <before>");
    expect(words).toContain("constructor a name that objects have");
    expect(words).not.toContain("native code");
  });

  it("leaps say what they imply", async () => {
    const withLeaps = async (exponents: readonly number[]): Promise<string> => {
      const leaps = {
        informationExponent: exponents[0],
        leap: exponents.length > 0 ? Math.max(...exponents) : undefined,
        steps: exponents.map((exponent) => ({ exponent, dimensions: 1 })),
        tolerance: 0.01,
      };
      const fit = { ...two.fit, diagnostics: { ...two.fit.diagnostics, leaps } };
      return wordsOf(await fitReport(fit as unknown as Fit, { X: two.X, y: two.y }));
    };
    const staircase = await withLeaps([1, 3]);
    expect(staircase).toContain("information exponent 1");
    expect(staircase).toContain("leap exponent 3");
    expect(staircase).toMatch(/1 direction at exponent 3 : only moments of order 3 show it/);
    // d^{3/2} and d² for the five inputs.
    expect(staircase).toContain("= 11 when all rows are used at once");
    expect(staircase).toContain("= 25 when every row is seen only once");
    expect(await withLeaps([2])).toContain("The other direction of the model only carries terms within the noise");
    expect(await withLeaps([])).toContain("No term of the fitted link stands out of the noise");
  });

  it("says how to repeat the fit: the command, or a call of the library", async () => {
    const command = `leapflow fit 'a "b".csv' --target "<y>" --seed 1`;
    expect(await report(two, { command })).toContain(
      "<code>leapflow fit 'a &quot;b&quot;.csv' --target &quot;&lt;y&gt;&quot; --seed 1</code>",
    );
    expect(wordsOf(page)).toContain("fitMultiIndex(X, y, { rank: 2, degree: 2,");
  });
});

describe("a report is harmless", () => {
  const hostile = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a&b</title></style><svg onload=alert(1)>",
    "\u202egnp.exe\u0000\u0008",
    "<!-- $1 --> ]]> '",
  ];
  let text: string;
  let elements: XmlElement[];
  beforeAll(async () => {
    const given = await problem("z1 + z1*z2 + h2(z2)", 5, { rank: 2, degree: 2 }, hostile);
    text = await report(given, { target: hostile[0], source: hostile[1], command: hostile[2] });
    elements = elementsOf(text);
  });

  it("names, targets, sources and commands are text and nothing else", () => {
    const known = new Set(elementsOf(page).map(({ name }) => name));
    expect(elements.filter(({ name }) => !known.has(name))).toEqual([]);
    expect(elements.some(({ name }) => /^(script|img|iframe|object|embed|link|form|base)$/i.test(name))).toBe(false);
    for (const { attributes } of elements)
      expect(Object.keys(attributes).filter((key) => /^on/i.test(key))).toEqual([]);
    // Each name is still there to be read.
    for (const name of hostile.slice(0, 3)) expect(wordsOf(text)).toContain(name.replace(/\s+/g, " "));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0008]/);
  });

  it("nothing is loaded and nothing runs: no source, no outside address, a policy that says so", () => {
    for (const file of [page, text]) {
      for (const { name, attributes } of elementsOf(file)) {
        expect(Object.keys(attributes)).not.toContain("src");
        if (name === "a") expect(attributes.href).toMatch(/^#/);
        else expect(Object.keys(attributes)).not.toContain("href");
      }
      const style = /<style>(.*?)<\/style>/s.exec(file)?.[1] ?? "";
      expect(style).not.toMatch(/url\(|@import|https?:/);
      expect([...file.matchAll(/url\(([^)]*)\)/g)].map(([, address]) => address[0])).not.toContain("h");
      expect(file).toContain("default-src 'none'");
      expect(file).not.toMatch(/javascript:/i);
    }
  });

  it("every figure has a description for those who cannot see it, and every table its heads", () => {
    const figures = elements.filter(({ name, attributes }) => name === "svg" && attributes.class === "leapflow");
    expect(figures.length).toBeGreaterThan(7);
    for (const { attributes } of figures) {
      expect(attributes.role).toBe("img");
      expect(attributes["aria-label"].length).toBeGreaterThan(30);
    }
    for (const { attributes } of elements.filter(({ name }) => name === "th"))
      expect(attributes.scope).toMatch(/^(row|col)$/);
  });

  it("is readable in light and dark, on paper and on a phone", () => {
    expect(text).toContain("@media screen and (prefers-color-scheme:dark)");
    expect(text).toContain("@media print");
    expect(text).toContain("max-width:520px");
    // Inks are those of the page.
    expect(text).not.toMatch(/(fill|stroke)="(black|white|#000|#fff)"/);
  });
});

describe("size and sameness", () => {
  it("the same fit and rows give the same text, whatever was drawn before", async () => {
    const before = Object.getOwnPropertyNames(globalThis).join();
    await report(one);
    expect(await report(two, { target: "yield", source: "plants.csv" })).toBe(page);
    expect(Object.getOwnPropertyNames(globalThis).join()).toBe(before);
  });

  it("X and y are taken in the forms that the fit takes", async () => {
    const { data, rows, columns } = two.X as { data: Float64Array; rows: number; columns: number };
    const nested = Array.from({ length: rows }, (_, i) => Array.from(data.subarray(i * columns, (i + 1) * columns)));
    const y = Array.from(two.y as Float64Array);
    const options = { target: "yield", source: "plants.csv", test: two.test };
    for (const given of [
      y,
      y.map((value) => [value]),
      { data: y, rows, columns: 1 },
      { rows, columns: 1, get: (i: number) => y[i] },
      { length: rows, get: (i: number) => y[i] },
    ])
      expect(await fitReport(two.fit, { ...options, X: nested, y: given as never })).toBe(page);
  });

  it("figures of many rows show a draw and the largest residuals, and the page stays below 2 MB", async () => {
    const n = 20_000;
    const rng = createRng(5);
    const d = 6;
    const X = { data: Float64Array.from({ length: n * d }, () => rng.normal()), rows: n, columns: d };
    const y = Float64Array.from({ length: n }, (_, i) => {
      const [a, b, c, e] = X.data.subarray(i * d);
      return a + a * b + b * c + c * e + 0.1 * rng.normal();
    });
    y[11_415] += 90;
    const fit = await fitMultiIndex(X, y, { rank: 4, degree: 2, seed: 1, restarts: 0, maxIterations: 10 });
    const text = await fitReport(fit, { X, y, test: { X, y } });
    elementsOf(text);
    expect(text.length).toBeLessThan(2e6);
    expect(wordsOf(text)).toMatch(/Figures show 1 \d{3} of the 20 000 training rows/);
    const shown = dotsIn(figure(text, "y against z₁"));
    expect(shown).toBeGreaterThan(1400);
    expect(shown).toBeLessThanOrEqual(1500);
    // The outlier is in the figure: its label on the axis is reached.
    expect(figure(text, "Residuals against fitted values")).toMatch(/>80</);
  }, 60_000);

  it("many inputs and long names keep to their space", async () => {
    const dim = 120;
    const names = Array.from({ length: dim }, (_, j) => `input ${j} ${"long ".repeat(200)}`);
    const given = await problem("z1 + h2(z1)", dim, { rank: 1, degree: 2 }, names, 600);
    const text = await report(given);
    elementsOf(text);
    expect(text.length).toBeLessThan(500_000);
    expect(wordsOf(text)).toContain("80 more inputs with");
  });
});

describe("refusals", () => {
  it.each<[string, (fit: Fit, X: ReportOptions["X"], y: ReportOptions["y"]) => Promise<unknown>]>([
    ["InputError TYPE: fit is", (_, X, y) => fitReport({} as Fit, { X, y })],
    ["InputError TYPE: options has no X", (fit) => fitReport(fit, {} as never)],
    ["InputError TYPE: test has no test.X", (fit, X, y) => fitReport(fit, { X, y, test: {} as never })],
    ["InputError SHAPE: y has 3 entries and X has 300 rows", (fit, X) => fitReport(fit, { X, y: [1, 2, 3] })],
    ["InputError SHAPE: test.X has 2 columns", (fit, X, y) => fitReport(fit, { X, y, test: { X: [[1, 2]], y: [1] } })],
    [
      "InputError NOT_FINITE: test.y[0] is NaN",
      (fit, X, y) => fitReport(fit, { X, y, test: { X: [[1, 2, 3, 4, 5]], y: [Number.NaN] } }),
    ],
    [
      "InputError TYPE: y[0] is",
      (fit, X, y) => fitReport(fit, { X, y: Array.from(y as Float64Array, String) as never }),
    ],
    ["InputError EMPTY", (fit) => fitReport(fit, { X: [], y: [] })],
    ["OptionError UNKNOWN", (fit, X, y) => fitReport(fit, { X, y, tset: {} } as never)],
    ["OptionError TYPE: target is 3", (fit, X, y) => fitReport(fit, { X, y, target: 3 as never })],
    ["OptionError RANGE: interval is 1", (fit, X, y) => fitReport(fit, { X, y, interval: 1 })],
  ])("%s", async (expected, run) => {
    expect(await refusal(run(two.fit, two.X, two.y))).toContain(expected);
  });
});
