/** Writes src/studies/realInputs.ts from data/: the inputs of the study `non-gaussian` that were measured, not drawn. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** Rows of both files of a data set without the response; numbers as they are written there. */
function rowsOf(name: string): string {
  const lines = ["train", "test"].flatMap((part) =>
    readFileSync(join(root, "data", name, `${part}.csv`), "utf8")
      .trim()
      .split("\n")
      .slice(1),
  );
  return lines.map((line) => line.slice(0, line.lastIndexOf(","))).join(";");
}

writeFileSync(
  join(root, "src/studies/realInputs.ts"),
  `/**
 * Inputs that were measured, as text: rows by ";", columns by ",". Written by scripts/realInputs.ts from data/.
 *
 * Concrete: I-C. Yeh, Cement and Concrete Research 28 (1998), UCI Machine Learning Repository, CC BY 4.0; the response was left out.
 * Diabetes: Efron, Hastie, Johnstone and Tibshirani, "Least angle regression" (2004), as bundled with scikit-learn, BSD-3-Clause.
 */
export const REAL_INPUTS = {
  "concrete mixes": "${rowsOf("concrete")}",
  "diabetes patients": "${rowsOf("diabetes")}",
} as const;
`,
);
