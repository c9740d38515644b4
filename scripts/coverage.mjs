/**
 * The measure of `npm run coverage`: vitest's own, and what commands, members and worker threads ran of the built package in processes
 * of their own, found in the sources by the source maps of the build.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { mergeProcessCovs } from "@bcoe/v8-coverage";
import v8 from "@vitest/coverage-v8";
import { convert } from "ast-v8-to-istanbul";
import { parseAstAsync } from "vite";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const DIST = new URL("../dist/", import.meta.url).href;
const RUNS = at("build/runs");

export default {
  ...v8,

  /** Called where tests run: Node leaves a file in that folder for each process and thread that they start from here on. */
  startCoverage(options) {
    process.env.NODE_V8_COVERAGE = RUNS;
    return v8.startCoverage(options);
  },

  async getProvider() {
    rmSync(RUNS, { recursive: true, force: true });
    mkdirSync(RUNS, { recursive: true });
    const provider = await v8.getProvider();
    const ofTests = provider.generateCoverage.bind(provider);
    provider.generateCoverage = async (context) => {
      const map = await ofTests(context);
      for (const { path, ...found } of await ofProcesses()) if (path in map.data) addHits(map.data[path].data, found);
      rmSync(RUNS, { recursive: true });
      return map;
    };
    const ofAll = provider.generateReports.bind(provider);
    provider.generateReports = async (map, ...rest) => {
      console.log(byFolder(map));
      await ofAll(map, ...rest);
    };
    return provider;
  },
};

/** What ran elsewhere, one record for each source in each file of the build. */
async function ofProcesses() {
  let runs = { result: [] };
  for (const name of readdirSync(RUNS)) {
    const { result } = JSON.parse(readFileSync(join(RUNS, name), "utf8"));
    runs = mergeProcessCovs([runs, { result: result.filter(({ url }) => url.startsWith(DIST)) }]);
  }
  const found = [];
  const maps = new Set(readdirSync(at("build/maps"), { recursive: true }));
  for (const coverage of runs.result) {
    const file = coverage.url.slice(DIST.length);
    if (!maps.has(`${file}.map`)) continue;
    const code = readFileSync(at(`dist/${file}`), "utf8");
    const sourceMap = JSON.parse(readFileSync(at(`build/maps/${file}.map`), "utf8"));
    found.push(...Object.values(await convert({ code, sourceMap, coverage, ast: await parseAstAsync(code) })));
  }
  return found;
}

/**
 * Adds what ran elsewhere to what ran in the tests, matched by where a statement, function or branch begins: the two compilers end them
 * at different places. What has no match (about 2 % of the statements) stays as it was, so that the sum is never too high.
 */
function addHits(map, found) {
  const parts = [
    ["statementMap", "s", ({ start }) => start],
    ["fnMap", "f", ({ loc }) => loc.start],
    ["branchMap", "b", ({ loc }) => loc.start],
  ];
  for (const [places, hits, startOf] of parts) {
    const keyOf = (place) => `${place.type} ${startOf(place).line}:${startOf(place).column}`;
    const known = new Map();
    for (const [id, place] of Object.entries(found[places])) {
      const key = keyOf(place);
      // Two that begin at one place cannot be told apart.
      known.set(key, known.has(key) ? undefined : found[hits][id]);
    }
    for (const [id, place] of Object.entries(map[places])) {
      const more = known.get(keyOf(place));
      if (more !== undefined) map[hits][id] = sum(map[hits][id], more);
    }
  }
}

/** Of counts, or of the counts of all ways of one branch. */
function sum(mine, more) {
  if (!Array.isArray(mine)) return mine + more;
  return mine.length === more.length ? mine.map((count, way) => count + more[way]) : mine;
}

/** Statements that ran, of all, for each folder of `src`. */
function byFolder(map) {
  const folders = new Map();
  for (const file of map.files()) {
    const [folder] = relative(at("src"), file).split(sep);
    const { covered, total } = map.fileCoverageFor(file).toSummary().statements;
    const [ran, all] = folders.get(folder) ?? [0, 0];
    // Files that export what others have are without statements.
    if (total > 0) folders.set(folder, [ran + covered, all + total]);
  }
  const lines = [...folders].map(
    ([folder, [ran, all]]) => `| ${folder} | ${((100 * ran) / all).toFixed(1)} % | ${ran} of ${all} |`,
  );
  return ["| folder | statements | |", "| --- | --- | --- |", ...lines.sort()].join("\n");
}
