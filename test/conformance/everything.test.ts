/** What every model, solver, start, reader and study must do, in one suite over all of them. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  codedDiffraction,
  fitMultiIndex,
  fitSingleIndex,
  gaussianOperator,
  retrievePhase,
  sampleMultiIndex,
  simulateSingleIndex,
} from "../../src/index.js";
import { openTable, type TableFormat } from "../../src/io/index.js";
import {
  dmft,
  informationExponentFlow,
  Link,
  landscapeStudy,
  longTimeFixedPoint,
  plantedFlow,
  populationFlow,
  profiledLoss,
  sampleComplexityStudy,
  scalingStudy,
  spectralTransition,
  trapStudy,
} from "../../src/theory/index.js";
import { errorOf, expectFinite } from "../faults/problem.js";
import { generator } from "../support/problems.js";
import { processorWatch } from "../support/processor.js";

const { normal } = generator(12);
const X = Array.from({ length: 90 }, () => Array.from({ length: 4 }, normal));
const y = X.map(([a, b]) => a + 0.5 * b * b + 0.05 * normal());
const intensities = X.map(([a, b]) => (a - b) ** 2);
const bent = X.map(([a, b]) => Math.tanh(a - b));
const link = Link.parse("z1 + 0.5*h2(z1)");
const operator = gaussianOperator({ dim: 6, measurements: 60, seed: 3 });
const masks = codedDiffraction({ rows: 4, columns: 4, masks: 6, seed: 2 } as never);
const measured = (from: { dim: number; forward(v: never): { re: Float64Array; im: Float64Array } }): Float64Array => {
  const signal = {
    re: Float64Array.from({ length: from.dim }, normal),
    im: Float64Array.from({ length: from.dim }, normal),
  };
  const { re, im } = from.forward(signal as never);
  return re.map((v, i) => v * v + im[i] * im[i]);
};
const [gaussianIntensities, maskIntensities] = [measured(operator as never), measured(masks as never)];

interface Given {
  readonly seed: number;
  readonly signal?: AbortSignal;
}
interface Subject {
  readonly run: (given: Given) => Promise<unknown>;
  /** Inputs that must stay as they are. */
  readonly inputs?: unknown;
  /** Too short, or without a signal: an abort during the run is not looked at. */
  readonly long?: (given: Given) => Promise<unknown>;
}

const multi = (options: object): Subject => ({
  inputs: [X, y, options],
  run: (given) => fitMultiIndex(X, y, { rank: 1, degree: 2, restarts: 1, ...options, ...given } as never),
});
const single = (response: readonly number[], options: object): Subject => ({
  inputs: [X, response, options],
  run: (given) => fitSingleIndex(X, response as never, { maxIterations: 40, ...options, ...given } as never),
});
const phase = (method: string, from: object, intensity: Float64Array): Subject => ({
  inputs: [intensity],
  run: (given) => retrievePhase(from as never, intensity, { method, maxIterations: 30, ...given } as never),
});
const wide = Array.from({ length: 3000 }, () => Array.from({ length: 12 }, normal));
const wideResponse = wide.map(([a, b, c]) => a * b * c + normal());

