/** Mutation testing of the mathematics; `npm run mutation` (scripts/mutation.mjs) calls it once a source file. */

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  testRunner: "in-process",
  plugins: ["./scripts/mutation/runner.mjs"],
  coverageAnalysis: "perTest",
  disableTypeChecks: false,
  concurrency: Number(process.env.LEAPFLOW_MUTATION_JOBS ?? 2),
  // Old bundles stay in memory; mutants outside a sample cost none.
  maxTestRunnerReuse: process.env.LEAPFLOW_MUTATION_SAMPLE ? 5000 : 300,
  // Generous: a slow moment of the machine must not count as a mutant caught. Loops without end are ended by their count.
  timeoutMS: 15000,
  timeoutFactor: 4,
  dryRunTimeoutMinutes: 60,
  reporters: ["json"],
  jsonReporter: { fileName: process.env.LEAPFLOW_MUTATION_REPORT ?? "reports/mutation/last.json" },
  ignorePatterns: ["/bench", "/coverage", "/data", "/dist", "/docs", "/examples", "/reports", "/site", "*.md"],
  logLevel: "warn",
  allowEmpty: true,
};
