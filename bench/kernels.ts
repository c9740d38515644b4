/** GFLOP/s of each block operation on both kernels, data in cache, CPU time of one thread. */
import { readFileSync } from "node:fs";
import { BLOCK_ROWS as B, type KernelOps } from "../src/kernel/ops.js";
import { createReferenceMachine, type Machine } from "../src/kernel/tenancy.js";
import { createWasmMachine } from "../src/kernel/wasm.js";

export interface KernelTiming {
  readonly name: string;
  /** Billions of additions and multiplications per second of CPU time; the best of the runs. */
  readonly wasm: number;
  readonly reference: number;
}

interface Case {
  readonly name: string;
  /** Floating-point operations of one call. */
  readonly flops: number;
  /** Lengths of its arrays in doubles. */
  readonly arrays: readonly number[];
  /** Prepares what random numbers cannot be, such as tables of indices. */
  prepare?(machine: Machine, at: readonly number[]): unknown;
  call(ops: KernelOps, at: readonly number[]): void;
}

const D = 100;

function project(r: number): Case {
  return {
    name: `project d=${D} r=${r}`,
    flops: 2 * B * D * r,
    arrays: [B * D, D * r, B * r],
    call: (ops, [x, w, z]) => ops.project(x, D, r, w, z),
  };
}

function accumulateTransposed(r: number): Case {
  return {
    name: `accumulateTransposed d=${D} r=${r}`,
    flops: 2 * B * D * r,
    arrays: [B * D, B * r, D * r],
    call: (ops, [x, c, out]) => ops.accumulateTransposed(x, D, r, c, out),
  };
}

function gram(p: number): Case {
  return {
    name: `accumulateGram p=${p}`,
    flops: B * p * (p + 1),
    arrays: [B * p, (p * (p + 1)) / 2],
    call: (ops, [phi, g]) => ops.accumulateGram(phi, p, g),
  };
}

/** Rows in groups of four against column pairs, every group as wide as the other. */
function products(groups: number, pairs: number): Case {
  return {
    name: `accumulateProducts ${4 * groups} × ${2 * pairs}`,
    flops: 2 * B * 8 * groups * pairs,
    arrays: [B * 4 * groups, B * 2 * pairs, groups, 8 * groups * pairs],
    prepare: ({ i32 }, at) => i32.fill(pairs, at[2] / 4, at[2] / 4 + groups),
    call: (ops, [a, b, widths, out]) => ops.accumulateProducts(a, groups, b, widths, out),
  };
}

function fields(r: number, p: number, prefix: number): Case {
  return {
    name: `fields r=${r} p=${p}`,
    flops: 2 * B * (p + prefix * r),
    arrays: [B * p, p, prefix * r, B * (1 + r)],
    call: (ops, [phi, c, ck, out]) => ops.fields(phi, p, c, prefix, r, ck, out),
  };
}

function features(r: number, degree: number, p: number): Case {
  return {
    name: `features r=${r} degree=${degree} p=${p}`,
    flops: B * (p + 4 * r * Math.max(0, degree - 1)),
    arrays: [B * r, B, p, r * (degree + 1) * B, B * p],
    prepare: ({ i32 }, at) => {
      for (let j = 1; j < p; j++) {
        i32[at[2] / 4 + 2 * j] = j >> 1;
        i32[at[2] / 4 + 2 * j + 1] = j % (r * (degree + 1));
      }
    },
    call: (ops, [z, scale, table, h, phi]) => ops.features(z, r, degree, scale, table, p, h, phi),
  };
}

function factor(p: number): Case {
  const packed = (p * (p + 1)) / 2;
  return {
    name: `choleskyFactor p=${p}`,
    flops: p ** 3 / 3,
    arrays: [packed],
    prepare: ({ f64 }, at) => {
      f64.fill(0, at[0] / 8, at[0] / 8 + packed);
      for (let j = 0; j < p; j++) f64[at[0] / 8 + (j * (j + 3)) / 2] = 1;
    },
    call: (ops, [g]) => {
      ops.choleskyFactor(g, p, 0);
    },
  };
}

