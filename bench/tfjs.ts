/**
 * The matrix products of one iteration with TensorFlow.js on its WebAssembly backend, in single precision and one thread. Its
 * features are given: it forms none. Absent without `npm install --prefix bench/peers`.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Iteration, indices, solve } from "./naive.js";
import { PENALTY, type Problem, type Size } from "./problem.js";

interface Tensor {
  dataSync(): Float32Array;
  dispose(): void;
}
interface Tensors {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tidy<T>(work: () => T): T;
  tensor2d(values: Float32Array, shape: [number, number]): Tensor;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor): Tensor;
  sum(a: Tensor): Tensor;
}

/** @returns an iteration, or undefined where the packages are not installed */
export async function tfjsIteration(
  { n, d, r, degree }: Size,
  { X, y, W }: Problem,
): Promise<(() => Iteration) | undefined> {
  const load = createRequire(fileURLToPath(new URL("peers/package.json", import.meta.url)));
  let tf: Tensors;
  try {
    tf = load("@tensorflow/tfjs-core");
    const backend = load("@tensorflow/tfjs-backend-wasm");
    backend.setWasmPaths(`${dirname(load.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
    backend.setThreadsCount(1);
  } catch {
    return undefined;
  }
  await tf.setBackend("wasm");
  await tf.ready();
  const beta = indices(r, degree);
  const p = beta.length;
  const inner = beta.filter((b) => b.reduce((s, v) => s + v, 0) < degree);
  const place = new Map(beta.map((b, j) => [b.join(), j]));
  const up = inner.map((b) => b.map((_, k) => place.get(b.map((v, l) => (l === k ? v + 1 : v)).join()) as number));
  const phi = featuresOf(X, W, n, d, r, degree, beta);
  const q = inner.length;
  const low = Float32Array.from({ length: n * q }, (_, at) => phi[Math.floor(at / q) * p + (at % q)]);
  const [x, w, response] = [
    tf.tensor2d(Float32Array.from(X), [n, d]),
    tf.tensor2d(Float32Array.from(W), [d, r]),
    tf.tensor2d(Float32Array.from(y), [n, 1]),
  ];
  const [all, lower] = [tf.tensor2d(phi, [n, p]), tf.tensor2d(low, [n, q])];
  return () =>
    tf.tidy(() => {
      tf.matMul(x, w);
      const gram = Float64Array.from(tf.matMul(all, all, true, false).dataSync(), (v) => v / n);
      const c = Float64Array.from(tf.matMul(all, response, true, false).dataSync(), (v) => v / n);
      for (let j = 0; j < p; j++) gram[j * p + j] += PENALTY;
      solve(gram, c, p);
      const slopes = inner.flatMap((b, j) => b.map((v, k) => Math.sqrt(v + 1) * c[up[j][k]]));
      const f = tf.matMul(all, tf.tensor2d(Float32Array.from(c), [p, 1]));
      const g = tf.matMul(lower, tf.tensor2d(Float32Array.from(slopes), [q, r]));
      const residual = tf.sub(response, f);
      const gradient = tf.matMul(x, tf.mul(residual, g), true, false).dataSync();
      const square = tf.sum(tf.mul(residual, residual)).dataSync()[0];
      const size = c.reduce((s, v) => s + v * v, 0);
      return { loss: square / (2 * n) + (PENALTY / 2) * size, gradient: Float64Array.from(gradient, (v) => -v / n) };
    });
}

function featuresOf(
  X: Float64Array,
  W: Float64Array,
  n: number,
  d: number,
  r: number,
  degree: number,
  beta: readonly (readonly number[])[],
): Float32Array {
  const out = new Float32Array(n * beta.length);
  const h = Array.from({ length: r }, () => new Float64Array(degree + 2));
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < r; k++) {
      let z = 0;
      for (let j = 0; j < d; j++) z += X[i * d + j] * W[j * r + k];
      h[k][0] = 1;
      h[k][1] = z;
      for (let m = 1; m < degree; m++) h[k][m + 1] = (z * h[k][m] - Math.sqrt(m) * h[k][m - 1]) / Math.sqrt(m + 1);
    }
    for (const [j, b] of beta.entries()) {
      out[i * beta.length + j] = b.reduce((product, v, k) => product * h[k][v], 1);
    }
  }
  return out;
}
