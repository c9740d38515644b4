/** Readers of stored records: own properties only, and an error with the path of the first bad place. */
import { describe } from "../base/assert.js";
import { FormatError } from "../base/errors.js";

/** A property of the object itself; inherited ones count as missing. */
export function own(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

/** Reads the parts of one kind of record, which its messages name. */
export class StoredReader {
  readonly #what: string;

  constructor(what: "link" | "model") {
    this.#what = what;
  }

  /** The error for a bad place. */
  wrong(path: string, reason: string, cause?: unknown): FormatError {
    return new FormatError("FORMAT", `The ${this.#what} is not valid: ${path} ${reason}.`, {
      details: { path },
      cause,
    });
  }

  /** A whole number ≥ min. */
  count(owner: unknown, key: string, path: string, min = 0): number {
    const value = own(owner, key);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
    throw this.wrong(`${path}.${key}`, `is ${describe(value)}; expected a whole number ≥ ${min}`);
  }

  /** A finite number. */
  number(owner: unknown, key: string, path: string): number {
    const value = own(owner, key);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw this.wrong(`${path}.${key}`, `is ${describe(value)}; expected a finite number`);
  }

  /** An array or typed array of `length` finite numbers. */
  list(value: unknown, path: string, length: number): readonly number[] {
    const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
    if (!isList) throw this.wrong(path, `is ${describe(value)}; expected ${length} numbers`);
    const values = Array.from(value as ArrayLike<unknown>);
    if (values.length !== length) throw this.wrong(path, `has ${values.length} entries; expected ${length}`);
    const bad = values.findIndex((entry) => typeof entry !== "number" || !Number.isFinite(entry));
    if (bad >= 0) throw this.wrong(`${path}[${bad}]`, `is ${describe(values[bad])}; expected a finite number`);
    return values as number[];
  }

  /** Rows of `columns` finite numbers each; as many as there are unless `rows` says. */
  rows(owner: unknown, key: string, path: string, columns: number, rows?: number): readonly (readonly number[])[] {
    const value = own(owner, key);
    const at = `${path}.${key}`;
    const expected = rows === undefined ? "rows" : `${rows} rows`;
    if (!Array.isArray(value))
      throw this.wrong(at, `is ${describe(value)}; expected ${expected} of ${columns} numbers`);
    if (rows !== undefined && value.length !== rows) throw this.wrong(at, `has ${value.length} rows; expected ${rows}`);
    return Array.from(value, (row, i) => this.list(row, `${at}[${i}]`, columns));
  }
}
