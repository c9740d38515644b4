/** What is fuzzed: how an input of each target is made and what must hold for it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { columnFromArray, float64, int8, tableFromColumns, tableToIPC, uint32 } from "@uwdata/flechette";
import { Command, CommanderError } from "commander";
import { parquetWriteBuffer } from "hyparquet-writer";
import { LeapflowError } from "../../src/base/errors.js";
import { fitOptionsOf } from "../../src/cli/fitFlags.js";
import { fitMultiIndex, MultiIndexModel } from "../../src/index.js";
import { openTable, type TableFormat } from "../../src/io/index.js";
import { evaluateTree, parseExpression } from "../../src/model/expression.js";
import { fillOptions } from "../../src/solve/options.js";
import { Link } from "../../src/theory/index.js";
import { mutateBytes, mutateJson, mutateText, type Random } from "./mutate.js";

export interface Target {
  make(random: Random): Uint8Array | string;
  /** Resolves when the input was read or refused as it should be; anything thrown is a finding. */
  run(input: Uint8Array | string): Promise<void>;
}

// Of the working folder, not of this file: the long runs are bundled.
const FIXTURES = "test/fuzz/fixtures";
const GOLDEN = "test/golden/io";
const bytesOf = (input: Uint8Array | string): Uint8Array =>
  typeof input === "string" ? new TextEncoder().encode(input) : input;

/** Findings of earlier runs, kept as files named after their target. */
export function fixtures(target: string): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  if (!existsSync(FIXTURES)) return [];
  const names = readdirSync(FIXTURES).filter((name) => name.startsWith(`${target}-`));
  return names.map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(FIXTURES, name))) }));
}

/** Passes typed errors; everything else goes on as a finding. */
async function typed(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof LeapflowError || error instanceof CommanderError)) throw error;
    if (/\[object |undefined is|cannot read prop/i.test(error.message))
      throw new Error(`a leaked message: ${error.message}`);
  }
}

function assertFinite(values: ArrayLike<number>, what: string): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) throw new Error(`${what}[${i}] is ${values[i]}`);
  }
}

async function readTable(bytes: Uint8Array, format: TableFormat): Promise<void> {
  const table = await openTable(bytes, { format, name: "fuzz" });
  // All at once is what users do; by itself each column, because one that is refused hides the others.
  const choices = [undefined, ...table.columns.slice(0, 4).map(({ name }) => [name])];
  for (const names of choices) {
    await typed(async () => {
      for await (const { data, rows, columns } of table.select(names)) {
        if (data.length !== rows * columns) throw new Error(`${data.length} numbers in ${rows}×${columns}`);
        assertFinite(data, "data");
      }
    });
  }
}

const table = (format: TableFormat, samples: readonly Uint8Array[]): Target => ({
  make: (random) => mutateBytes(samples, random),
  run: (input) => typed(() => readTable(bytesOf(input), format)),
});

const textTable = (format: TableFormat, samples: readonly string[], words: readonly string[]): Target => ({
  make: (random) => mutateText(samples, words, random),
  run: (input) => typed(() => readTable(bytesOf(input), format)),
});

const golden = (pattern: RegExp): Uint8Array[] =>
  readdirSync(GOLDEN)
    .filter((name) => pattern.test(name))
    .map((name) => new Uint8Array(readFileSync(join(GOLDEN, name))))
    // Large files cost time and give nothing that small ones do not; test/io/fuzz.test.ts changes those.
    .filter((bytes) => bytes.length <= 1500);

function npySamples(): Uint8Array[] {
  const make = (descr: string, data: ArrayBufferView, shape: string, fortran = "False"): Uint8Array => {
    const header = `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }`;
    const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
    const head = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8];
    return new Uint8Array([...head, ...new TextEncoder().encode(padded), ...new Uint8Array(data.buffer)]);
  };
  const six = [1.5, -2, 3e-300, 4e300, 0, 6];
  return [
    make("'<f8'", new Float64Array(six), "(3, 2)"),
    make("'<f4'", new Float32Array([1, 2, 3, 4]), "(2, 2)", "True"),
    make("'<i8'", new BigInt64Array([1n, -2n]), "(2,)"),
    make("'|u1'", new Uint8Array([1, 2, 3]), "(3, 1)"),
    make("[('a', '<f8'), ('b', '<i4')]", new Uint8Array(24), "(2,)"),
    ...golden(/\.npy$/),
  ];
}

