/** Named slots of one claim on kernel memory, and passes over row blocks that give way to the event loop. */
import type { RunControl } from "../base/control.js";
import type { KernelChoice, KernelReport } from "../base/types.js";
import { acquireTenant, type Machine, type Tenant } from "./machine.js";
import { type Address, BLOCK_ROWS } from "./ops.js";
import { assertFits } from "./shape.js";

const F64 = 8;
const ALIGN = 64;
const LIMIT_BYTES = 2 ** 32 - 2 ** 20;
/** Work between two looks at the abort signal: a few milliseconds of the slower kernel. */
const FLOPS_PER_BREATH = 4e6;

/**
 * One reservation of named arrays. Addresses and views are good until the next `await`, when another tenant may take the
 * machine. After `dispose` everything throws KernelError `DISPOSED`.
 */
export class Arena<S extends string> {
  readonly #tenant: Tenant;
  readonly #slots: Readonly<Record<S, number>>;
  readonly #doubles: Readonly<Record<S, number>>;
  readonly #control: RunControl;
  #spent = 0;

  private constructor(tenant: Tenant, slots: Record<S, number>, doubles: Record<S, number>, control: RunControl) {
    this.#tenant = tenant;
    this.#slots = slots;
    this.#doubles = doubles;
    this.#control = control;
  }

  /**
   * Reserves `doubles[name]` numbers per slot; they start as zeros.
   * @throws {MemoryError} `TOO_LARGE` before anything is allocated, `OUT_OF_MEMORY` if the machine has less
   */
  static async create<S extends string>(
    doubles: Record<S, number>,
    choice: KernelChoice,
    control: RunControl,
  ): Promise<Arena<S>> {
    const slots = {} as Record<S, number>;
    let bytes = 0;
    for (const name of Object.keys(doubles) as S[]) {
      slots[name] = bytes;
      bytes += Math.ceil((doubles[name] * F64) / ALIGN) * ALIGN;
    }
    assertFits(bytes, LIMIT_BYTES);
    return new Arena(await acquireTenant(choice, bytes), slots, doubles, control);
  }

  get report(): KernelReport {
    return { ...this.#tenant.report, threads: 1 };
  }

  dispose(): void {
    this.#tenant.release();
  }

  /** The machine with this arena in place; call it again after every `await`. */
  enter(): Machine {
    return this.#tenant.enter();
  }

  /** Address of number `offset` of a slot. */
  at(m: Machine, slot: S, offset = 0): Address {
    return m.base + this.#slots[slot] + offset * F64;
  }

  /** A slot, or `length` numbers of it from `offset` on. */
  view(m: Machine, slot: S, length = this.#doubles[slot], offset = 0): Float64Array {
    const first = this.at(m, slot, offset) / F64;
    return m.f64.subarray(first, first + length);
  }

  /** Runs `visit` over blocks, giving way to the event loop (and to other fits) after every few milliseconds of work. */
  async pass(blocks: number, flopsPerBlock: number, visit: (m: Machine, block: number) => void): Promise<void> {
    let m = this.enter();
    for (let b = 0; b < blocks; b++) {
      visit(m, b);
      this.#spent += flopsPerBlock;
      if (this.#spent < FLOPS_PER_BREATH) continue;
      this.#spent = 0;
      await this.#control.breathe();
      m = this.enter();
    }
  }
}

/** Writes a k×r row-major matrix to a paired array of `stride` rows (columns of X rounded up to even). */
export function writePaired(matrix: Float64Array, k: number, r: number, paired: Float64Array): void {
  paired.fill(0);
  for (let j = 0; j < k; j++) {
    for (let l = 0; l < r; l++) paired[(j >> 1) * 2 * r + 2 * l + (j & 1)] = matrix[j * r + l];
  }
}

/** Adds a paired array to a k×r row-major matrix. */
export function addPaired(paired: Float64Array, k: number, r: number, matrix: Float64Array): void {
  for (let j = 0; j < k; j++) {
    for (let l = 0; l < r; l++) matrix[j * r + l] += paired[(j >> 1) * 2 * r + 2 * l + (j & 1)];
  }
}

/** Copies rows of a row-major matrix (those listed, or from `first` on) to an x block; rows and columns beyond are 0. */
export function fillBlock(
  block: Float64Array,
  stride: number,
  x: Float64Array,
  k: number,
  first: number,
  rows: number,
  subset?: Int32Array,
): void {
  for (let i = 0; i < rows; i++) {
    const row = subset === undefined ? first + i : subset[first + i];
    block.set(x.subarray(row * k, (row + 1) * k), i * stride);
    if (stride > k) block[i * stride + k] = 0;
  }
  block.fill(0, rows * stride, BLOCK_ROWS * stride);
}
