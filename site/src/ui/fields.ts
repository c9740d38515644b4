/** Form fields with their labels, hints and complaints. */
import { h } from "./dom.js";

export interface Field<T> {
  readonly element: HTMLElement;
  value: T;
  /** Shows a complaint under the field, or takes it away. */
  complain(text: string | undefined): void;
}

let fields = 0;

function wrap<T>(
  label: string,
  input: HTMLInputElement | HTMLSelectElement,
  hint: string | undefined,
  value: { get(): T; set(value: T): void },
  extra?: Node,
): Field<T> {
  const id = `field${++fields}`;
  input.id = id;
  const hintElement = hint === undefined ? undefined : h("p", { class: "hint", id: `${id}-hint` }, hint);
  const complaint = h("p", { class: "complaint", id: `${id}-complaint`, hidden: true });
  input.setAttribute("aria-describedby", [hintElement?.id, complaint.id].filter(Boolean).join(" "));
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    h("div", { class: "control" }, input, extra),
    hintElement,
    complaint,
  );
  return {
    element,
    get value() {
      return value.get();
    },
    set value(next: T) {
      value.set(next);
    },
    complain(text) {
      complaint.textContent = text ?? "";
      complaint.hidden = text === undefined;
      input.setAttribute("aria-invalid", String(text !== undefined));
    },
  };
}

/** A line of text. */
export function textField(
  label: string,
  initial: string,
  onChange: (value: string) => void,
  hint?: string,
): Field<string> {
  const input = h("input", { type: "text", spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
  input.value = initial;
  input.addEventListener("change", () => onChange(input.value.trim()));
  return wrap(label, input, hint, {
    get: () => input.value.trim(),
    set: (value) => {
      input.value = value;
    },
  });
}

/** One of a few words. */
export function choiceField(
  label: string,
  choices: readonly (readonly [value: string, name: string])[],
  initial: string,
  onChange: (value: string) => void,
  hint?: string,
): Field<string> & { offer(choices: readonly (readonly [string, string])[], value: string): void } {
  const select = h("select");
  const offer = (list: readonly (readonly [string, string])[], value: string): void => {
    select.replaceChildren(...list.map(([key, name]) => h("option", { value: key }, name)));
    select.value = list.some(([key]) => key === value) ? value : (list[0]?.[0] ?? "");
  };
  offer(choices, initial);
  select.addEventListener("change", () => onChange(select.value));
  const field = wrap(label, select, hint, {
    get: () => select.value,
    set: (value: string) => {
      select.value = value;
    },
  });
  return Object.assign(field, { offer });
}

export interface SliderOptions {
  readonly min: number;
  readonly max: number;
  /** Of the slider; powers of ten of it when `log`. */
  readonly step: number;
  readonly log?: boolean;
  /** Values are rounded to whole numbers. */
  readonly whole?: boolean;
  readonly show?: (value: number) => string;
}

/** A number on a slider, its value beside it. */
export function sliderField(
  label: string,
  initial: number,
  options: SliderOptions,
  onChange: (value: number) => void,
  hint?: string,
): Field<number> {
  const { min, max, step, log, whole, show = String } = options;
  const toSlider = (value: number): number => (log ? Math.log10(value) : value);
  const fromSlider = (at: number): number => {
    const value = log ? Number((10 ** at).toPrecision(2)) : Number(at.toPrecision(8));
    return whole ? Math.round(value) : value;
  };
  const input = h("input", { type: "range", min: toSlider(min), max: toSlider(max), step });
  const output = h("output", { "aria-hidden": "true" });
  let value = initial;
  const tell = (): void => {
    output.textContent = show(value);
    input.setAttribute("aria-valuetext", show(value));
  };
  const set = (next: number): void => {
    value = Math.min(Math.max(next, min), max);
    input.value = String(toSlider(value));
    tell();
  };
  set(initial);
  input.addEventListener("input", () => {
    value = fromSlider(Number(input.value));
    tell();
  });
  input.addEventListener("change", () => onChange(value));
  return wrap(label, input, hint, { get: () => value, set }, output);
}

/** Examples to choose from with one press. */
export function chips(
  label: string,
  items: readonly { readonly name: string; readonly title?: string; readonly pick: () => void }[],
): HTMLElement {
  return h(
    "div",
    { class: "chips", role: "group", "aria-label": label },
    items.map(({ name, title, pick }) => h("button", { type: "button", class: "chip", title, click: pick }, name)),
  );
}

/** A button; the main one of its group stands out. */
export function button(name: string, onPress: () => void, kind: "main" | "plain" = "plain"): HTMLButtonElement {
  return h("button", { type: "button", class: kind, click: onPress }, name);
}
