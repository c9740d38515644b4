import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Files that compute in their own process alone, and leave nothing behind in it. */
const COMPUTATIONS = [
  "base",
  "data",
  "kernel",
  "learn",
  "math",
  "model",
  "plot",
  "single",
  "solve",
  "studies",
  "theory",
].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        // Modules are loaded once for all files, on all cores: vitest leaves one free unless told, which is half of two.
        test: {
          name: "computations",
          include: COMPUTATIONS,
          isolate: false,
          maxWorkers: "100%",
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        // Commands, servers, browsers: they wait as often as they compute.
        test: {
          name: "processes",
          include: ["test/**/*.test.ts"],
          exclude: COMPUTATIONS,
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
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
