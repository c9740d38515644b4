/** Argument checks naming the argument, the value and what was expected. */
import { LeapflowError, MemoryError, OptionError } from "./errors.js";

/** Largest array this package allocates on its own account, in bytes. */
export const MAX_ARRAY_BYTES = 2 ** 33;

/** A short, safe rendering of any value for a message: `"abc"`, `3n`, `an array of 4`, `null`. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${value.constructor?.name ?? "typed array"}`;
  return value instanceof Date ? "a Date" : "an object";
}

/** Bytes in the unit a reader expects: `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(4))} ${units[unit]}`;
}

/** The known name closest to `name` by edits, or undefined when none is close. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  // At least one letter has to agree, or every short name would be near every other.
  let bestDistance = Math.min(Math.max(2, Math.floor(name.length / 3)), name.length - 1) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

/** Edits (insert, delete, replace, swap of neighbours) that turn a into b. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(previous[j] + 1, current[j - 1] + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        distance = Math.min(distance, before[j - 2] + 1);
      current.push(distance);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length];
}

/**
 * The options as a record whose own keys are all known; undefined counts as no options.
 * @throws {OptionError} `TYPE` when not an object, `UNKNOWN` with the nearest known name
 */
export function checkOptions(
  options: unknown,
  known: readonly string[],
  owner: string,
): Readonly<Record<string, unknown>> {
  if (options === undefined) return {};
  checkObject(options, known[0], owner);
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const nearest = nearestName(key, known);
    const hint = nearest === undefined ? `Known options: ${known.join(", ")}.` : `Did you mean "${nearest}"?`;
    throw new OptionError("UNKNOWN", `Unknown option "${key}" of ${owner}. ${hint}`, {
      details: { option: key, nearest },
    });
  }
  return options as Record<string, unknown>;
}

/** @throws {OptionError} `TYPE` unless options are an object, of whatever keys */
export function checkObject(options: unknown, example: string, owner: string): asserts options is object {
  if (typeof options === "object" && options !== null && !Array.isArray(options) && !ArrayBuffer.isView(options))
    return;
  throw new OptionError(
    "TYPE",
    `options of ${owner} are ${describe(options)}; expected an object such as { ${example}: … }.`,
  );
}

/** Bounds of a number; `above` and `below` exclude the bound itself. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
  /** Words that are allowed as well and that only the message needs, such as `"auto"`. */
  readonly or?: string;
}

/**
 * A finite number within bounds.
 * @throws {OptionError} `TYPE` for another kind, `RANGE` for NaN, infinities and values out of bounds
 */
export function checkNumber(value: unknown, name: string, bounds: Bounds = {}): number {
  return check(value, name, bounds, "a finite number", Number.isFinite);
}

/**
 * A safe integer within bounds.
 * @throws {OptionError} `TYPE` for another kind, `RANGE` for fractions, NaN and values out of bounds
 */
export function checkInteger(value: unknown, name: string, bounds: Bounds = {}): number {
  return check(value, name, bounds, "an integer", Number.isSafeInteger);
}

function check(
  value: unknown,
  name: string,
  bounds: Bounds,
  kind: string,
  isKind: (value: unknown) => boolean,
): number {
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = bounds;
  if (typeof value === "number" && isKind(value) && value >= min && value <= max && value > above && value < below)
    return value;
  const parts = [
    min > -Infinity ? `≥ ${min}` : above > -Infinity ? `> ${above}` : "",
    max < Infinity ? `≤ ${max}` : below < Infinity ? `< ${below}` : "",
  ].filter((part) => part !== "");
  const expected = [kind, parts.join(" and "), bounds.or === undefined ? "" : `or ${bounds.or}`]
    .filter((part) => part !== "")
    .join(" ");
  const code = typeof value === "number" ? "RANGE" : "TYPE";
  throw new OptionError(code, `${name} is ${describe(value)}; expected ${expected}.`, {
    details: { option: name, value: plain(value) },
  });
}

/**
 * One of the listed words.
 * @throws {OptionError} `TYPE` when not a string, `RANGE` for another word, with the nearest one
 */
export function checkChoice<T extends string>(value: unknown, name: string, choices: readonly T[], or = ""): T {
  if (choices.includes(value as T)) return value as T;
  const nearest = typeof value === "string" ? nearestName(value, choices) : undefined;
  const list = `${choices.map((choice) => `"${choice}"`).join(", ")}${or === "" ? "" : ` or ${or}`}`;
  throw new OptionError(
    typeof value === "string" ? "RANGE" : "TYPE",
    `${name} is ${describe(value)}; expected ${list}.${nearest === undefined ? "" : ` Did you mean "${nearest}"?`}`,
    { details: { option: name, value: plain(value) } },
  );
}

/** @throws {OptionError} `TYPE` unless a boolean */
export function checkBoolean(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw new OptionError("TYPE", `${name} is ${describe(value)}; expected true or false.`, {
    details: { option: name },
  });
}

/** @throws {OptionError} `TYPE` unless a function */
export function checkFunction<T>(value: T, name: string): T & ((...args: never[]) => unknown) {
  if (typeof value === "function") return value as T & ((...args: never[]) => unknown);
  throw new OptionError("TYPE", `${name} is ${describe(value)}; expected a function.`, { details: { option: name } });
}

/**
 * A function of the caller's; nothing that it throws is taken for an error of this package.
 *
 * @returns the function, which throws {LeapflowError} `CALLBACK` with what was thrown as `cause`
 * @throws {OptionError} `TYPE` when not a function
 */
export function checkCallback<A extends unknown[], R = void>(value: unknown, name: string): (...args: A) => R {
  const callback = checkFunction(value, name) as unknown as (...args: A) => R;
  return (...args) => {
    try {
      return callback(...args);
    } catch (cause) {
      // A study hands its own callback on to what it runs: what that threw is told once.
      if (cause instanceof LeapflowError && cause.code === "CALLBACK") throw cause;
      throw new LeapflowError("CALLBACK", `${name} threw: ${String(cause)}`, { cause });
    }
  };
}

/** @throws {OptionError} `TYPE` unless an AbortSignal (of any realm) */
export function checkSignal(value: unknown, name = "signal"): AbortSignal {
  if (typeof value === "object" && value !== null && typeof (value as AbortSignal).aborted === "boolean")
    return value as AbortSignal;
  throw new OptionError("TYPE", `${name} is ${describe(value)}; expected an AbortSignal.`, {
    details: { option: name },
  });
}

/**
 * A zeroed Float64Array, refused before allocation when it cannot fit.
 * @param what - what it is for, in words, e.g. `X (10000000×1000000)`
 * @throws {MemoryError} `TOO_LARGE` with the bytes wanted and allowed
 */
export function allocateDoubles(
  count: number,
  what: string,
  hint = "Stream the rows or use fewer of them.",
): Float64Array<ArrayBuffer> {
  const bytes = count * 8;
  const refuse = (allowed: string): MemoryError =>
    new MemoryError("TOO_LARGE", `${what} needs ${formatBytes(bytes)} (${bytes} bytes); ${allowed}. ${hint}`, {
      details: { bytesWanted: bytes, bytesAllowed: MAX_ARRAY_BYTES },
    });
  if (!(bytes <= MAX_ARRAY_BYTES))
    throw refuse(`at most ${formatBytes(MAX_ARRAY_BYTES)} (${MAX_ARRAY_BYTES} bytes) are allowed`);
  try {
    return new Float64Array(count);
  } catch {
    throw refuse("the engine has no array of that size left");
  }
}

/** Values that are safe to keep in `details`. */
function plain(value: unknown): unknown {
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean" ? value : describe(value);
}
