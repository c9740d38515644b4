/** Figures: valid XML, labelled axes, marks where the numbers are, readable on light and dark paper, no DOM touched. */
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { Link } from "../../src/model/link.js";
import { decades, PAPERS, powerOfTen, SERIES_COLORS } from "../../src/plot/figure.js";
import { flowFigure, scalingFigure } from "../../src/plot/index.js";
import { escapeXml, SvgDocument } from "../../src/plot/svgDocument.js";
import { populationFlow } from "../../src/theory/populationFlow.js";
import { scalingStudy } from "../../src/theory/scalingStudy.js";
import { parseXml } from "./xml.js";

const refusal = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
  } catch (error) {
    if (error instanceof LeapflowError) return `${error.name} ${error.code}`;
    throw error;
  }
  return "nothing thrown";
};

const flow = populationFlow(Link.named("staircase"), { dim: 1000, seed: 3 });
const study = scalingStudy(Link.parse("h3(z1)"), { dims: [100, 1000, 10000], trials: 5, seed: 1 });
const texts = (svg: string): string[] => parseXml(svg).map((element) => element.text.trim());

describe("flow figure", () => {
  it("is one SVG document with axis labels, a legend and a line per escape", async () => {
    const svg = await flowFigure(await flow);
    const elements = parseXml(svg);
    expect(elements[0]).toMatchObject({
      name: "svg",
      attributes: { xmlns: "http://www.w3.org/2000/svg", role: "img", width: "720" },
    });
    const words = texts(svg).join("\n");
    for (const label of [
      "population loss L (units of y²)",
      "singular values of M = WᵀW⋆ (cosines)",
      "flow time t",
      "σ₃ of the overlap",
      "10¹",
      "s = 1",
    ]) {
      expect(words).toContain(label);
    }
    expect(texts(svg).filter((text) => text === "s = 1")).toHaveLength(3);
    // Three rules in each of the two panels.
    const rules = elements.filter(({ attributes }) => attributes["stroke-dasharray"] === "3 3");
    expect(rules).toHaveLength(2);
    expect(elements.filter(({ name }) => name === "path").length).toBeGreaterThanOrEqual(4);
    expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(elements.some(({ name }) => name === "title")).toBe(true);
  });

  it("draws escapes where they are: σ₁ passes ½ on the first line", async () => {
    const { times, loss, singularValues, escapes } = await flow;
    const svg = await flowFigure({ times, loss, singularValues, escapes });
    const elements = parseXml(svg);
    const rules = elements.flatMap((element, i) =>
      element.attributes["stroke-dasharray"] === "3 3"
        ? elements.slice(i + 1, i + 4).map((line) => Number(line.attributes.x1 ?? line.attributes.x))
        : [],
    );
    const curve = elements.find(
      (element, i) => element.name === "path" && elements[i - 1]?.attributes.stroke === SERIES_COLORS[0],
    );
    const points = Array.from((curve?.attributes.d ?? "").matchAll(/([\d.]+),([\d.]+)/g), ([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    expect(points.length).toBeGreaterThan(50);
    const bottom = Math.max(...points.map(([, y]) => y));
    const top = Math.min(...points.map(([, y]) => y));
    const half = (bottom + top) / 2;
    const crossing = points.find(([, y]) => y <= half);
    expect(Math.abs((crossing?.[0] ?? 0) - rules[3])).toBeLessThan(12);
  });

  it("the JSON of a flow will do, and time up to 10¹⁶", async () => {
    const slow = await populationFlow(Link.parse("h4(z1)"), { rank: 1, start: [[1e-3]] });
    const svg = await flowFigure(
      JSON.parse(
        JSON.stringify({
          ...slow,
          times: [...slow.times],
          loss: [...slow.loss],
          singularValues: slow.singularValues.map((row) => [...row]),
        }),
      ),
    );
    expect(texts(svg)).toContain("10¹⁵");
    expect(svg.length).toBeLessThan(100_000);
  });

  it("titles are escaped, or left out", async () => {
    const svg = await flowFigure(await flow, { title: 'a < b & "c"\u0000', width: 400 });
    expect(parseXml(svg)[0].attributes.width).toBe("400");
    expect(svg).toContain("a &lt; b &amp; &quot;c&quot;</text>");
    expect(await flowFigure(await flow, { title: "" })).not.toContain('font-weight="600"');
  });

  it("the same flow gives the same text, and no global appears", async () => {
    const before = Object.getOwnPropertyNames(globalThis).join();
    expect(await flowFigure(await flow)).toBe(await flowFigure(await flow));
    expect(Object.getOwnPropertyNames(globalThis).join()).toBe(before);
    expect("document" in globalThis).toBe(false);
  });

  it.each([
    ["InputError TYPE", undefined, {}],
    ["InputError TYPE", { times: [1, 2] }, {}],
    ["InputError SHAPE", { times: [1, 2], loss: [1], singularValues: [[1], [1]], escapes: [] }, {}],
    ["InputError EMPTY", { times: [0], loss: [1], singularValues: [[0.1]], escapes: [] }, {}],
  ])("%s for %o", async (expected, input, options) => {
    expect(await refusal(flowFigure(input as never, options))).toBe(expected);
  });
  it("options are checked", async () => {
    expect(await refusal(flowFigure(await flow, { width: 3 }))).toBe("OptionError RANGE");
    expect(await refusal(flowFigure(await flow, { title: 3 as never }))).toBe("OptionError TYPE");
    expect(await refusal(flowFigure(await flow, { widht: 300 } as never))).toBe("OptionError UNKNOWN");
  });
});

describe("scaling figure", () => {
  it("shows a dot per dimension, both laws and their exponents", async () => {
    const svg = await scalingFigure(await study);
    const elements = parseXml(svg);
    expect(elements.filter(({ name, attributes }) => name === "circle" && attributes.r === "4.5")).toHaveLength(3);
    const words = texts(svg).join("\n");
    for (const label of [
      "dimension d (inputs)",
      "time of the last escape (flow time)",
      "theory: d^2",
      "measured: d^2.000",
      "10³",
    ]) {
      expect(words).toContain(label);
    }
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
  it("a logarithm gets a linear time axis", async () => {
    const logarithm = await scalingStudy(Link.named("staircase"), { dims: [100, 1000], start: "diagonal" });
    const svg = await scalingFigure(logarithm);
    parseXml(svg);
    expect(texts(svg).join("\n")).toMatch(/measured: 1\.5\d\d · log d/);
  });
  it("one dimension, or one without times, is drawn without a line", async () => {
    const single = await scalingStudy(Link.parse("h2(z1)"), { dims: [100], trials: 3, seed: 1 });
    parseXml(await scalingFigure(single));
    const gaps = {
      ...(await study),
      times: [null, 5, null],
      quartiles: [null, [4, 6], null],
      exponent: null,
      interval: null,
    };
    parseXml(await scalingFigure(gaps as never));
    const none = { ...(await study), times: [null, null, null] };
    expect(await refusal(scalingFigure(none as never))).toBe("InputError EMPTY");
    expect(await refusal(scalingFigure({} as never))).toBe("InputError TYPE");
  });
});

describe("parts", () => {
  it("colors have a contrast of at least 3 against both papers, ink of 7", () => {
    const luminance = (color: string): number => {
      const [r, g, b] = [1, 3, 5].map((i) => {
        const value = Number.parseInt(color.slice(i, i + 2), 16) / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a: string, b: string): number => {
      const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
      return (high + 0.05) / (low + 0.05);
    };
    for (const { paper, ink } of Object.values(PAPERS)) {
      for (const color of SERIES_COLORS)
        expect(contrast(color, paper), `${color} on ${paper}`).toBeGreaterThanOrEqual(3);
      expect(contrast(ink, paper)).toBeGreaterThanOrEqual(7);
    }
  });
  it("powers of ten and their ticks", () => {
    expect([1, 10, 1e-3, 1e17].map(powerOfTen)).toEqual(["10⁰", "10¹", "10⁻³", "10¹⁷"]);
    expect(decades(0.5, 2000, 10)).toEqual([1, 10, 100, 1000]);
    expect(decades(1e-1, 1e17, 10)).toHaveLength(10);
    expect(decades(2, 5, 10)).toEqual([]);
  });
  it("the document keeps order, escapes text and attributes", () => {
    const document = new SvgDocument();
    const g = document.createElement("g");
    const [a, b] = [g.appendChild(document.createElement("a")), document.createElement("b")];
    g.insertBefore(b, a);
    b.setAttribute("title", '<"&>');
    a.textContent = "1 < 2";
    a.style.setProperty("fill", "red");
    expect(String(g)).toBe('<g><b title="&lt;&quot;&amp;&gt;"/><a style="fill:red">1 &lt; 2</a></g>');
    expect(b.nextSibling).toBe(a);
    g.appendChild(b);
    expect(g.children).toEqual([a, b]);
    expect(escapeXml("a\u0000\u0008\ufffeb\ud800c\u{1f600}\n")).toBe("abc\u{1f600}\n");
  });
});
