/** Sample paths of a mean-field process in a kernel's memory: normals, gradients and curvatures, one step at a time. */
import type { RunControl } from "../base/control.js";
import { MemoryError } from "../base/errors.js";
import type { KernelChoice, KernelReport } from "../base/types.js";
import { acquireTenant, type Machine, type Tenant } from "./machine.js";
import { type Address, BLOCK_ROWS } from "./ops.js";

const B = BLOCK_ROWS;
const ROW = B * 8;
const LIMIT_BYTES = 2 ** 32 - 2 ** 20;
/** Work between two looks at the abort signal, in multiply-adds. */
const WORK_PER_BREATH = 1.5e7;

export interface PathShape {
  readonly paths: number;
  readonly steps: number;
  readonly complex: boolean;
}

/** Rows with one number per path. */
export type PathSlot = "y" | "slope" | "tail" | "z" | "still";

/** Coefficients of step t; all are read only. */
export interface StepCoefficients {
  /** m(t). */
  readonly overlap: number;
  /** Row t of the factor of the fields' covariance, t + 1 numbers. */
  readonly factor: Float64Array;
  /** R(t, static)/δ, R(t, 0)/δ, …, R(t, t−1)/δ. */
  readonly memory: Float64Array;
}

/** Means over the paths at step t. */
export interface StepMeans {
  /** E[z g]. */
  readonly signal: number;
  /** E[g^t g^s], s = static, 0…t; complex: real parts of E[g^t conj g^s]. */
  readonly products: Float64Array;
  /** Γ(t, s), s = 0…t. */
  readonly responses: Float64Array;
  readonly loss: number;
}

/**
 * One block of a loss that the kernel does not know: fills `gradient` (B, complex 2B) and `curvature` (B; complex 3B: f1,
 * then f2) from ξ = u + shift (B, complex 2B: real parts first) and y; returns Σ l. Paths from `rows` on are padding: 0.
 */
export type BlockLoss = (
  u: Float64Array,
  shift: Float64Array,
  y: Float64Array,
  gradient: Float64Array,
  curvature: Float64Array,
  rows: number,
) => number;

/** How a step computes gradients: the kernel's rational loss (its parameter; 0 is plain Wirtinger), or a callback. */
export type PathLoss = { readonly rational: number } | { readonly block: BlockLoss };

/**
 * N paths in blocks of 96; a block holds its rows of all steps, about 3·steps doubles a path (complex: 7). The normals stay
 * the same for all steps, as the equations demand. Nothing is kept for responses: they are taken backwards in time from the
 * curvatures.
 *
 * Passes give way to the event loop between blocks. After `dispose` everything throws KernelError `DISPOSED`.
 */
export class PathWorkspace {
  readonly #shape: PathShape;
  readonly #tenant: Tenant;
  readonly #control: RunControl;
  readonly #layout: Layout;
  readonly #blocks: number;

  private constructor(shape: PathShape, tenant: Tenant, control: RunControl, layout: Layout) {
    this.#shape = shape;
    this.#tenant = tenant;
    this.#control = control;
    this.#layout = layout;
    this.#blocks = Math.ceil(shape.paths / B);
  }

  /**
   * Reserves the memory of all paths.
   * @throws {MemoryError} `TOO_LARGE` with the bytes wanted and allowed, `OUT_OF_MEMORY` if the machine has less
   * @throws {KernelError} `UNAVAILABLE`
   */
  static async create(shape: PathShape, choice: KernelChoice, control: RunControl): Promise<PathWorkspace> {
    const layout = layoutOf(shape);
    const bytes = layout.head + Math.ceil(shape.paths / B) * layout.blockBytes;
    if (!(bytes <= LIMIT_BYTES)) {
      const message = `${shape.paths} paths of ${shape.steps} steps need ${bytes} bytes; at most ${LIMIT_BYTES} are allowed. Use fewer paths with more replicates, or fewer steps.`;
      throw new MemoryError("TOO_LARGE", message, { details: { bytesWanted: bytes, bytesAllowed: LIMIT_BYTES } });
    }
    return new PathWorkspace(shape, await acquireTenant(choice, bytes), control, layout);
  }

