/** Tables of a flatbuffer, read within bounds: whatever a damaged file says, nothing is read or counted beyond its bytes. */

/** A table; fields go by their number in the schema, and one that is absent is 0, empty or undefined. */
export interface FlatTable {
  uint8(field: number): number;
  int16(field: number): number;
  int32(field: number): number;
  int64(field: number): number;
  string(field: number): string;
  table(field: number): FlatTable | undefined;
  tables(field: number): readonly FlatTable[];
  /** A vector of structures of 64-bit integers, `width` of them each, one after the other. */
  integers(field: number, width: number): readonly number[];
}

/** @throws {RangeError} for positions outside the bytes, as do all methods of a table */
export const rootTable = (view: DataView): FlatTable => tableAt(view, view.getUint32(0, true));

function tableAt(view: DataView, position: number): FlatTable {
  const vtable = position - view.getInt32(position, true);
  const size = view.getUint16(vtable, true);
  /** Where a field is, 0 when it is absent. */
  const at = (field: number): number => {
    const entry = 4 + 2 * field;
    const offset = entry < size ? view.getUint16(vtable + entry, true) : 0;
    return offset === 0 ? 0 : position + offset;
  };
  const target = (place: number): number => place + view.getUint32(place, true);
  const vector = (field: number, bytes: number): { from: number; count: number } => {
    if (at(field) === 0) return { from: 0, count: 0 };
    const start = target(at(field));
    const count = view.getUint32(start, true);
    if (start + 4 + count * bytes > view.byteLength) throw new RangeError("a list is longer than its message");
    return { from: start + 4, count };
  };
  const int64 = (place: number): number => Number(view.getBigInt64(place, true));
  return {
    uint8: (field) => (at(field) === 0 ? 0 : view.getUint8(at(field))),
    int16: (field) => (at(field) === 0 ? 0 : view.getInt16(at(field), true)),
    int32: (field) => (at(field) === 0 ? 0 : view.getInt32(at(field), true)),
    int64: (field) => (at(field) === 0 ? 0 : int64(at(field))),
    string: (field) => {
      const { from, count } = vector(field, 1);
      return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + from, count));
    },
    table: (field) => (at(field) === 0 ? undefined : tableAt(view, target(at(field)))),
    tables: (field) => {
      const { from, count } = vector(field, 4);
      return Array.from({ length: count }, (_, k) => tableAt(view, target(from + 4 * k)));
    },
    integers: (field, width) => {
      const { from, count } = vector(field, 8 * width);
      return Array.from({ length: count * width }, (_, k) => int64(from + 8 * k));
    },
  };
}
