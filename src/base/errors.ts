/** LeapflowError, its subclasses and the union of error codes. */

/** Stable codes; messages may be reworded, codes may not. */
export type ErrorCode =
  | "TYPE"
  | "EMPTY"
  | "SHAPE"
  | "NOT_FINITE"
  | "DETACHED"
  | "OVERFLOW"
  | "CHANGED"
  | "UNDERDETERMINED"
  | "UNKNOWN"
  | "RANGE"
  | "RANK"
  | "NOT_ORTHONORMAL"
  | "CALLBACK"
  | "SINGULAR"
  | "NOT_CONVERGED"
  | "TOO_LARGE"
  | "OUT_OF_MEMORY"
  | "TRAP"
  | "ABI"
  | "UNAVAILABLE"
  | "DISPOSED"
  | "VERSION"
  | "FORMAT"
  | "MESSAGE"
  | "WORKER_LOST"
  | "CLUSTER_UNREACHABLE"
  | "NO_MEMBER"
  | "SHARD_LOST"
  | "NAME_TAKEN"
  | "FILE"
  | "SOURCE";

export interface ErrorContext {
  /** Plain data about the failure (indices, counts, offending values). */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Base of every error that this package throws on purpose. */
export class LeapflowError extends Error {
  override readonly name: string = "LeapflowError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.details = context.details ?? {};
  }
}

/** The data are not usable: wrong kind, shape or values. */
export class InputError extends LeapflowError {
  override readonly name = "InputError";
}

/** An option is unknown, of the wrong kind or out of its range. */
export class OptionError extends LeapflowError {
  override readonly name = "OptionError";
}

/** Arithmetic failed although the input was acceptable. */
export class NumericalError extends LeapflowError {
  override readonly name = "NumericalError";
}

/** More memory was asked for than is allowed or available. */
export class MemoryError extends LeapflowError {
  override readonly name = "MemoryError";
}

/** A kernel trapped, has another ABI, or was used after disposal. */
export class KernelError extends LeapflowError {
  override readonly name = "KernelError";
}

/** A file or message is not what it should be. */
export class FormatError extends LeapflowError {
  override readonly name = "FormatError";
}

/** The machines of a cluster, or the broker between them, failed the work. */
export class ClusterError extends LeapflowError {
  override readonly name = "ClusterError";
}
