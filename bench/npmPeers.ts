/**
 * What regression packages from npm reach on the same rows, installed in a folder of their own
 * (`npm install --prefix bench/peers`): each has its settings searched for on a fifth of the training rows held out, then one
 * fit at the best of them on all rows. Absent ones give nothing. No package on npm fits a multi-index model.
 */
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rSquared, splitRows } from "../src/index.js";
import { HELD_OUT, type PeerResult, type Problem, type Rows } from "./peers.js";

type Predict = (X: number[][]) => ArrayLike<number>;

interface Peer {
  readonly name: string;
  /** Undefined where it is not installed: fits inputs of mean 0 and variance 1 to such a response, at a setting. */
  load(): Promise<((X: number[][], y: number[], setting: number) => Promise<Predict>) | undefined>;
  settings(columns: number): number[];
  /** Entries of X above which a search takes it minutes, and is left out. */
  readonly largest?: number;
  describe(setting: number): string;
}

async function installed<T>(name: string): Promise<T | undefined> {
  const { resolve } = createRequire(fileURLToPath(new URL("peers/package.json", import.meta.url)));
  try {
    return (await import(pathToFileURL(resolve(name)).href)) as T;
  } catch {
    return undefined;
  }
}

interface PartialLeastSquares {
  train(X: number[][], y: number[][]): void;
  predict(X: number[][]): { to1DArray(): number[] };
}

/** Linear, in a few latent vectors. */
const PARTIAL_LEAST_SQUARES: Peer = {
  name: "ml-pls",
  async load() {
    const library = await installed<{
      PLS: new (options: { latentVectors: number; tolerance: number }) => PartialLeastSquares;
    }>("ml-pls");
    if (!library) return undefined;
    return async (X, y, latentVectors) => {
      const model = new library.PLS({ latentVectors, tolerance: 1e-8 });
      model.train(
        X,
        y.map((v) => [v]),
      );
      return (fresh) => model.predict(fresh).to1DArray();
    };
  },
  settings: (columns) => Array.from({ length: Math.min(columns, 10) }, (_, k) => k + 1),
  describe: (count) => `${count} latent vectors`,
};

interface GaussianPursuit {
  fit(X: number[][], y: number[][]): void;
  predict(X: number[][]): number[][];
}

const PURSUIT_STEPS = 200;

/** Projection pursuit with terms a·exp(−(z − m)²/2s), one gradient step per call of `fit`. */
const GAUSSIAN_PURSUIT: Peer = {
  name: "data-analysis-models",
  async load() {
    const library = await installed<{ default: new (terms: number) => GaussianPursuit }>(
      "@ai-on-browser/data-analysis-models/lib/model/ppr",
    );
    if (!library) return undefined;
    return async (X, y, terms) => {
      const model = new library.default(terms);
      const response = y.map((v) => [v]);
      for (let step = 0; step < PURSUIT_STEPS; step++) model.fit(X, response);
      return (fresh) => model.predict(fresh).map(([v]) => v);
    };
  },
  settings: () => [1, 3, 5],
  largest: 50_000,
  describe: (terms) => `projection pursuit, ${terms} terms`,
};

interface Tensor {
  dataSync(): Float32Array;
}
interface Network {
  compile(options: object): void;
  fit(X: Tensor, y: Tensor, options: object): Promise<unknown>;
  predict(X: Tensor): Tensor;
}
interface TensorFlow {
  ready(): Promise<void>;
  tensor2d(values: number[][]): Tensor;
  tidy<T>(work: () => T): T;
  sequential(options: { layers: unknown[] }): Network;
  layers: { dense(options: object): unknown };
  initializers: { glorotNormal(options: { seed: number }): unknown };
  train: { adam(rate: number): unknown };
}

const BATCH = 64;
const RATE = 0.01;

