/** Runs one operation on both machines with red zones around every array, and compares bits. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { KernelOps } from "../../src/kernel/ops.js";
import { createReferenceMachine, type Machine } from "../../src/kernel/tenancy.js";
import { createWasmMachine } from "../../src/kernel/wasm.js";

export const wasmModule = new WebAssembly.Module(readFileSync(new URL("../../build/leapflow.wasm", import.meta.url)));

export type Numbers = Float64Array | Int32Array;
export type Arrays = Record<string, Numbers>;
export type Call<A extends Arrays> = (ops: KernelOps, at: { readonly [name in keyof A]: number }) => number | undefined;

/** A NaN with this payload fills the gaps: reading one spoils a result, writing one is seen. */
const MARKER = 0x7ff4dead_beefcafen;
const GAP_WORDS = 6;

const machines = { reference: createReferenceMachine(), wasm: createWasmMachine({ module: wasmModule }) };

interface Outcome<A> {
  readonly arrays: { readonly [name in keyof A]: Float64Array };
  readonly result: number | undefined;
}

let turn = 0;

/**
 * Lays `arrays` out in a machine, 16-byte aligned with marked gaps, calls, and checks that gaps and all arrays not in
 * `writes` are as before. The last array ends where memory ends, so that reading past it traps; each takes its turn there.
 */
export function runOn<A extends Arrays>(
  machine: Machine,
  arrays: A,
  writes: readonly (keyof A)[],
  call: Call<A>,
): Outcome<A> {
  const names = Object.keys(arrays) as (keyof A)[];
  names.push(...names.splice(0, turn++ % names.length));
  const wordsOf = (name: keyof A): number => Math.ceil(arrays[name].byteLength / 8);
  const even = (words: number): number => words + (words & 1);
  const total = names.reduce((sum, name) => sum + GAP_WORDS + even(wordsOf(name)), 0);
  machine.reserve(total * 8);
  const first = machine.f64.length - total;
  const words = new BigInt64Array(machine.f64.buffer as ArrayBuffer, first * 8, total);
  words.fill(MARKER);
  const at = {} as { [name in keyof A]: number };
  let next = 0;
  for (const name of names) {
    next += GAP_WORDS;
    at[name] = (first + next) * 8;
    if (arrays[name] instanceof Int32Array) machine.i32.set(arrays[name], at[name] / 4);
    else machine.f64.set(arrays[name], first + next);
    next += even(wordsOf(name));
  }
  const before = words.slice();
  const result = call(machine.ops, at);
  const after = new BigInt64Array(machine.f64.buffer as ArrayBuffer, first * 8, total);
  const writable = new Uint8Array(total);
  for (const name of writes) writable.fill(1, at[name] / 8 - first, at[name] / 8 - first + wordsOf(name));
  for (let i = 0; i < total; i++) {
    if (writable[i] === 0 && after[i] !== before[i]) {
      throw new Error(`${machine.name} wrote word ${i}, outside ${writes.join(", ")}`);
    }
  }
  const copies = {} as { [name in keyof A]: Float64Array };
  for (const name of names) copies[name] = machine.f64.slice(at[name] / 8, at[name] / 8 + wordsOf(name));
  return { arrays: copies, result };
}

/** First index at which two arrays differ in bits (any NaN equals any NaN), or −1. */
export function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return i;
  return -1;
}

/**
 * Calls an operation on both machines and requires the same bits in everything written and returned.
 * @param meaningful - which entries of a written array count; all by default
 * @returns what the reference wrote
 */
export function onBoth<A extends Arrays>(
  arrays: A,
  writes: readonly (keyof A)[],
  call: Call<A>,
  meaningful: (name: keyof A, index: number) => boolean = () => true,
): Outcome<A> {
  const reference = runOn(machines.reference, arrays, writes, call);
  const wasm = runOn(machines.wasm, arrays, writes, call);
  expect(Object.is(wasm.result, reference.result), `returned ${wasm.result} and ${reference.result}`).toBe(true);
  for (const name of writes) {
    const keep = (values: Float64Array): Float64Array => values.filter((_, i) => meaningful(name, i));
    const [a, b] = [keep(wasm.arrays[name]), keep(reference.arrays[name])];
    const index = firstDifference(a, b);
    if (index >= 0) throw new Error(`${String(name)}[${index}]: wasm ${a[index]}, reference ${b[index]}`);
  }
  return reference;
}

/** Seeded numbers for tests (mulberry32). */
export function numbers(seed: number) {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  /** In (−2, 2), full mantissas. */
  const value = (): number => 4 * (uniform() + uniform() / 2 ** 32) - 2;
  return { uniform, value, array: (length: number) => Float64Array.from({ length }, value) };
}

/** Requires |actual − expected| ≤ 30·ε·scale: `scale` is the sum of the absolute values of the terms. */
export function expectClose(actual: number, expected: number, scale: number, what: string): void {
  const error = Math.abs(actual - expected);
  if (!(error <= 30 * Number.EPSILON * (scale + Number.MIN_VALUE))) {
    throw new Error(`${what}: ${actual}, expected ${expected}, off by ${error} at scale ${scale}`);
  }
}

/** Requires the same bits; cheaper than `expect` for tens of thousands of entries. */
export function expectSame(actual: number, expected: number, what: string): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: ${actual}, expected ${expected}`);
}
