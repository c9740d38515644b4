import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that leave nothing behind in their own process, whatever they start beside it. */
const SHARED = [
  "base",
  "cli",
  "data",
  "io",
  "learn",
  "math",
  "model",
  "packaging",
  "plot",
  "single",
  "solve",
  "studies",
  "theory",
]
  .map((folder) => `test/${folder}/**/*.test.ts`)
  .concat("test/{architecture,examples,guide,readme}.test.ts")
  // The pool of threads is one for all of a process, and so are traps and what stands on prototypes.
  .concat("test/kernel/!(threads).test.ts", "test/faults/!(runtime).test.ts", "test/conformance/!(api).test.ts")
  .concat("test/cluster/codec.test.ts");

/** Files of half a minute and more begin first: none of them is to be what all others wait for. */
const LONGEST = [
  "cli/study",
  "cluster/fit",
  "site/views",
  "cluster/sweep",
  "readme",
  "faults/commandLine",
  "faults/saving",
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
    setupFiles: ["test/support/properties.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        // Modules are loaded once for all files, on all cores: vitest leaves one free unless told, which is half of two.
        test: {
          name: "shared",
          include: SHARED,
          isolate: false,
          maxWorkers: "100%",
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        // Clusters and browsers, which wait as often as they compute, and what would leave something behind: a process for every file.
        test: {
          name: "apart",
          include: ["test/**/*.test.ts"],
          exclude: SHARED,
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
