/** What places that serve rows need beside the passes themselves, which are loaded when the first parts are opened. */
import type { RunControl } from "../base/control.js";
import type { DenseRows } from "../base/types.js";
import type { PartHost } from "./partHost.js";
import { firstRow } from "./partition.js";
import type { Opening } from "./parts.js";
import type { PassArguments, PassName } from "./passes.js";

/**
 * Opens a run of parts in this machine.
 * @param rows - of these parts only
 * @throws {MemoryError} `TOO_LARGE`, `OUT_OF_MEMORY`; @throws {KernelError} `UNAVAILABLE`, `ABI`
 */
export async function openParts(opening: Opening, rows: DenseRows, control: RunControl): Promise<PartHost> {
  return (await import("./partHost.js")).PartHost.open(opening, rows, control);
}

/** The rows of a run of parts, without a copy. */
export function rowsOf(rows: DenseRows, { starts, first, last, shape }: Opening): DenseRows {
  const from = firstRow(starts, first, shape.samples);
  const to = firstRow(starts, last, shape.samples);
  const { columns } = rows;
  return { data: rows.data.subarray(from * columns, to * columns), rows: to - from, columns };
}

/** The arguments of a pass as rows from … to − 1 need them: what has one entry a row is cut. */
export function argumentsFor(name: PassName, args: readonly unknown[], from: number, to: number): readonly unknown[] {
  switch (name) {
    case "setTarget":
    case "weightedSum":
    case "sandwich":
    case "kept":
      return args.map((a) => (ArrayBuffer.isView(a) ? (a as Float64Array).subarray(from, to) : a));
    case "secondMoment": {
      const [tau, subset] = args as PassArguments<"secondMoment">;
      if (!subset) return [tau?.subarray(from, to), undefined];
      const inside = (row: number): boolean => row >= from && row < to;
      return [tau?.filter((_, k) => inside(subset[k])), subset.filter(inside).map((row) => row - from)];
    }
    default:
      return args;
  }
}
