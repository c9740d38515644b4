// assembly/status.ts — integer status codes of the operations that can fail

/** The operation succeeded. Failures are 1 + the index of the pivot or column that failed. */
export const OK: i32 = 0;

/** Status of a failure at `index`. */
// @ts-ignore: decorator
@inline
export function failedAt(index: i32): i32 {
  return index + 1;
}