function parquetSamples(): Uint8Array[] {
  const columnData = [
    { name: "a", data: [1.5, -2, 3, 3, 3], type: "DOUBLE" as const },
    { name: "b", data: [1, 2, 3, 4, 5], type: "INT32" as const },
    { name: "c", data: [true, false, true, true, false], type: "BOOLEAN" as const },
  ];
  const written = (["SNAPPY", "UNCOMPRESSED"] as const).map(
    (codec) => new Uint8Array(parquetWriteBuffer({ columnData, codec, rowGroupSize: 3 })),
  );
  return [...written, ...golden(/\.parquet$/)];
}

function arrowSamples(): Uint8Array[] {
  const columns = {
    a: columnFromArray([1.5, -2, 3], float64()),
    b: columnFromArray([1, 2, 3], int8()),
    c: columnFromArray([7, 8, 9], uint32()),
  };
  const written = (["stream", "file"] as const).map((format) => tableToIPC(tableFromColumns(columns), { format })!);
  return [...written, ...golden(/\.(arrow|arrows|feather)$/)];
}

const CSV = [
  "a,b,y\n1,2,3\n4,5,6\n",
  '"x 1","y"\r\n-1.5e3,.5\r\n+2,0\r\n\r\n',
  "\ufeffa;b\n1;2\n3;4",
  "a\tb\n1\t2\n",
  "a\n1\n2\n3",
];
const CSV_WORDS = [
  ",",
  ";",
  "\t",
  "\n",
  "\r\n",
  "\r",
  '"',
  '""',
  "1e999",
  "NaN",
  "inf",
  "0x10",
  "1,5",
  " ",
  "\ufeff",
  "-",
  "1_000",
  "__proto__",
  "constructor",
  "\0",
  "1e-400",
  "٣",
];
const JSONL = ['{"a":1,"b":2.5}\n{"a":-3,"b":4e2}\n', "[1,2]\n[3,4]\n", '{"a":1}\n\n{"a":2}'];
const JSON_TABLES = ['[{"a":1,"b":2.5},{"a":-3,"b":4e2}]', "[[1,2],[3,4]]", '{"a":[1,2],"b":[3,4]}', "[]"];
const JSON_WORDS = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "null",
  "true",
  '"',
  "1e999",
  "-0",
  "1.",
  "\\u0000",
  '"__proto__":',
  '"constructor":',
  "\n",
  "NaN",
  "[[[[",
  "9007199254740993",
];

const EXPRESSIONS = [
  "z1 + z1*z2",
  "relu(z1) - 0.5*tanh(2*z2 - 1)^2",
  "He3(z1)*h2(z2)/sqrt(6)",
  "exp(-z1^2/2) + sin(pi*z1)",
  "-(z1 - z2)**3",
  "abs(z1)*sign(z2) + log(1 + z1^2)",
];
const EXPRESSION_WORDS = [
  "z1",
  "z2",
  "z3",
  "z101",
  "z0",
  "(",
  ")",
  "((((",
  "+",
  "-",
  "*",
  "**",
  "^",
  "/",
  "2",
  "0",
  "1e308",
  "1e-308",
  "1e400",
  "0.5",
  "-1",
  "He12(",
  "h13(",
  "exp(",
  "log(",
  "sqrt(",
  "relu(",
  "tanh(",
  "pi",
  ".",
  ",",
  "constructor",
  "__proto__",
  "z1.x",
  "[0]",
  "'",
  "`",
  "=>",
  "this",
  "^-1",
  "^0.5",
  "^64",
  " ",
];

async function modelSamples(): Promise<string[]> {
  const X = Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(7 * i + 1)]);
  const y = X.map(([a, b]) => a + a * b);
  const options = { seed: 1, restarts: 0 };
  const fits = [
    { ...options, rank: 1, degree: 2 },
    { ...options, rank: 2, degree: 2 },
    { ...options, rank: 0, degree: 0 },
    { ...options, rank: 1, link: "relu" as const },
    { ...options, rank: 1, link: "kernel" as const },
  ];
  const models = await Promise.all(fits.map(async (one) => (await fitMultiIndex(X, y, one)).model));
  return models.map((model) => JSON.stringify(model));
}

function modelTarget(samples: readonly string[]): Target {
  return {
    make: (random) =>
      random.below(4) === 0 ? mutateText(samples, JSON_WORDS, random) : mutateJson(random.pick(samples), random),
    run: async (input) => {
      let json: unknown;
      try {
        json = JSON.parse(typeof input === "string" ? input : new TextDecoder().decode(input));
      } catch {
        return;
      }
      await typed(() => {
        const model = MultiIndexModel.fromJSON(json as never);
        // Three rows are few enough to be cheap, and one of them is far outside.
        const rows = [0, 1, -1e6].map((value) => new Array<number>(Math.min(model.dim, 1000)).fill(value));
        return typed(() => {
          assertFinite(model.predict(rows), "prediction");
          assertFinite(model.gradient(rows).to1DArray(), "gradient");
        });
      });
    },
  };
}

