import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that compute in their own process alone, and leave nothing behind in it. */
const COMPUTATIONS = ["base", "data", "learn", "math", "model", "plot", "single", "solve", "studies", "theory"]
  .map((folder) => `test/${folder}/**/*.test.ts`)
  // The pool of threads is one for all of a process.
  .concat("test/kernel/!(threads).test.ts");

/** Files of half a minute and more begin first: none of them is to be what all others wait for. */
const LONGEST = [
  "cli/study",
  "cluster/fit",
  "site/views",
  "cluster/sweep",
  "readme",
  "guide",
  "cli/singleIndex",
  "site/fit",
];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
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
      provider: "custom",
      customProviderModule: "./scripts/coverage.mjs",
      include: ["src/**/*.ts"],
      exclude: ["src/kernel/*asmBytes.ts", "src/**/*.d.ts"],
      reporter: ["text-summary", "json-summary"],
      reportOnFailure: true,
      thresholds: { statements: 95 },
    },
  },
});
