/** Parts of a problem that are served in this machine. */
import type { RunControl } from "../base/control.js";
import type { DenseRows } from "../base/types.js";
import { type Opening, reserve } from "./parts.js";
import { PASSES, type PassAnswer, type PassArguments, type PassName, runPass } from "./passes.js";
import { Points } from "./points.js";

/** Serves a run of parts in this machine: the other end of a `PartServer`, without its transport. */
export class PartHost {
  readonly #points: Points;

  private constructor(points: Points) {
    this.#points = points;
  }

  /**
   * @param rows - of these parts only
   * @throws {MemoryError} `TOO_LARGE`, `OUT_OF_MEMORY`; @throws {KernelError} `UNAVAILABLE`, `ABI`
   */
  static async open(opening: Opening, rows: DenseRows, control: RunControl): Promise<PartHost> {
    const { tenant, layout } = await reserve(opening);
    return new PartHost(new Points(tenant, layout, rows, control, opening, false));
  }

  async call(name: PassName, args: readonly unknown[]): Promise<PassAnswer> {
    if (!Object.hasOwn(PASSES, name)) throw new TypeError(`there is no pass called ${String(name)}`);
    const results = await runPass(this.#points, name, args as PassArguments);
    return { nodes: this.#points.takeNodes(), results: results ?? undefined };
  }

  close(): void {
    this.#points.dispose();
  }
}
