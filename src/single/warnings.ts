/** Warnings of single-index models; those that a ratio n/d gives reason for. */

export type SingleIndexWarningCode =
  | "BELOW_THRESHOLD"
  | "NEAR_THRESHOLD"
  | "SPECTRAL_NOT_CONVERGED"
  | "SIGNAL_BELOW_NOISE"
  | "NOT_WHITENED"
  | "LOCAL_MINIMUM"
  | "SADDLE"
  | "REFERENCE_KERNEL";

/** Something the user should know; not an error. */
export interface SingleIndexWarning {
  readonly code: SingleIndexWarningCode;
  readonly message: string;
}

/** Within this share above the threshold samples of ordinary size scatter between knowing and not knowing. */
const MARGIN = 0.2;

/** A warning for a ratio at or below the threshold of a spectral start, or within 20 % above it. */
export function thresholdWarnings(
  preprocess: string,
  ratio: number,
  threshold: number,
  isAbove: boolean,
): SingleIndexWarning[] {
  const limit = Number.isFinite(threshold) ? threshold.toFixed(3) : "none";
  if (!isAbove) {
    return [
      {
        code: "BELOW_THRESHOLD",
        message: `n/d = ${ratio.toFixed(3)} is not above the weak-recovery threshold of ${preprocess} (${limit}): the spectral start knows nothing about θ. Use more rows, another preprocess, or start "linear" if the link is not even.`,
      },
    ];
  }
  if (ratio >= threshold * (1 + MARGIN)) return [];
  return [
    {
      code: "NEAR_THRESHOLD",
      message: `n/d = ${ratio.toFixed(3)} is within 20 % of the weak-recovery threshold of ${preprocess} (${limit}): overlaps scatter widely there.`,
    },
  ];
}