/** A network of two hidden layers of 32 tanh units, by Adam, on the library's own backend for Node without add-ons. */
const NETWORK: Peer = {
  name: "tfjs",
  async load() {
    const tf = await installed<TensorFlow>("@tensorflow/tfjs");
    if (!tf) return undefined;
    await tf.ready();
    return async (X, y, epochs) => {
      const dense = (units: number, seed: number, more: object) =>
        tf.layers.dense({ units, kernelInitializer: tf.initializers.glorotNormal({ seed }), ...more });
      const model = tf.sequential({
        layers: [
          dense(32, 1, { activation: "tanh", inputShape: [X[0].length] }),
          dense(32, 2, { activation: "tanh" }),
          dense(1, 3, {}),
        ],
      });
      model.compile({ optimizer: tf.train.adam(RATE), loss: "meanSquaredError" });
      const response = y.map((v) => [v]);
      await model.fit(tf.tensor2d(X), tf.tensor2d(response), { epochs, batchSize: BATCH, verbose: 0 });
      return (fresh) => tf.tidy(() => model.predict(tf.tensor2d(fresh)).dataSync());
    };
  },
  settings: () => [20, 60],
  describe: (epochs) => `tanh network 32-32, ${epochs} epochs`,
};

export const NPM_PEERS: readonly Peer[] = [PARTIAL_LEAST_SQUARES, GAUSSIAN_PURSUIT, NETWORK];

/** The peer at the best of its settings; its failures count as −∞. */
export async function runPeer(peer: Peer, { X, y, fresh, truth }: Problem): Promise<PeerResult | undefined> {
  if (X.rows * X.columns > (peer.largest ?? Number.POSITIVE_INFINITY)) return undefined;
  const train = await peer.load();
  if (!train) return undefined;
  const scale = standardizer(X, y);
  const run = async (rows: ArrayLike<number>, setting: number, on: Rows): Promise<number[]> => {
    const response = Array.from(rows, (i) => (y[i] - scale.mean) / scale.sd);
    const predict = await train(scale.rows(X, rows), response, setting);
    const all = Array.from({ length: on.rows }, (_, i) => i);
    return Array.from(predict(scale.rows(on, all)), (v) => scale.mean + scale.sd * v);
  };
  const { train: kept, test } = splitRows(X.rows, HELD_OUT, 0);
  const target = Float64Array.from(test, (i) => y[i]);
  const held = { ...X, data: take(X, test), rows: test.length };
  let best = { r2: Number.NEGATIVE_INFINITY, setting: peer.settings(X.columns)[0] };
  const search = await secondsOf(async () => {
    for (const setting of peer.settings(X.columns)) {
      const r2 = quality(await run(kept, setting, held), target);
      if (r2 > best.r2) best = { r2, setting };
    }
  });
  let predicted: number[] = [];
  const one = await secondsOf(async () => {
    predicted = await run(
      Array.from({ length: X.rows }, (_, i) => i),
      best.setting,
      fresh,
    );
  });
  return { r2: quality(predicted, truth), fit: one, search, setting: peer.describe(best.setting) };
}

const quality = (predicted: readonly number[], truth: Float64Array): number =>
  predicted.every(Number.isFinite) ? rSquared(predicted, truth) : Number.NEGATIVE_INFINITY;

const take = ({ data, columns }: Rows, rows: ArrayLike<number>): Float64Array => {
  const out = new Float64Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) out.set(data.subarray(rows[i] * columns, (rows[i] + 1) * columns), i * columns);
  return out;
};

function standardizer({ data, rows: n, columns: d }: Rows, y: Float64Array) {
  const moments = (values: ArrayLike<number>) => {
    const all = Array.from(values);
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    return { mean, sd: Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length) || 1 };
  };
  const columns = Array.from({ length: d }, (_, j) => moments(Array.from({ length: n }, (_, i) => data[i * d + j])));
  return {
    ...moments(y),
    rows: (from: Rows, rows: ArrayLike<number>): number[][] =>
      Array.from(rows, (i) => columns.map(({ mean, sd }, j) => (from.data[i * d + j] - mean) / sd)),
  };
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
