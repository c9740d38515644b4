/** spectral, dmft, fixed-point and retrieve: keys, figures, files, exit codes, one-line errors. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decode, encode } from "fast-png";
import { beforeAll, describe, expect, test } from "vitest";
import { simulateSingleIndex } from "../../src/index.js";
import { dmft, longTimeFixedPoint, spectralTransition } from "../../src/theory/index.js";
import { ended, leapflow, temporaryFolder } from "./run.js";

const folder = temporaryFolder();
const json = async (args: readonly (string | number)[]) => {
  const outcome = await leapflow([...args, "--json"]);
  expect(outcome).toMatchObject({ code: 0, stderr: "" });
  expect(outcome.stdout.trim().split("\n").length).toBe(1);
  return JSON.parse(outcome.stdout);
};

describe("spectral", () => {
  test("--json has the keys of the contract and the library's numbers", async () => {
    const got = await json(["spectral", "--channel", "square", "--ratio", 5, "--preprocess", "trim(9)"]);
    const wanted = await spectralTransition({ channel: "square", ratio: 5, preprocess: "trim(9)" });
    const { threshold, overlap, eigenvalue, edge, aboveThreshold, gap, preprocess, warnings } = wanted;
    const information = { bestThreshold: expect.closeTo(0.5, 8), linearInformation: 0 };
    const known = { threshold, overlap, eigenvalue, edge, aboveThreshold, gap, preprocess, warnings };
    expect(got).toEqual({ ...known, ...information });
    // [SI §b]: 0.4815 at ratio 5.
    expect(got.overlap ** 2).toBeCloseTo(0.4815, 4);
  });
  test("--noise, --complex, and a table for people", async () => {
    const noisy = await json(["spectral", "--channel", "square", "--ratio", 3, "--noise", 0.5]);
    expect(noisy.threshold).toBeCloseTo(0.54164, 3);
    const complex = await json(["spectral", "--channel", "square", "--ratio", 4, "--preprocess", "mm", "--complex"]);
    expect(complex).toMatchObject({ threshold: 1, aboveThreshold: true });
    expect(complex.overlap ** 2).toBeCloseTo(0.6023, 4);
    const { code, stdout } = await leapflow(["spectral", "--channel", "square", "--ratio", 0.4]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/preprocess opt\(20\)[\s\S]*threshold n\/d +0\.501[\s\S]*warning BELOW_THRESHOLD/);
    const labels = await json(["spectral", "--channel", "logit", "--ratio", 4]);
    expect([labels.threshold, labels.bestThreshold]).toEqual([null, null]);
    expect(labels.linearInformation).toBeGreaterThan(0.1);
  });
});

const MODEL = ["--channel", "square", "--ratio", 5, "--ridge", 0.05, "--step", 0.5];
const SETTINGS = { channel: "square", ratio: 5, ridge: 0.05, stepSize: 0.5 } as const;

describe("dmft", () => {
  const small = ["dmft", ...MODEL, "--steps", 4, "--paths", 256, "--replicates", 2, "--seed", 3];
  const settings = { ...SETTINGS, steps: 4, paths: 256, replicates: 2, seed: 3 };

  test("--json is the library's trajectory", async () => {
    const got = await json([...small, "--loss", "rational(1)", "--preprocess", "trim(9)", "--start", "spectral"]);
    const wanted = await dmft({ ...settings, loss: "rational(1)", preprocess: "trim(9)", start: "spectral" });
    for (const key of ["overlap", "normSquared", "cosine", "squaredError", "trainLoss", "testLoss"] as const) {
      expect(got[key]).toEqual(Array.from(wanted[key]));
      expect(got.standardErrors[key]).toEqual(Array.from(wanted.standardErrors![key]));
    }
    expect(got).toMatchObject({ seed: 3, stepSize: 0.5, paths: 256, replicates: 2 });
    expect(got.simulation).toBeUndefined();
  });
  test("--simulate adds the library's simulation; the seed drawn repeats both", async () => {
    const args = [...small, "--start", "independent", "--overlap", 0.5, "--norm-squared", 1];
    const got = await json([...args, "--simulate", 80, "--trials", 3]);
    const start = { overlap: 0.5, normSquared: 1 };
    const wanted = await simulateSingleIndex({ ...SETTINGS, steps: 4, seed: 3, start, dim: 80, trials: 3 });
    expect(got.simulation.overlap).toEqual(Array.from(wanted.overlap));
    expect(got.simulation.standardErrors.trainLoss).toEqual(Array.from(wanted.standardErrors.trainLoss));
    expect(got.simulation).toMatchObject({ dim: 80, samples: 400, trials: 3 });
    expect(got.overlap[0]).toBeCloseTo(0.5, 12);
    const drawn = await json(["dmft", ...MODEL, "--steps", 1, "--paths", 64, "--replicates", 1]);
    expect(Number.isSafeInteger(drawn.seed)).toBe(true);
    expect(drawn.standardErrors).toBeNull();
  });
  test("prints prediction and simulation beside each other and draws them", async () => {
    const plot = join(folder, "trajectory.svg");
    const { code, stdout, stderr } = await leapflow([...small, "--simulate", 60, "--trials", 2, "--plot", plot]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("predicted beside 2 simulated runs at d = 60, n = 300");
    // Each line: step, and m, q, train as predicted and as simulated, errors in brackets.
    const number = "\\d\\.\\d{4,6}(\\(\\d+\\))?";
    expect(stdout).toMatch(new RegExp(`^  4( +${number}){6}$`, "m"));
    expect(stdout).toMatch(/largest gap over all steps, in standard errors: m \d+\.\d, q \d+\.\d, train/);
    expect(
      Math.max(
        ...stdout
          .split("\n")
          .slice(1)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(100);
    expect(readFileSync(plot, "utf8")).toMatch(/^<svg[\s\S]*simulation, d = 60/);
  });
  test("complex signals and the population map", async () => {
    const complex = await json([...small, "--complex", "--preprocess", "mm", "--simulate", 40, "--trials", 2]);
    expect(complex.simulation.overlap.length).toBe(5);
    const population = await json([
      ...["dmft", "--channel", "square", "--ratio", "Infinity", "--ridge", 0.05, "--step", 0.5, "--steps", 3],
      ...["--start", "independent", "--overlap", 0.5, "--norm-squared", 1],
    ]);
    expect(population.overlap.length).toBe(4);
  });
});

test("fixed-point --json has the library's limit; people get a table", async () => {
  const got = await json(["fixed-point", ...MODEL, "--loss", "rational(1)", "--start", "spectral", "--steps", 9]);
  const wanted = await longTimeFixedPoint({ ...SETTINGS, loss: "rational(1)" });
  for (const key of ["overlap", "normSquared", "trainLoss", "gamma", "residual", "stable", "rate"] as const) {
    expect(got[key]).toBe(wanted[key]);
  }
  expect(got.spectrum).toEqual(wanted.spectrum);
  // [SI §e], first row of the table.
  expect(got.overlap).toBeCloseTo(0.90967, 3);
  const { code, stdout } = await leapflow(["fixed-point", ...MODEL]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/overlap m +0\.909/);
  expect(stdout).toContain("stable");
});

describe("retrieve", () => {
  const gray = join(folder, "gray.png");
  const color = join(folder, "color.png");
  const shade = (i: number, j: number, c: number): number =>
    Math.round(120 + 60 * Math.sin(i / 3 + c) + 50 * Math.cos(j / 4) + (i > j ? 20 : 0));

  beforeAll(() => {
    const fill = (rows: number, columns: number, channels: number): Uint8Array =>
      Uint8Array.from({ length: rows * columns * channels }, (_, k) => {
        const pixel = Math.floor(k / channels);
        return shade(Math.floor(pixel / columns), pixel % columns, k % channels);
      });
    writeFileSync(gray, encode({ width: 32, height: 16, data: fill(16, 32, 1), channels: 1, depth: 8 }));
    writeFileSync(color, encode({ width: 10, height: 9, data: fill(9, 10, 4), channels: 4, depth: 8 }));
  });

  test("--json has the keys of the contract; the picture written is the one measured", async () => {
    const out = join(folder, "out.png");
    const got = await json(["retrieve", gray, "--masks", 6, "--method", "rwf", "--seed", 1, "--out", out]);
    expect(got).toMatchObject({ method: "rwf", masks: 6, rows: 16, columns: 32, seed: 1 });
    expect(got.relativeError).toBeLessThan(1e-5);
    expect(got.iterations).toBe(got.bands[0].stop.iterations);
    expect(got.error[0].at(-1)).toBe(got.relativeError);
    const [wanted, image] = [decode(readFileSync(gray)), decode(readFileSync(out))];
    expect([image.width, image.height, image.channels, image.depth]).toEqual([32, 16, 1, 8]);
    expect(Array.from(image.data)).toEqual(Array.from(wanted.data));
  });
  test("color pictures band by band, sizes that are no powers of two, a figure", async () => {
    const [out, plot] = [join(folder, "color-out.png"), join(folder, "retrieval.svg")];
    const args = ["retrieve", color, "--masks", 10, "--seed", 2, "--out", out, "--plot", plot];
    const { code, stdout, stderr } = await leapflow(args);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/red[\s\S]*green[\s\S]*blue/);
    const [wanted, image] = [decode(readFileSync(color)), decode(readFileSync(out))];
    expect(image.channels).toBe(3);
    for (let k = 0; k < 90; k++) {
      for (let c = 0; c < 3; c++) expect(image.data[3 * k + c]).toBe(wanted.data[4 * k + c]);
    }
    const svg = readFileSync(plot, "utf8");
    expect(svg).toMatch(/^<svg/);
    expect(svg.match(/data:image\/png;base64,/g)?.length).toBe(2);
  });
  test("noise leaves an error of its order; the seed repeats it", async () => {
    const args = ["retrieve", gray, "--masks", 8, "--noise", 0.1, "--seed", 5, "--max-iterations", 200];
    const [a, b] = [await json(args), await json(args)];
    expect(a.relativeError).toBeGreaterThan(1e-3);
    expect(a.relativeError).toBeLessThan(0.15);
    expect(b.error).toEqual(a.error);
  });
  test("pictures of few bits and with palettes", async () => {
    const [squares, colors, out] = ["squares.png", "colors.png", "colors-out.png"].map((name) => join(folder, name));
    writeFileSync(squares, oneBitSquares());
    const got = await json(["retrieve", squares, "--masks", 8, "--seed", 1]);
    expect([got.rows, got.columns, got.bands.length]).toEqual([8, 8, 1]);
    expect(got.relativeError).toBeLessThan(1e-5);
    writeFileSync(colors, oneBitSquares([10, 90, 250, 200, 30, 60]));
    expect((await json(["retrieve", colors, "--masks", 8, "--seed", 1, "--out", out])).bands.length).toBe(3);
    // Bits 1, 0, 1, … in the first row: the palette's second color, then its first.
    expect(Array.from(decode(readFileSync(out)).data.slice(0, 6))).toEqual([200, 30, 60, 10, 90, 250]);
  });
});

/** A PNG of one bit a pixel, 8×8, alternating, gray or with a palette, written by hand with its checksums. */
function oneBitSquares(palette: readonly number[] = []): Uint8Array {
  const crc = (bytes: readonly number[]): number => {
    let c = 0xffffffff;
    for (const byte of bytes) {
      c ^= byte;
      for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    }
    return (c ^ 0xffffffff) >>> 0;
  };
  const word = (v: number): number[] => [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255];
  const chunk = (name: string, data: readonly number[]): number[] => {
    const body = [...Array.from(name, (c) => c.charCodeAt(0)), ...data];
    return [...word(data.length), ...body, ...word(crc(body))];
  };
  const raw = Array.from({ length: 8 }, (_, i) => [0, i % 2 === 0 ? 0xaa : 0x55]).flat();
  let [s1, s2] = [1, 0];
  for (const byte of raw) {
    s1 = (s1 + byte) % 65521;
    s2 = (s2 + s1) % 65521;
  }
  const { length } = raw;
  const stored = [0x78, 0x01, 1, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255, ...raw];
  return Uint8Array.from([
    ...[137, 80, 78, 71, 13, 10, 26, 10],
    ...chunk("IHDR", [...word(8), ...word(8), 1, palette.length > 0 ? 3 : 0, 0, 0, 0]),
    ...(palette.length > 0 ? chunk("PLTE", palette) : []),
    ...chunk("IDAT", [...stored, ...word(((s2 << 16) | s1) >>> 0)]),
    ...chunk("IEND", []),
  ]);
}