const ARGUMENTS = [
  "fit data.csv --target y --rank 2 --degree 3 --seed 1",
  "fit a.npy --target x3 --columns x1,x2 --test-fraction 0.2 --json",
  "fit a --target y --method lbfgs --start random --restarts 3 --ridge 1e-3 --whiten full --kernel auto --threads 2",
  "predict model.json data.csv --out p.csv",
  "score model.json data.csv --target y",
  "exponents --link z1*z2 --degree 4 --json",
  "flow --link z1 --dim 100 --rank 1 --horizon 5",
  "dmft --channel square --ratio 5 --ridge 0.05 --step 0.5 --steps 40",
  "retrieve image.png --masks 6 --noise 0.1",
  "--help",
  "--version",
];
const ARGUMENT_WORDS = [
  " ",
  " -- ",
  " --",
  " -",
  "=",
  " --rank",
  " --rnak 2",
  " --rank=",
  " NaN",
  " Infinity",
  " -1",
  " 1e400",
  " 0x10",
  " auto",
  " --json",
  " --help",
  " fit",
  " --degree -1",
  " --target",
  " --save",
  " --__proto__ 1",
  " constructor",
  " --no-json",
  " ,",
  " --seed 1.5",
  " ''",
];

async function optionTarget(): Promise<Target> {
  const modules = await Promise.all(
    readdirSync("src/cli/commands").map(
      (name) => import(`../../src/cli/commands/${name.replace(".ts", "")}.ts`) as Promise<Record<string, unknown>>,
    ),
  );
  const adders = modules.flatMap((module) => Object.values(module).filter((value) => typeof value === "function"));
  const commands = adders.filter((add) => /^add\w+Command$/.test(add.name)) as ((program: Command) => void)[];
  const quiet = () => undefined;
  const program = new Command("leapflow").exitOverride();
  program.configureOutput({ writeOut: quiet, writeErr: quiet, outputError: quiet });
  for (const add of commands) add(program);
  let flags: Record<string, unknown> | undefined;
  for (const command of program.commands) {
    command.exitOverride().action(() => {
      flags = command.opts();
    });
  }
  return {
    make: (random) => mutateText(ARGUMENTS, ARGUMENT_WORDS, random),
    run: (input) =>
      typed(async () => {
        flags = undefined;
        const text = typeof input === "string" ? input : new TextDecoder().decode(input);
        const words = text.split(" ").filter((word) => word !== "");
        await program.parseAsync(words, { from: "user" });
        if (flags === undefined) return;
        const filled = fillOptions(fitOptionsOf(flags)) as unknown as Record<string, unknown>;
        for (const [name, value] of Object.entries(filled)) {
          if (typeof value !== "number" || Number.isFinite(value) || name === "deadlineMs") continue;
          throw new Error(`${name} became ${value}`);
        }
      }),
  };
}

/** Expressions beyond this length are parsed but not expanded, which may take seconds of quadrature by design. */
const EXPANDED = 24;

const expressionTarget: Target = {
  make: (random) => mutateText(EXPRESSIONS, EXPRESSION_WORDS, random),
  run: (input) =>
    typed(async () => {
      const text = typeof input === "string" ? input : new TextDecoder().decode(input);
      const { tree, rank } = parseExpression(text);
      const value = evaluateTree(tree, new Float64Array(rank).fill(0.5));
      if (typeof value !== "number") throw new Error(`the value is ${String(value)}`);
      if (rank > 1 || text.length > EXPANDED) return;
      const link = Link.parse(text, { degree: 4 });
      assertFinite(link.coefficients, "coefficient");
    }),
};

/** The targets by name; made on use, because some fit models for their samples. */
export const TARGETS: Readonly<Record<string, () => Target | Promise<Target>>> = {
  csv: () => textTable("csv", CSV, CSV_WORDS),
  jsonl: () => textTable("jsonl", JSONL, JSON_WORDS),
  json: () => textTable("json", JSON_TABLES, JSON_WORDS),
  npy: () => table("npy", npySamples()),
  arrow: () => table("arrow", arrowSamples()),
  parquet: () => table("parquet", parquetSamples()),
  model: async () => modelTarget(await modelSamples()),
  expression: () => expressionTarget,
  options: () => optionTarget(),
};
