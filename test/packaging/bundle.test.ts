/** What a page loads: the main entry bundled and minified, with ml-matrix, and what a fit brings in when it starts. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

/** Bytes after gzip by the file that opens a chunk. */
interface Sizes {
  /** The entry and everything it imports statically: what is loaded before the first call. */
  readonly entry: number;
  /** The binary. */
  readonly binary: number;
  readonly all: number;
  /** Sources in the entry. */
  readonly inside: readonly string[];
}

let sizes: Sizes;

const bundle = (entry: string, platform: "browser" | "node") =>
  build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    platform,
    outdir: "out",
    write: false,
    metafile: true,
    logLevel: "silent",
    ...(platform === "node" ? { packages: "external" as const } : {}),
  });
type Outputs = Awaited<ReturnType<typeof bundle>>["metafile"]["outputs"];

/** The chunk that a source opens, with all that it imports statically. */
function loadedBy(source: string, outputs: Outputs): Set<string> {
  const loaded = new Set<string>();
  const follow = (name: string): void => {
    if (loaded.has(name)) return;
    loaded.add(name);
    for (const { path, kind } of outputs[name].imports)
      if (kind === "import-statement" && path in outputs) follow(path);
  };
  follow(Object.keys(outputs).find((name) => outputs[name].entryPoint === source) as string);
  return loaded;
}
const sourcesOf = (chunks: Iterable<string>, outputs: Outputs): string[] =>
  [...chunks].flatMap((name) => Object.keys(outputs[name].inputs));

beforeAll(async () => {
  const { outputFiles, metafile } = await bundle("src/index.ts", "browser");
  const { outputs } = metafile;
  const bytes = (name: string): number => {
    const file = outputFiles.find(({ path }) => path.replaceAll("\\", "/").endsWith(name));
    return gzipSync((file as { contents: Uint8Array }).contents, { level: 9 }).length;
  };
  const names = Object.keys(outputs);
  const opened = (source: string): string => names.find((name) => outputs[name].entryPoint === source) as string;
  const loaded = loadedBy("src/index.ts", outputs);
  const sum = (list: Iterable<string>): number => [...list].reduce((total, name) => total + bytes(name), 0);
  sizes = {
    entry: sum(loaded),
    binary: bytes(opened("src/kernel/wasmBytes.ts")),
    all: sum(names),
    inside: sourcesOf(loaded, outputs),
  };
});

describe("the main entry in a bundle, gzipped", () => {
  it("is below 70 kB, ml-matrix and everything that predicts included", () => {
    expect(sizes.inside.some((source) => source.includes("ml-matrix"))).toBe(true);
    expect(sizes.inside).toContain("src/model/multiIndexModel.ts");
    expect(sizes.entry).toBeLessThan(70_000);
  });

  it("leaves learner, single-index fits and the binary to the first call that needs them", () => {
    const early = sizes.inside.filter((source) =>
      /src\/(learn\/fit|single\/fit|kernel\/(wasmBytes|passes))/.test(source),
    );
    expect(early).toEqual([]);
    expect(sizes.binary).toBeLessThan(20_000);
  });

  it("with everything that any call can load is below 175 kB", () => {
    expect(sizes.all).toBeGreaterThan(sizes.entry + sizes.binary);
    expect(sizes.all).toBeLessThan(175_000);
  });
});

it("the command line loads nothing of the library before it knows the command", async () => {
  const { outputs } = (await bundle("src/cli/program.ts", "node")).metafile;
  const sources = sourcesOf(loadedBy("src/cli/program.ts", outputs), outputs);
  expect(sources).toContain("src/cli/commands.ts");
  expect(sources.filter((source) => /^src\/(?!cli\/|base\/)/.test(source))).toEqual([]);
});
