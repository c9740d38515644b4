/** The state of a view in the address, so that a link shows somebody else the same. */

/** Which view, with its settings: `#/saddle?link=z1&dim=100`. */
export function readAddress(): { readonly view: string; readonly settings: URLSearchParams } {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { view: path, settings: new URLSearchParams(query) };
}

/** Settings of a view: text with defaults, written back to the address when they change. */
export class Settings<T extends Readonly<Record<string, string | number>>> {
  readonly #view: string;
  readonly #defaults: T;
  #values: T;

  constructor(view: string, given: URLSearchParams, defaults: T) {
    this.#view = view;
    this.#defaults = defaults;
    const values: Record<string, string | number> = { ...defaults };
    for (const [name, initial] of Object.entries(defaults)) {
      const text = given.get(name);
      if (text === null || text.length > 400) continue;
      if (typeof initial === "string") values[name] = text;
      else if (text.trim() !== "" && Number.isFinite(Number(text))) values[name] = Number(text);
    }
    this.#values = values as T;
  }

  get values(): T {
    return this.#values;
  }

  /** Takes changes over and writes the address; what is at its default is left out. */
  set(changes: Partial<T>): void {
    this.#values = { ...this.#values, ...changes };
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(this.#values))
      if (value !== this.#defaults[name]) query.set(name, String(value));
    const text = query.toString();
    history.replaceState(null, "", `#/${this.#view}${text === "" ? "" : `?${text}`}`);
  }
}
