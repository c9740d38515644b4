import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // All cores: vitest leaves one free, which on two cores doubles the time of the suite.
    maxWorkers: "100%",
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // Commands and the code inside workers run in processes and threads of their own, where this measure does not reach; their tests
      // are test/cli, test/faults and test/worker.
      exclude: ["src/cli/**", "src/kernel/wasmBytes.ts", "src/kernel/threadEntry.ts", "src/**/*.d.ts"],
      reporter: ["text-summary", "json-summary"],
      reportOnFailure: true,
      thresholds: { statements: 95 },
    },
  },
});