const SUBJECTS: Record<string, Subject> = {
  "fit, automatic": {
    ...multi({ rank: "auto", degree: "auto" }),
    long: (g) => fitMultiIndex(wide, wideResponse, { ...g }),
  },
  "fit, constant": multi({ rank: 0 }),
  "fit, gauss-newton": {
    ...multi({}),
    long: (g) => fitMultiIndex(wide, wideResponse, { rank: 3, degree: 5, restarts: 500, ...g }),
  },
  "fit, lbfgs": {
    ...multi({ method: "lbfgs" }),
    long: (g) => fitMultiIndex(wide, wideResponse, { rank: 3, degree: 5, restarts: 500, method: "lbfgs", ...g }),
  },
  "fit, preconditioned-gradient": multi({ method: "preconditioned-gradient" }),
  "fit, gradient-flow": {
    ...multi({ method: "gradient-flow", maxIterations: 30 }),
    long: (g) =>
      fitMultiIndex(wide, wideResponse, { rank: 2, degree: 5, restarts: 500, method: "gradient-flow", ...g }),
  },
  ...Object.fromEntries(
    ["slices", "linear-hessian", "spectral", "random"].map((start) => [`fit, start ${start}`, multi({ start })]),
  ),
  "fit, relu link": multi({ degree: undefined, link: "relu" }),
  "fit, kernel link": multi({ degree: undefined, link: "kernel" }),
  "single index, spectral": single(intensities, { channel: "square", start: "spectral" }),
  "single index, linear": single(bent, { channel: "tanh", loss: "sqtanh", start: "linear" }),
  "single index, zero": single(bent, { channel: "tanh", loss: "sqtanh", start: "zero" }),
  "single index, given start": single(bent, { channel: "tanh", loss: "sqtanh", start: [1, 0, 0, 0] }),
  ...Object.fromEntries(
    ["wf", "twf", "rwf", "rational"].map((method) => [
      `phase, ${method}`,
      phase(method, operator, gaussianIntensities),
    ]),
  ),
  "phase, coded diffraction": phase("rwf", masks, maskIntensities),
  "simulated single index": {
    run: (given) =>
      simulateSingleIndex({
        channel: "square",
        ratio: 5,
        dim: 40,
        trials: 2,
        steps: 4,
        stepSize: 0.3,
        ...given,
      } as never),
  },
  "planted samples": { run: ({ seed }) => Promise.resolve(sampleMultiIndex(link, { dim: 5, samples: 20, seed })) },
  "population flow": { run: (given) => populationFlow(link, { dim: 100, rank: 1, horizon: 4, ...given }) },
  "planted flow": { run: (given) => plantedFlow(link, { dim: 100, rank: 1, horizon: 4, ...given }) },
  "trap study": {
    run: (given) => trapStudy(link, { dim: 20, trials: 3, ...given }),
    long: (given) => trapStudy(Link.parse("z1 + z1*z2 + z1*z2*z3"), { dim: 500, trials: 5000, ...given }),
  },
  "scaling study": {
    run: (given) => scalingStudy(link, { dims: [20, 40, 80], trials: 2, ...given }),
    long: (given) => scalingStudy(Link.parse("h3(z1)"), { dims: [1000, 3000, 9000], trials: 500, ...given }),
  },
  "sample complexity study": {
    run: (given) => sampleComplexityStudy(link, { dims: [4, 8], trials: 2, ...given } as never),
    long: (given) => sampleComplexityStudy(Link.parse("h3(z1)"), { dims: [16, 32, 64], trials: 50, ...given } as never),
  },
  "landscape study": { run: (given) => landscapeStudy(link, { dim: 20, trials: 2, ...given }) },
  "mean field": {
    run: (given) =>
      dmft({
        channel: "square",
        ratio: 5,
        stepSize: 0.3,
        steps: 3,
        paths: 400,
        replicates: 2,
        start: { overlap: 0.5, normSquared: 1 },
        ...given,
      } as never),
    long: (given) =>
      dmft({
        channel: "square",
        ratio: 5,
        stepSize: 0.3,
        steps: 60,
        paths: 60000,
        start: { overlap: 0.5, normSquared: 1 },
        ...given,
      } as never),
  },
  "long-time fixed point": {
    run: ({ signal }) =>
      longTimeFixedPoint({
        channel: "square",
        ratio: 5,
        stepSize: 0.3,
        maxIterations: 5,
        ...(signal ? { signal } : {}),
      } as never),
  },
  "spectral transition": { run: () => spectralTransition({ channel: "square", ratio: 3 } as never) },
  "one-pass flow": {
    run: () =>
      Promise.resolve(informationExponentFlow({ exponent: 3, overlap: 0.1, stepSize: 0.1, times: [0, 1, 2] } as never)),
  },
  "profiled loss": { inputs: [X, y], run: () => profiledLoss(X, y, [[1], [0], [0], [0]], { degree: 3, penalty: 0.1 }) },
  ...Object.fromEntries(
    (["f8.npy", "required.parquet", "delta.arrow"] as const).map((name) => {
      const bytes = new Uint8Array(readFileSync(`test/golden/io/${name}`));
      const format = (name.endsWith("npy") ? "npy" : name.split(".").at(-1)) as TableFormat;
      return [`reader, ${name}`, { inputs: [bytes], run: (given: Given) => readAll(bytes, format, given) }];
    }),
  ),
  "reader, CSV": reading("csv", "a,b\n1,2\n3,4\n"),
  "reader, JSON lines": reading("jsonl", '{"a":1,"b":2}\n{"a":3,"b":4}\n'),
  "reader, JSON": reading("json", '[{"a":1,"b":2},{"a":3,"b":4}]'),
};

