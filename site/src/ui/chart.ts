/** A small chart that can be drawn again many times a second: lines, dots, error bars, rules and words over two axes. */
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from "d3-scale";
import { h, replace, s } from "./dom.js";
import { number, superscript } from "./format.js";

export interface Axis {
  readonly label: string;
  readonly log?: boolean;
  /** Ends that do not follow the data. */
  readonly domain?: readonly [number | undefined, number | undefined];
}

export interface ChartOptions {
  /** What it shows, for those who cannot see it. */
  readonly label: string;
  readonly height?: number;
  readonly x: Axis;
  readonly y: Axis;
  readonly caption?: string;
}

type Point = readonly [number, number];

export interface Line {
  readonly points: readonly Point[];
  readonly color: string;
  readonly dash?: string;
  readonly width?: number;
  readonly opacity?: number;
}

export interface Dots {
  readonly points: readonly Point[];
  readonly color: string;
  readonly radius?: number;
  readonly opacity?: number;
  /** Half lengths of error bars, one a point. */
  readonly errors?: readonly number[];
  readonly hollow?: boolean;
}

export interface Rule {
  readonly x?: number;
  readonly y?: number;
  readonly label?: string;
  readonly color?: string;
  readonly strong?: boolean;
}

export interface Band {
  readonly from: number;
  readonly to: number;
  readonly label?: string;
  readonly tint?: number;
}

export interface ChartData {
  readonly lines?: readonly Line[];
  readonly dots?: readonly Dots[];
  readonly rules?: readonly Rule[];
  /** Shaded stretches of the x axis. */
  readonly bands?: readonly Band[];
  /** How far the x axis goes at least, for charts under one another. */
  readonly until?: number;
}

const MARGIN = { top: 26, right: 14, bottom: 40, left: 50 };

export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #svg: SVGSVGElement;
  readonly #watcher: ResizeObserver;
  #data: ChartData = {};
  #width = 0;
  #frame = 0;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#svg = s("svg", { class: "chart", role: "img", "aria-label": options.label });
    this.element = h(
      "figure",
      { class: "plot" },
      this.#svg,
      options.caption !== undefined && h("figcaption", {}, options.caption),
    );
    this.#watcher = new ResizeObserver(([entry]) => {
      const width = Math.round(entry.contentRect.width);
      if (width === this.#width || width === 0) return;
      this.#width = width;
      this.#ask();
    });
    this.#watcher.observe(this.element);
  }

  /** Shows these data at the next frame; of many in one frame only the last. */
  draw(data: ChartData): void {
    this.#data = data;
    this.#ask();
  }

  /** Says in words what there is to see. */
  describe(text: string): void {
    this.#svg.setAttribute("aria-label", `${this.#options.label}. ${text}`);
  }

  dispose(): void {
    this.#watcher.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  #ask(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    this.#frame = 0;
    if (this.#width === 0) return;
    const { x: xAxis, y: yAxis } = this.#options;
    const width = this.#width;
    const height = this.#options.height ?? 260;
    const { lines = [], dots = [], rules = [], bands = [], until } = this.#data;
    const points = [...lines, ...dots].flatMap((part) => part.points);
    const reach = dots.flatMap(({ points, errors }) =>
      errors === undefined ? [] : points.flatMap(([, y], i) => [y - errors[i], y + errors[i]]),
    );
    const x = scaleOf(
      xAxis,
      [...points.map(([v]) => v), ...(until === undefined ? [] : [until])],
      [MARGIN.left, width - MARGIN.right],
      false,
    );
    const y = scaleOf(yAxis, [...points.map(([, v]) => v), ...reach], [height - MARGIN.bottom, MARGIN.top], true);
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.setAttribute("height", String(height));
    const [left, right] = x.range();
    const [bottom, top] = y.range();
    replace(
      this.#svg,
      bands.map(({ from, to, label, tint = 1 }) => bandMarks(clamp(x, from), clamp(x, to), top, bottom, label, tint)),
      ticksOf(y, yAxis, Math.max(3, Math.round(height / 60))).map((v) => [
        s("line", { class: "grid", x1: left, x2: right, y1: y(v), y2: y(v) }),
        s("text", { class: "tick", x: left - 7, y: y(v) + 4, "text-anchor": "end" }, tickName(v, yAxis)),
      ]),
      ticksOf(x, xAxis, Math.max(3, Math.round(width / 90))).map((v) => [
        s("line", { class: "tick-mark", x1: x(v), x2: x(v), y1: bottom, y2: bottom + 4 }),
        s("text", { class: "tick", x: x(v), y: bottom + 17, "text-anchor": "middle" }, tickName(v, xAxis)),
      ]),
      s("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
      s("text", { class: "axis-name", x: right, y: height - 6, "text-anchor": "end" }, xAxis.label),
      s("text", { class: "axis-name", x: 4, y: 13 }, yAxis.label),
      lines.map((line) =>
        s("path", {
          d: pathOf(line.points, x, y),
          fill: "none",
          stroke: line.color,
          "stroke-width": line.width ?? 2,
          "stroke-dasharray": line.dash,
          "stroke-opacity": line.opacity,
          "stroke-linejoin": "round",
          "stroke-linecap": line.dash === undefined ? "round" : "butt",
        }),
      ),
      dots.map((part) => dotMarks(part, x, y)),
      rules.map((rule) => ruleMarks(rule, x, y, [left, right, top, bottom])),
    );
  }
}

type Scale = ScaleContinuousNumeric<number, number>;

function scaleOf(axis: Axis, values: readonly number[], range: [number, number], nice: boolean): Scale {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value) || (axis.log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(low <= high)) [low, high] = axis.log ? [0.1, 10] : [0, 1];
  if (low === high) [low, high] = axis.log ? [low / 3, high * 3] : [low - 0.5, high + 0.5];
  const domain: [number, number] = [axis.domain?.[0] ?? low, axis.domain?.[1] ?? high];
  if (axis.log) return scaleLog<number, number>().domain(domain).range(range);
  const scale = scaleLinear<number, number>().domain(domain).range(range);
  return nice && axis.domain === undefined ? scale.nice(5) : scale;
}

