/** What a call throws, as its code. */
import { LeapflowError } from "../../src/base/errors.js";

/** Code of the LeapflowError that `run` throws, or "nothing thrown"; other errors pass through. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof LeapflowError) return error.code;
    throw error;
  }
  return "nothing thrown";
}
