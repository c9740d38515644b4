/** The header of an NPY file: parsed as literals, strictly, never evaluated. */
import type { ByteReader } from "./byteSource.js";
import { formatError } from "./cells.js";

/** A field of one item: a plain array has one field without a name. */
export interface NpyField {
  readonly name: string;
  /** Type code of NumPy, such as `<f8`. */
  readonly type: string;
  /** From the start of the item, in bytes. */
  readonly offset: number;
}

export interface NpyHeader {
  readonly fields: readonly NpyField[];
  readonly itemBytes: number;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
  /** Where the data begin, in bytes. */
  readonly start: number;
}

type Literal = string | number | boolean | readonly Literal[] | ReadonlyMap<string, Literal>;

/**
 * Reads the header (format versions 1 to 3).
 * @throws {FormatError} `FORMAT`
 * Source: numpy.lib.format, NEP 1.
 */
export async function readNpyHeader(bytes: ByteReader): Promise<NpyHeader> {
  const fail = (reason: string) => formatError(bytes.name, {}, reason);
  const prefix = await bytes.read(0, Math.min(12, bytes.size));
  if (prefix.length < 10 || String.fromCharCode(...prefix.subarray(0, 6)) !== "\x93NUMPY")
    throw fail("is not an NPY file: it does not begin as one.");
  const version = prefix[6];
  if (version < 1 || version > 3) throw fail(`is an NPY file of version ${version}; versions 1 to 3 can be read.`);
  const view = new DataView(prefix.buffer);
  const before = version === 1 ? 10 : 12;
  if (prefix.length < before) throw fail("is cut short in its header.");
  const start = before + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > bytes.size) throw fail("is cut short in its header.");
  const text = new TextDecoder(version < 3 ? "latin1" : "utf-8").decode(await bytes.read(before, start));
  let header: Literal;
  try {
    header = parseLiteral(text.trim());
  } catch (cause) {
    throw formatError(bytes.name, {}, `has a header that cannot be read: ${(cause as Error).message}.`, cause);
  }
  const entry = (key: string): Literal | undefined => (header instanceof Map ? header.get(key) : undefined);
  const order = entry("fortran_order");
  const shape = entry("shape");
  if (!(header instanceof Map) || header.size !== 3 || typeof order !== "boolean" || !isShape(shape))
    throw fail("has a header without a right descr, fortran_order and shape.");
  const { fields, itemBytes } = fieldsOf(entry("descr"), fail);
  return { fields, itemBytes, isFortran: order, shape, start };
}

const isShape = (value: Literal | undefined): value is readonly number[] =>
  Array.isArray(value) && value.every((length) => typeof length === "number" && Number.isSafeInteger(length));

function fieldsOf(
  descr: Literal | undefined,
  fail: (reason: string) => Error,
): { fields: NpyField[]; itemBytes: number } {
  if (typeof descr === "string")
    return { fields: [{ name: "", type: descr, offset: 0 }], itemBytes: sizeOf(descr, fail) };
  if (!Array.isArray(descr)) throw fail("has a header without a right descr.");
  const fields: NpyField[] = [];
  let offset = 0;
  for (const field of descr) {
    const [name, type, ...rest] = Array.isArray(field) ? field : [];
    if (typeof name !== "string" || typeof type !== "string" || rest.length > 0)
      throw fail("has fields that are structures or arrays themselves; expected one number per field.");
    // Fields without a name pad the ones before.
    if (name !== "") fields.push({ name, type, offset });
    offset += sizeOf(type, fail);
  }
  return { fields, itemBytes: offset };
}

/** Bytes of one value of a NumPy type. Objects are pickled, and a pickle is a program: never read. */
function sizeOf(type: string, fail: (reason: string) => Error): number {
  const [, , kind, digits] = /^([<>|=]?)([a-zA-Z?])(\d*)(\[.*\])?$/.exec(type) ?? [];
  if (kind === "O") throw fail("holds Python objects (pickled), not numbers; save a numeric array.");
  const size = kind === undefined || digits === "" ? Number.NaN : Number(digits) * (kind === "U" ? 4 : 1);
  if (!Number.isSafeInteger(size)) throw fail(`has values of the unknown type ${JSON.stringify(type)}.`);
  return size;
}

/** A Python literal made of dictionaries, lists, tuples, strings, whole numbers, True and False. */
function parseLiteral(text: string): Literal {
  // Escapes are refused rather than guessed: no field name needs one.
  const tokens = text.match(/'[^'\\]*'|"[^"\\]*"|\d+L?|True|False|[{}[\](),:]|\S/g) ?? [];
  let at = 0;
  const next = (): string => tokens[at++] ?? "";
  const wrong = (token: string): Error =>
    new Error(token === "" ? "it ends early" : `unexpected ${JSON.stringify(token)}`);
  const value = (depth: number): Literal => {
    const token = next();
    if (/^['"]./.test(token)) return token.slice(1, -1);
    if (/^\d/.test(token)) return Number.parseInt(token, 10);
    if (token === "True" || token === "False") return token === "True";
    if (depth > 4) throw new Error("it is nested too deeply");
    if (token === "{") {
      const entries = new Map<string, Literal>();
      sequence("}", () => {
        const key = value(depth + 1);
        const colon = next();
        if (typeof key !== "string" || colon !== ":" || entries.has(key)) throw wrong(colon);
        entries.set(key, value(depth + 1));
      });
      return entries;
    }
    if (token !== "[" && token !== "(") throw wrong(token);
    const items: Literal[] = [];
    sequence(token === "[" ? "]" : ")", () => items.push(value(depth + 1)));
    return items;
  };
  const sequence = (end: string, item: () => unknown): void => {
    while (tokens[at] !== end) {
      item();
      if (tokens[at] !== ",") break;
      at++;
    }
    const token = next();
    if (token !== end) throw wrong(token);
  };
  const result = value(0);
  if (at < tokens.length) throw wrong(tokens[at]);
  return result;
}
