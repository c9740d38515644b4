/** The binary with fused operations: products with X by its own tiles stay inside their arrays and agree to rounding. */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { describe, expect, it } from "vitest";
import { BLOCK_ROWS as B, type KernelOps } from "../../src/kernel/ops.js";
import { createReferenceMachine } from "../../src/kernel/tenancy.js";
import { createWasmMachine } from "../../src/kernel/wasm.js";
import { expectClose, numbers, runOn } from "./harness.js";

// Node 20 has it behind a flag.
setFlagsFromString("--experimental-wasm-relaxed-simd");
const binary = readFileSync(new URL("../../build/leapflow.relaxed.wasm", import.meta.url));
const fused = createWasmMachine({ module: new WebAssembly.Module(binary) });
const reference = createReferenceMachine();

/** Every rank up to six, and every remainder of the tiles. */
const SHAPES = [1, 2, 3, 4, 5, 6].flatMap((r) => [2, 4, 6, 8, 10, 12, 46, 100].map((stride) => ({ r, stride })));
const paired = (j: number, k: number, r: number): number => (j >> 1) * 2 * r + 2 * k + (j & 1);

describe("relaxed SIMD", () => {
  it.each(SHAPES)("project, r $r, $stride columns", ({ r, stride }) => {
    const random = numbers(100 * r + stride);
    const arrays = { x: random.array(B * stride), w: random.array(stride * r), z: random.array(B * r) };
    const [a, b] = [fused, reference].map((machine) => {
      return runOn(machine, arrays, ["z"], (ops, at) => ops.project(at.x, stride, r, at.w, at.z) as undefined).arrays.z;
    });
    for (let k = 0; k < r; k++) {
      for (let i = 0; i < B; i++) {
        let size = 0;
        for (let j = 0; j < stride; j++) size += Math.abs(arrays.x[i * stride + j] * arrays.w[paired(j, k, r)]);
        expectClose(a[k * B + i], b[k * B + i], size, `z[${k}][${i}]`);
      }
    }
  });

  it.each(SHAPES)("accumulateTransposed, r $r, $stride columns", ({ r, stride }) => {
    const random = numbers(200 * r + stride);
    const arrays = { x: random.array(B * stride), c: random.array(B * r), out: random.array(stride * r) };
    const [a, b] = [fused, reference].map((machine) => {
      const call = (ops: KernelOps, at: { x: number; c: number; out: number }) =>
        ops.accumulateTransposed(at.x, stride, r, at.c, at.out) as undefined;
      return runOn(machine, arrays, ["out"], call).arrays.out;
    });
    for (let j = 0; j < stride; j++) {
      for (let k = 0; k < r; k++) {
        const entry = paired(j, k, r);
        let size = Math.abs(arrays.out[entry]);
        for (let i = 0; i < B; i++) size += Math.abs(arrays.x[i * stride + j] * arrays.c[k * B + i]);
        expectClose(a[entry], b[entry], size, `out(${j}, ${k})`);
        expect(b[entry]).not.toBe(arrays.out[entry]);
      }
    }
  });
});
