/** Flags that are counts. */
import { InvalidArgumentError } from "commander";

/** A whole number ≥ 0. @throws {InvalidArgumentError} for anything else */
export function countOf(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError("expected a whole number ≥ 0.");
  return value;
}
