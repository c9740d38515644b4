/** Just enough of a document for Observable Plot to draw into, and its text as XML; the same in Node, workers and pages. */

/** The part of CSSStyleDeclaration that d3-selection calls. */
class Style {
  readonly #values = new Map<string, string>();

  setProperty(name: string, value: string): void {
    this.#values.set(name, value);
  }

  removeProperty(name: string): void {
    this.#values.delete(name);
  }

  getPropertyValue(name: string): string {
    return this.#values.get(name) ?? "";
  }

  toString(): string {
    return Array.from(this.#values, ([name, value]) => `${name}:${value}`).join(";");
  }
}

/** Attributes that are places or lengths in pixels. */
const PLACES: ReadonlySet<string> = new Set("x y x1 x2 y1 y2 cx cy r width height".split(" "));

/** A text node. */
class SvgText {
  readonly nodeType = 3;
  parentNode: SvgElement | null = null;
  constructor(readonly textContent: string) {}

  toString(): string {
    return escapeXml(this.textContent);
  }
}

type SvgNode = SvgElement | SvgText;

/** An element; Plot and d3 hang further properties on it, such as `__data__`. */
export class SvgElement {
  readonly nodeType = 1;
  readonly style = new Style();
  readonly childNodes: SvgNode[] = [];
  parentNode: SvgElement | null = null;
  readonly #attributes = new Map<string, string>();

  constructor(
    readonly ownerDocument: SvgDocument,
    readonly tagName: string,
    readonly namespaceURI = "http://www.w3.org/2000/svg",
  ) {}

  get nodeName(): string {
    return this.tagName;
  }

  get children(): SvgElement[] {
    return this.childNodes.filter((node): node is SvgElement => node instanceof SvgElement);
  }

  get firstChild(): SvgNode | null {
    return this.childNodes[0] ?? null;
  }

  get nextSibling(): SvgNode | null {
    const siblings = this.parentNode?.childNodes ?? [];
    return siblings[siblings.indexOf(this) + 1] ?? null;
  }

  get textContent(): string {
    return this.childNodes.map((node) => node.textContent).join("");
  }

  set textContent(text: string | null) {
    this.childNodes.length = 0;
    if (text !== null && text !== "") this.appendChild(new SvgText(String(text)));
  }

  setAttribute(name: string, value: unknown): void {
    // A hundredth of a pixel is less than anyone sees, and half the size of a figure of many dots.
    const isPlace = typeof value === "number" && PLACES.has(name) && Number.isFinite(value);
    this.#attributes.set(name, String(isPlace ? Math.round((value as number) * 100) / 100 : value));
  }

  setAttributeNS(_namespace: string | null, name: string, value: unknown): void {
    this.setAttribute(name, value);
  }

  getAttribute(name: string): string | null {
    return this.#attributes.get(name) ?? null;
  }

  getAttributeNS(_namespace: string | null, name: string): string | null {
    return this.getAttribute(name);
  }

  hasAttribute(name: string): boolean {
    return this.#attributes.has(name);
  }

  removeAttribute(name: string): void {
    this.#attributes.delete(name);
  }

  removeAttributeNS(_namespace: string | null, name: string): void {
    this.removeAttribute(name);
  }

  appendChild<T extends SvgNode>(node: T): T {
    return this.insertBefore(node, null);
  }

  insertBefore<T extends SvgNode>(node: T, before: SvgNode | null): T {
    node.parentNode?.removeChild(node);
    const at = before === null ? -1 : this.childNodes.indexOf(before);
    if (at < 0) this.childNodes.push(node);
    else this.childNodes.splice(at, 0, node);
    node.parentNode = this;
    return node;
  }

  append(...nodes: (SvgNode | string)[]): void {
    for (const node of nodes) this.appendChild(typeof node === "string" ? new SvgText(node) : node);
  }

  removeChild<T extends SvgNode>(node: T): T {
    const at = this.childNodes.indexOf(node);
    if (at >= 0) this.childNodes.splice(at, 1);
    node.parentNode = null;
    return node;
  }

  querySelector(): null {
    return null;
  }

  querySelectorAll(): never[] {
    return [];
  }

  // Figures are pictures: nothing listens.
  addEventListener(): void {}

  removeEventListener(): void {}

  toString(): string {
    const style = this.style.toString();
    const attributes = Array.from(this.#attributes, ([name, value]) => ` ${name}="${escapeXml(value)}"`).join("");
    const open = `${this.tagName}${attributes}${style === "" ? "" : ` style="${escapeXml(style)}"`}`;
    return this.childNodes.length === 0 ? `<${open}/>` : `<${open}>${this.childNodes.join("")}</${this.tagName}>`;
  }
}

/** The document that elements are made by. */
export class SvgDocument {
  readonly documentElement: SvgElement = new SvgElement(this, "svg");

  createElement(name: string): SvgElement {
    return new SvgElement(this, name);
  }

  createElementNS(_namespace: string, name: string): SvgElement {
    return new SvgElement(this, name);
  }

  createTextNode(text: string): SvgText {
    return new SvgText(text);
  }
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for XML content and attributes; characters that XML has no place for are left out. */
export function escapeXml(text: string): string {
  return Array.from(text)
    .filter(isXmlCharacter)
    .map((c) => ENTITIES[c] ?? c)
    .join("");
}

/** XML 1.0, production [2]. */
function isXmlCharacter(c: string): boolean {
  const code = c.codePointAt(0) ?? 0;
  if (code < 32) return code === 9 || code === 10 || code === 13;
  return !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
}