function reading(format: TableFormat, text: string): Subject {
  const bytes = new TextEncoder().encode(text);
  return { inputs: [bytes], run: (given) => readAll(bytes, format, given) };
}

async function readAll(bytes: Uint8Array, format: TableFormat, { signal }: Given): Promise<unknown> {
  const table = await openTable(bytes, { format, ...(signal ? { signal } : {}) });
  const names = table.columns.filter(({ numeric }) => numeric !== false).map(({ name }) => name);
  const blocks: number[][] = [];
  for await (const { data } of table.select(names)) blocks.push([...data]);
  return { names, blocks };
}

/** A result as plain data: class instances give what they store; what depends on the clock is left out. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner) => {
      if (/elapsed|Ms$|release/i.test(key)) return undefined;
      if (typeof inner === "number" && !Number.isFinite(inner)) return String(inner);
      return ArrayBuffer.isView(inner) ? Array.from(inner as Float64Array) : inner;
    }),
  );
}

/** Place and value of each number of a result. Models and matrices are their data, as in JSON; a clone keeps no more of them. */
function numbersOf(value: unknown, place = ""): string[] {
  if (typeof value === "number") return [`${place} = ${value}`];
  if (typeof value !== "object" || value === null) return [];
  const { data = value } = value as { readonly data?: object };
  return Object.entries(data).flatMap(([key, inner]) => numbersOf(inner, `${place}/${key}`));
}

describe.each(Object.entries(SUBJECTS))("%s", (_, { run, inputs, long }) => {
  test("gives finite numbers, the same bits for the same seed, alone, again and two at once, and leaves its inputs alone", async () => {
    const before = inputs === undefined ? undefined : structuredClone(inputs);
    const first = await run({ seed: 5 });
    expectFinite(first);
    const expected = plain(first);
    expect(plain(await run({ seed: 5 }))).toEqual(expected);
    const [a, b, other] = await Promise.all([run({ seed: 5 }), run({ seed: 5 }), run({ seed: 6 })]);
    expect(plain(a)).toEqual(expected);
    expect(plain(b)).toEqual(expected);
    expectFinite(other);
    if (inputs !== undefined) expect(inputs).toEqual(before);
  });

  test("goes through structured clone and JSON with every number", async () => {
    const result = await run({ seed: 5 });
    const numbers = numbersOf(result);
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbersOf(structuredClone(result))).toEqual(numbers);
    expect(numbersOf(JSON.parse(JSON.stringify(result)))).toEqual(numbers);
  });

  test.runIf(long !== undefined)(
    "row 40: an abort ends it with the signal's reason within 100 ms of its own time",
    async () => {
      const reason = new Error("enough");
      const control = new AbortController();
      let spent = processorWatch();
      const timer = setTimeout(() => {
        spent = processorWatch();
        control.abort(reason);
      }, 60);
      const error = await errorOf(() => long?.({ seed: 1, signal: control.signal }));
      const ms = spent();
      clearTimeout(timer);
      expect(error).toBe(reason);
      // Processor time, because other programs share the machine.
      expect(ms).toBeLessThan(100);
      // And at once when it was aborted before.
      expect(await errorOf(() => long?.({ seed: 1, signal: AbortSignal.abort(reason) }))).toBe(reason);
      expectFinite(await run({ seed: 5 }));
    },
  );
});
