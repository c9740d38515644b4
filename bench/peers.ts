/**
 * What R's `ppr` reaches on the same rows: its settings are searched for on a fifth of the training rows held out, then one fit
 * at the best of them on all rows. Nothing where there is no `Rscript`.
 */
import { spawnSync } from "node:child_process";
import { rSquared, splitRows } from "../src/index.js";

export interface Rows {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/** One problem: training rows, fresh rows, and the response that is right for these. */
export interface Problem {
  readonly name: string;
  readonly X: Rows;
  readonly y: Float64Array;
  readonly fresh: Rows;
  readonly truth: Float64Array;
}

export interface PeerResult {
  readonly r2: number;
  /** CPU seconds of one fit at the best setting, and of the search for it. */
  readonly fit: number;
  readonly search: number;
  readonly setting: string;
}

export const HELD_OUT = 0.2;

/** Inputs are standardized. Settings that are tried: every smoother with every number of terms. */
const R_SCRIPT = `
  con <- file("stdin"); v <- scan(con, quiet = TRUE); close(con)
  n <- v[1]; d <- v[2]; m <- v[3]; h <- v[4]; v <- v[-(1:4)]
  X <- matrix(v[1:(n*d)], n, byrow = TRUE); y <- v[n*d + 1:n]; v <- v[-(1:(n*d + n))]
  Z <- matrix(v[1:(m*d)], m, byrow = TRUE); held <- v[m*d + 1:h] + 1
  X <- scale(X); Z <- scale(Z, attr(X, "scaled:center"), attr(X, "scaled:scale"))
  smoothers <- list(list(sm.method = "supsmu"), list(sm.method = "supsmu", bass = 5), list(sm.method = "supsmu", span = 0.3),
    list(sm.method = "spline", df = 3), list(sm.method = "spline", df = 6), list(sm.method = "gcvspline"))
  run <- function(X, y, k, s) tryCatch(do.call(ppr, c(list(X, y, nterms = k), s)), error = function(e) NULL)
  best <- Inf; k0 <- 1; s0 <- smoothers[[1]]
  search <- system.time(for (k in c(1, 2, 3, 4, 6, 8)) for (s in smoothers) {
    f <- run(X[-held, , drop = FALSE], y[-held], k, s)
    if (is.null(f)) next
    e <- mean((predict(f, X[held, , drop = FALSE]) - y[held])^2)
    if (is.finite(e) && e < best) { best <- e; k0 <- k; s0 <- s }
  })
  fit <- system.time(f <- run(X, y, k0, s0))
  cat(search[1] + search[2], fit[1] + fit[2], predict(f, Z), sep = "\\n")
  cat("\\n", k0, " terms, ", paste(s0, collapse = " "), "\\n", sep = "")`;

/** R's projection pursuit regression. Source: Friedman & Stuetzle (1981), as in base R's `stats`. */
export function projectionPursuit({ X, y, fresh }: Problem, truth: Float64Array): PeerResult | undefined {
  const { test: held } = splitRows(X.rows, HELD_OUT, 0);
  const head = [X.rows, X.columns, fresh.rows, held.length];
  const input = [...head, ...X.data, ...y, ...fresh.data, ...held].join("\n");
  const run = spawnSync("Rscript", ["-e", R_SCRIPT], { input, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (run.status !== 0) return undefined;
  const lines = run.stdout.split("\n").filter((line) => line !== "");
  const setting = lines.pop() ?? "";
  const [search, fit, ...predicted] = lines.map(Number);
  return { r2: rSquared(predicted, truth), fit, search, setting };
}
