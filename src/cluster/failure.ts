/** Errors on their way between threads and machines: name, code and words, and the same class again at the end. */
import * as errors from "../base/errors.js";

export interface ThreadFailure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

export const failureOf = (error: unknown): ThreadFailure => {
  const { name, code, message } = (error ?? {}) as Partial<ThreadFailure>;
  return { name: name ?? "Error", code: code ?? "", message: message ?? String(error) };
};

const CLASSES: Readonly<Record<string, new (code: errors.ErrorCode, message: string) => errors.LeapflowError>> = {
  InputError: errors.InputError,
  OptionError: errors.OptionError,
  NumericalError: errors.NumericalError,
  MemoryError: errors.MemoryError,
  KernelError: errors.KernelError,
  FormatError: errors.FormatError,
  ClusterError: errors.ClusterError,
};

/** The error as it was thrown, as far as it is one of ours. */
export function errorOf({ name, code, message }: ThreadFailure): Error {
  const Class = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  return Class ? new Class(code as errors.ErrorCode, message) : new Error(`${name}: ${message}`);
}
