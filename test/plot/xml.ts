/** A strict reader of XML, so that figures and pages are known to be well-formed. */

/** An element with its attributes, its depth and its own text. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly depth: number;
  text: string;
}

/** Elements of an XML document in order, each with its attributes and depth; throws where it is not well-formed. */
export function parseXml(text: string): XmlElement[] {
  const found: XmlElement[] = [];
  const open: XmlElement[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] !== "<") {
      const end = text.indexOf("<", at) < 0 ? text.length : text.indexOf("<", at);
      const raw = text.slice(at, end);
      if (/&(?!(amp|lt|gt|quot);)/.test(raw)) throw new Error(`bare & in ${raw}`);
      if (open.length > 0) open[open.length - 1].text += raw;
      else if (raw.trim() !== "") throw new Error(`text outside: ${raw}`);
      at = end;
      continue;
    }
    const tag = /^<(\/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/.exec(text.slice(at));
    if (tag === null) throw new Error(`no tag at ${text.slice(at, at + 60)}`);
    const [whole, closing, name, rest, empty] = tag;
    if (closing === "/") {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing`);
    } else {
      const attributes: Record<string, string> = {};
      for (const [, key, value] of rest.matchAll(/([\w:-]+)="([^"]*)"/g)) {
        if (Object.hasOwn(attributes, key)) throw new Error(`${key} twice`);
        attributes[key] = value;
      }
      const element = { name, attributes, depth: open.length, text: "" };
      found.push(element);
      if (empty !== "/") open.push(element);
    }
    at += whole.length;
  }
  if (open.length > 0 || found.filter(({ depth }) => depth === 0).length !== 1) throw new Error("not one document");
  return found;
}