function ticksOf(scale: Scale, axis: Axis, most: number): number[] {
  if (!axis.log) return scale.ticks(most);
  const [from, to] = scale.domain().map(Math.log10);
  const step = Math.max(1, Math.ceil((to - from) / most));
  const whole = Array.from({ length: Math.floor(to + 1e-9) - Math.ceil(from - 1e-9) + 1 }, (_, k) => {
    return 10 ** (Math.ceil(from - 1e-9) + k);
  }).filter((_, k) => k % step === 0);
  return whole.length >= 2 ? whole : scale.ticks(most).filter((_, k, all) => k % Math.ceil(all.length / most) === 0);
}

function tickName(value: number, axis: Axis): string {
  const exponent = Math.log10(value);
  const isPower = axis.log === true && Math.abs(exponent - Math.round(exponent)) < 1e-9;
  return isPower && Math.abs(exponent) > 2 ? `10${superscript(Math.round(exponent))}` : number(value);
}

const clamp = (scale: Scale, value: number): number => {
  const [from, to] = scale.domain();
  return scale(Math.min(Math.max(value, from), to));
};

/** A gap wherever a value is missing or has no place on the axis. */
function pathOf(points: readonly Point[], x: Scale, y: Scale): string {
  let path = "";
  let isDown = false;
  for (const point of points) {
    const [px, py] = [x(point[0]), y(point[1])];
    if (!Number.isFinite(px) || !Number.isFinite(py)) {
      isDown = false;
      continue;
    }
    path += `${isDown ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`;
    isDown = true;
  }
  return path;
}

function dotMarks({ points, color, radius = 3.5, opacity, errors, hollow }: Dots, x: Scale, y: Scale): SVGElement[] {
  return points.flatMap(([px, py], i): SVGElement[] => {
    const [cx, cy] = [x(px), y(py)];
    if (!Number.isFinite(cx) || !Number.isFinite(cy)) return [];
    const error = errors?.[i] ?? 0;
    const bar =
      error > 0
        ? [s("line", { x1: cx, x2: cx, y1: y(py - error), y2: y(py + error), stroke: color, "stroke-width": 1.6 })]
        : [];
    const fill = hollow ? "var(--paper)" : color;
    const dot = s("circle", { cx, cy, r: radius, fill, stroke: color, "stroke-width": 1.6, opacity });
    return [...bar, dot];
  });
}

function ruleMarks(rule: Rule, x: Scale, y: Scale, [left, right, top, bottom]: readonly number[]): SVGElement[] {
  const stroke = rule.color ?? "currentColor";
  const style = { class: rule.strong ? "rule strong" : "rule", stroke };
  if (rule.y !== undefined) {
    const at = y(rule.y);
    const line = s("line", { ...style, x1: left, x2: right, y1: at, y2: at });
    return [line, s("text", { class: "note-text", x: right, y: at - 5, "text-anchor": "end" }, rule.label ?? "")];
  }
  const at = x(rule.x ?? 0);
  if (!(at >= left - 1 && at <= right + 1)) return [];
  const line = s("line", { ...style, x1: at, x2: at, y1: top, y2: bottom });
  const anchor = at > right - 60 ? "end" : "start";
  const shift = anchor === "end" ? -5 : 5;
  return [
    line,
    s(
      "text",
      { class: "note-text", x: at + shift, y: top + 10, "text-anchor": anchor, fill: stroke },
      rule.label ?? "",
    ),
  ];
}

function bandMarks(from: number, to: number, top: number, bottom: number, label: string | undefined, tint: number) {
  const width = Math.max(0, to - from);
  const name =
    label !== undefined && width > 7 * label.length
      ? s("text", { class: "band-name", x: (from + to) / 2, y: bottom - 8, "text-anchor": "middle" }, label)
      : undefined;
  return [s("rect", { class: `band tint${tint}`, x: from, y: top, width, height: bottom - top }), name];
}