/** Responses of step t along 96 paths; complex ones carry four numbers where real ones carry one. */
function responses(t: number, complex: boolean): Case {
  const rows = (t + 1) * B;
  const stride = t + 1;
  return {
    name: `${complex ? "complexPathResponses" : "pathResponses"} t=${t}`,
    flops: B * t * (t + 1) * (complex ? 4 : 1),
    arrays: [rows, complex ? rows : 0, complex ? rows : 0, stride * stride, stride, B, B, 16 * (t + 2), t + 2],
    prepare: ({ f64 }, [a, , , r]) => {
      // Responses of ordinary size: products of small numbers would run out of exponents over forty steps.
      f64.fill(0.5, a / 8, a / 8 + rows);
      f64.fill(-0.2, r / 8, r / 8 + stride * stride);
    },
    call: (ops, [a, re, im, r, still, slope, tail, scratch, sums]) => {
      if (complex) ops.complexPathResponses(a, re, im, t, r, stride, still, slope, tail, scratch, sums);
      else ops.pathResponses(a, t, r, stride, still, slope, tail, scratch, sums);
    },
  };
}

/** 0.1 off the diagonal, 1 on it: reflectors of ordinary size. */
function tridiagonal(n: number): Case {
  const packed = (n * (n + 1)) / 2;
  return {
    name: `tridiagonalize n=${n}`,
    flops: (4 * n ** 3) / 3,
    arrays: [packed, n, n, n, 4 * n, packed],
    prepare: ({ f64 }, at) => {
      f64.fill(0.1, at[5] / 8, at[5] / 8 + packed);
      for (let j = 0; j < n; j++) f64[at[5] / 8 + (j * (j + 3)) / 2] = 1 + ((j * 7919) % 1009) / 1e3;
    },
    call: (ops, [a, b, diagonal, beside, work, fresh]) => {
      ops.axpy(-1, a, a, packed);
      ops.axpy(1, fresh, a, packed);
      ops.tridiagonalize(a, n, b, diagonal, beside, work);
    },
  };
}

const CASES: readonly Case[] = [
  project(1),
  project(2),
  project(3),
  project(4),
  project(6),
  accumulateTransposed(1),
  accumulateTransposed(2),
  accumulateTransposed(3),
  accumulateTransposed(4),
  gram(28),
  gram(60),
  gram(210),
  products(6, 12),
  fields(2, 28, 21),
  fields(3, 56, 35),
  features(2, 6, 28),
  features(3, 5, 56),
  factor(60),
  factor(462),
  tridiagonal(70),
  tridiagonal(252),
  responses(40, false),
  responses(40, true),
  {
    name: `secondMoment d=${D}`,
    flops: B * D * D,
    arrays: [B * D, B, B * D, D * D],
    call: (ops, [x, weights, scratch, out]) => ops.secondMoment(x, D, weights, scratch, out),
  },
  {
    name: `standardize d=${D}`,
    flops: 2 * B * D,
    arrays: [B * D, B * D, D, D],
    call: (ops, [src, dst, center, scale]) => ops.standardize(src, dst, B, D, D, center, scale),
  },
  {
    name: "dot n=1000",
    flops: 2000,
    arrays: [1000, 1000],
    call: (ops, [a, b]) => {
      ops.dot(a, b, 1000);
    },
  },
];

/** Best rate of `runs` runs of about `milliseconds` each. */
function rate(machine: Machine, { flops, arrays, prepare, call }: Case, runs: number, milliseconds: number): number {
  machine.reserve(8 * arrays.reduce((sum, length) => sum + length + 8, 0));
  const at: number[] = [];
  let next = machine.base;
  for (const length of arrays) {
    at.push(next);
    // Small values: sums that grow over millions of calls stay ordinary numbers.
    for (let i = 0; i < length; i++) machine.f64[next / 8 + i] = ((i * 7919) % 1009) / 1e6;
    next += 8 * (length + (length & 1)) + 64 - ((8 * (length + (length & 1))) % 64);
  }
  prepare?.(machine, at);
  const time = (calls: number): number => {
    const before = process.cpuUsage();
    for (let i = 0; i < calls; i++) call(machine.ops, at);
    const { user, system } = process.cpuUsage(before);
    return Math.max(1, user + system);
  };
  let calls = 1;
  while (time(calls) < 1000 * milliseconds) calls *= 2;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) best = Math.min(best, time(calls));
  return (flops * calls) / best / 1000;
}

/**
 * Times every operation.
 * @param filter - part of the names wanted
 */
export function benchKernels(filter = "", runs = 7, milliseconds = 15): KernelTiming[] {
  const module = new WebAssembly.Module(readFileSync(new URL("../build/leapflow.wasm", import.meta.url)));
  const machines = [createWasmMachine({ module, bytes: 2 ** 23 }), createReferenceMachine()];
  return CASES.filter(({ name }) => name.includes(filter)).map((item) => {
    const [wasm, reference] = machines.map((machine) => rate(machine, item, runs, milliseconds));
    return { name: item.name, wasm, reference };
  });
}