describe("wrong use ends with 2 and one line", () => {
  const text = join(folder, "text.png");
  const broken = join(folder, "broken.png");
  beforeAll(() => {
    writeFileSync(text, "not a picture");
    writeFileSync(broken, Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13]));
  });
  const cases: [string, (string | number)[], RegExp][] = [
    ["no channel", ["spectral", "--ratio", 3], /--channel/],
    ["another channel", ["spectral", "--channel", "squared", "--ratio", 3], /"square"/],
    ["a ratio that is no number", ["spectral", "--channel", "square", "--ratio", "many"], /ratio/],
    ["a negative ratio", ["spectral", "--channel", "square", "--ratio", -1], /ratio is -1/],
    ["another preprocess", ["spectral", "--channel", "square", "--ratio", 3, "--preprocess", "trimm(9)"], /trim/],
    ["complex tanh", ["spectral", "--channel", "tanh", "--ratio", 3, "--complex"], /even/],
    ["below the threshold", ["dmft", "--channel", "square", "--ratio", 0.3], /threshold/],
    ["an independent start without numbers", ["dmft", ...MODEL, "--start", "independent"], /--overlap/],
    ["numbers without an independent start", ["dmft", ...MODEL, "--overlap", 0.5], /independent/],
    ["one trial", ["dmft", ...MODEL, "--steps", 1, "--paths", 64, "--simulate", 20, "--trials", 1], /trials is 1/],
    ["a flag misspelled", ["dmft", ...MODEL, "--stps", 4], /--stps/],
    ["another loss", ["fixed-point", ...MODEL, "--loss", "ratio(1)"], /rational/],
    ["no such picture", ["retrieve", join(folder, "none.png")], /no such file/],
    ["text instead of a picture", ["retrieve", text], /not a PNG/],
    ["a picture cut short", ["retrieve", broken], /not a readable PNG/],
    ["another method", ["retrieve", join(folder, "gray.png"), "--method", "hio"], /"twf"/],
    ["no masks", ["retrieve", join(folder, "gray.png"), "--masks", 0], /masks is 0/],
    ["negative noise", ["retrieve", join(folder, "gray.png"), "--noise", -1], /--noise/],
    ["one mask for mm", ["retrieve", join(folder, "gray.png"), "--masks", 1, "--preprocess", "mm"], /opt\(20\)/],
    [
      "a folder that is not there",
      ["retrieve", join(folder, "gray.png"), "--out", join(folder, "x/y.png")],
      /Cannot write/,
    ],
  ];
  test.each(cases)("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await leapflow(args);
    expect(stdout).toBe("");
    expect(stderr.trim().split("\n").length).toBe(1);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
  test("Ctrl-C ends with 130", async () => {
    const long = ["dmft", ...MODEL, "--steps", 200, "--paths", 16384, "--simulate", 400, "--trials", 50];
    const { code, stderr } = await ended(long, "SIGINT");
    expect(stderr).toContain("interrupted");
    expect(code).toBe(130);
  });
  test.each(["spectral", "dmft", "fixed-point", "retrieve"])("%s --help documents its flags", async (command) => {
    const { code, stdout } = await leapflow([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("--json");
  });
});
