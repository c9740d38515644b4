/** LZ4 frames, decoded: the compression that Feather files have by default. */

// The decoders on the registry that know frames have not been kept up for years; the format is small and frozen.

const MAGIC = 0x184d2204;

/**
 * The content of one LZ4 frame.
 * @param length - bytes expected; a frame with more is refused
 * @throws {Error} for anything that is not a complete frame. Checksums are stepped over.
 * Source: LZ4 frame format 1.6.
 */
export function decodeLz4Frame(input: Uint8Array, length: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw new Error("not an LZ4 frame");
  const flags = view.getUint8(4);
  if (flags >> 6 !== 1 || (flags & 1) !== 0) throw new Error("an LZ4 frame of an unknown version or with a dictionary");
  const hasBlockChecksum = (flags & 0x10) !== 0;
  // Magic, flags, block size, content size when there is one, checksum of the header.
  let at = 7 + ((flags & 8) === 0 ? 0 : 8);
  const output = new Uint8Array(length);
  let filled = 0;
  for (;;) {
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const size = word & 0x7fffffff;
    if (at + size > input.length) throw new Error("an LZ4 frame is cut short");
    const block = input.subarray(at, at + size);
    if (word >>> 31 === 0) {
      filled = decodeBlock(block, output, filled);
    } else {
      // Too much to fit throws a RangeError.
      output.set(block, filled);
      filled += size;
    }
    at += size + (hasBlockChecksum ? 4 : 0);
  }
  if (filled !== length) throw new Error(`an LZ4 frame has ${filled} bytes instead of ${length}`);
  return output;
}

/** Decodes one block behind what is filled already, which matches may refer to; gives the new count of filled bytes. */
function decodeBlock(input: Uint8Array, output: Uint8Array, filled: number): number {
  let at = 0;
  let to = filled;
  /** A length of 4 bits and all the bytes that add to it. */
  const extend = (nibble: number): number => {
    let length = nibble;
    if (nibble < 15) return length;
    let byte: number;
    do {
      if (at >= input.length) throw new Error("an LZ4 block is cut short");
      byte = input[at++];
      length += byte;
    } while (byte === 255);
    return length;
  };
  while (at < input.length) {
    const token = input[at++];
    const literals = extend(token >> 4);
    if (at + literals > input.length || to + literals > output.length) throw new Error("an LZ4 block is damaged");
    output.set(input.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    // The last sequence has no match.
    if (at === input.length) return to;
    if (at + 2 > input.length) throw new Error("an LZ4 block is cut short");
    const offset = input[at] | (input[at + 1] << 8);
    at += 2;
    const length = extend(token & 15) + 4;
    if (offset === 0 || offset > to || to + length > output.length) throw new Error("an LZ4 block is damaged");
    // A match may overlap what it writes.
    if (offset >= length) output.copyWithin(to, to - offset, to - offset + length);
    else for (let i = 0; i < length; i++) output[to + i] = output[to + i - offset];
    to += length;
  }
  return to;
}