  get report(): KernelReport {
    return { ...this.#tenant.report, threads: 1 };
  }

  dispose(): void {
    this.#tenant.release();
  }

  /** Sets one number per path; `still` is the gradient of the static time, complex ones with no imaginary part. */
  set(slot: PathSlot, values: Float64Array): void {
    const { gradients, apart } = this.#layout;
    if (slot !== "still") {
      this.#fill(this.#layout[slot], values);
      return;
    }
    this.#fill(gradients, values);
    if (this.#shape.complex) this.#fill(gradients + apart, new Float64Array(values.length));
  }

  /** Sets the normals of step t; part 1 are imaginary parts. */
  setNormals(t: number, part: 0 | 1, values: Float64Array): void {
    this.#fill((part === 0 ? this.#layout.normals : this.#layout.imaginary) + t * ROW, values);
  }

  /** Writes one number per path to a row of all blocks; rows beyond the last path are 0. */
  #fill(row: number, values: Float64Array): void {
    const machine = this.#tenant.enter();
    const { f64 } = machine;
    for (let b = 0; b < this.#blocks; b++) {
      const at = (this.#block(machine, b) + row) / 8;
      const part = values.subarray(b * B, (b + 1) * B);
      f64.set(part, at);
      if (part.length < B) f64.fill(0, at + part.length, at + B);
    }
  }

  #block(machine: Machine, b: number): Address {
    return machine.base + this.#layout.head + b * this.#layout.blockBytes;
  }

  /**
   * Step t of all paths: fields u = m·z + factor·normals, ξ = u + Σ memory·g, gradients, curvatures, and the means that the
   * equations ask for. Steps are taken in order from 0.
   *
   * @param scaleStill - at t = 0 the static gradient becomes tail·u
   * Cost: N·t²/2 multiply-adds for the responses (complex: 4 times as many), 2N·t for the rest.
   */
  async step(t: number, coefficients: StepCoefficients, loss: PathLoss, scaleStill: boolean): Promise<StepMeans> {
    const { paths, complex } = this.#shape;
    this.#writeCoefficients(t, coefficients);
    let sum = 0;
    let signal = 0;
    let machine = this.#tenant.enter();
    const work = B * (t + 2) * (0.5 * t + 8) * (complex ? 4 : 1);
    const stretch = Math.max(1, Math.floor(WORK_PER_BREATH / work));
    for (let b = 0; b < this.#blocks; b++) {
      if (b % stretch === 0 && b > 0) {
        await this.#control.breathe();
        machine = this.#tenant.enter();
      }
      const at = this.#block(machine, b);
      this.#fields(machine, at, t, scaleStill && t === 0);
      sum += this.#gradients(machine, at, t, loss, Math.min(paths - b * B, B));
      signal += machine.ops.dot(at + this.#layout.z, at + this.#layout.gradients + (t + 1) * ROW, B);
      this.#accumulate(machine, at, t);
    }
    const { f64, base } = machine;
    const mean = (offset: number, count: number): Float64Array =>
      f64.slice((base + offset) / 8, (base + offset) / 8 + count).map((v) => v / paths);
    return {
      signal: signal / paths,
      loss: sum / paths,
      products: mean(this.#layout.products, t + 2),
      responses: mean(this.#layout.responses, t + 1),
    };
  }

  #writeCoefficients(t: number, { overlap, factor, memory }: StepCoefficients): void {
    const { f64, base } = this.#tenant.enter();
    const layout = this.#layout;
    const at = (offset: number): number => (base + offset) / 8;
    const stride = this.#shape.steps + 1;
    f64[at(layout.factor)] = overlap;
    f64.set(factor.subarray(0, t + 1), at(layout.factor) + 1);
    f64.set(memory.subarray(0, t + 1), at(layout.memory));
    f64[at(layout.still) + t] = memory[0];
    for (let s = 0; s < t; s++) f64[at(layout.columns) + s * stride + t] = memory[1 + s];
    f64.fill(0, at(layout.products), at(layout.products) + t + 2);
    f64.fill(0, at(layout.responses), at(layout.responses) + t + 1);
  }

  #fields({ ops, base }: Machine, at: Address, t: number, scaleStill: boolean): void {
    const layout = this.#layout;
    const [u, shift, factor, memory] = [layout.u, layout.shift, layout.factor, layout.memory].map((o) => base + o);
    const parts = this.#shape.complex ? 2 : 1;
    ops.fields(at + layout.z, t + 2, factor, 0, 0, base, u);
    if (parts === 2) ops.fields(at + layout.imaginary, t + 1, factor + 8, 0, 0, base, u + ROW);
    for (let part = 0; part < parts; part++) {
      const gradients = at + layout.gradients + part * layout.apart;
      if (scaleStill) ops.scaleFields(at + layout.tail, u + part * ROW, 1, gradients);
      ops.fields(gradients, t + 1, memory, 0, 0, base, shift + part * ROW);
    }
  }

  #gradients(machine: Machine, at: Address, t: number, loss: PathLoss, rows: number): number {
    const layout = this.#layout;
    const { complex } = this.#shape;
    const [u, shift, y] = [machine.base + layout.u, machine.base + layout.shift, at + layout.y];
    const g = at + layout.gradients + (t + 1) * ROW;
    const a = at + layout.curvatures + t * ROW;
    const { apart } = layout;
    if ("rational" in loss) {
      if (!complex) return machine.ops.pathGradients(u, shift, y, loss.rational, g, a);
      return machine.ops.complexPathGradients(u, shift, y, loss.rational, g, apart, a, a + apart, a + 2 * apart);
    }
    const { f64 } = machine;
    const view = (from: Address, rowsOfView: number): Float64Array => f64.subarray(from / 8, from / 8 + rowsOfView * B);
    const width = complex ? 2 : 1;
    if (!complex) return loss.block(view(u, 1), view(shift, 1), view(y, 1), view(g, 1), view(a, 1), rows);
    const [gradient, curvature] = [new Float64Array(2 * B), new Float64Array(3 * B)];
    const sum = loss.block(view(u, width), view(shift, width), view(y, 1), gradient, curvature, rows);
    for (let part = 0; part < 2; part++) f64.set(gradient.subarray(part * B, (part + 1) * B), (g + part * apart) / 8);
    for (let part = 0; part < 3; part++) f64.set(curvature.subarray(part * B, (part + 1) * B), (a + part * apart) / 8);
    return sum;
  }

  #accumulate({ ops, base }: Machine, at: Address, t: number): void {
    const layout = this.#layout;
    const { apart } = layout;
    const g = at + layout.gradients;
    const a = at + layout.curvatures;
    const newest = g + (t + 1) * ROW;
    ops.accumulateMoment(g, t + 2, newest, base + layout.products);
    if (this.#shape.complex) ops.accumulateMoment(g + apart, t + 2, newest + apart, base + layout.products);
    const [columns, still, scratch, sums] = [layout.columns, layout.still, layout.scratch, layout.responses].map(
      (o) => base + o,
    );
    const stride = this.#shape.steps + 1;
    const [slope, tail] = [at + layout.slope, at + layout.tail];
    if (this.#shape.complex) {
      const [re, im] = [a + apart, a + 2 * apart];
      ops.complexPathResponses(a, re, im, t, columns, stride, still, slope, tail, scratch, sums);
    } else {
      ops.pathResponses(a, t, columns, stride, still, slope, tail, scratch, sums);
    }
  }
}

/** Byte offsets: those of the head are from the machine's base, those of rows from a block's start. */
interface Layout {
  readonly head: number;
  readonly blockBytes: number;
  /** Fields and memory terms of the block at hand; imaginary parts follow. */
  readonly u: number;
  readonly shift: number;
  /** m(t), then row t of the factor. */
  readonly factor: number;
  readonly memory: number;
  /** R(r, s)/δ at s·(steps + 1) + r. */
  readonly columns: number;
  /** R(r, static)/δ. */
  readonly still: number;
  readonly products: number;
  readonly responses: number;
  readonly scratch: number;
  readonly y: number;
  readonly slope: number;
  readonly tail: number;
  /** z, followed by the normals of all steps. */
  readonly z: number;
  readonly normals: number;
  readonly imaginary: number;
  /** g_static, g⁰…g^T; imaginary parts `apart` bytes further. */
  readonly gradients: number;
  /** l″, or f1 and, `apart` and 2·`apart` bytes further, f2. */
  readonly curvatures: number;
  readonly apart: number;
}

function layoutOf({ steps, complex }: PathShape): Layout {
  let next = 0;
  const take = (doubles: number): number => {
    const at = next;
    next += 8 * (doubles + (doubles & 1));
    return at;
  };
  const times = steps + 1;
  const head = {
    u: take(2 * B),
    shift: take(2 * B),
    factor: take(times + 1),
    memory: take(times + 1),
    columns: take(times * times),
    still: take(times),
    products: take(times + 1),
    responses: take(times),
    scratch: take(16 * (times + 1)),
  };
  const headBytes = Math.ceil(next / 64) * 64;
  next = 0;
  const block = {
    y: take(B),
    slope: take(B),
    tail: take(B),
    z: take(B),
    normals: take(times * B),
    imaginary: complex ? take(times * B) : 0,
    gradients: take((times + 1) * B * (complex ? 2 : 1)),
    curvatures: take((times + 1) * B * (complex ? 3 : 1)),
  };
  const apart = (times + 1) * ROW;
  return { ...head, ...block, apart, head: headBytes, blockBytes: Math.ceil(next / 64) * 64 };
}
