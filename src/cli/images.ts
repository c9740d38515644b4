/** PNG pictures as bands of numbers between 0 and 1, and back. */
import { readFile } from "node:fs/promises";
import { FormatError } from "../base/errors.js";

/** One band for gray pictures, three for color; each rows×columns, row-major, 0 to 1. Transparency is left out. */
export interface Picture {
  readonly rows: number;
  readonly columns: number;
  readonly bands: readonly Float64Array[];
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
};

/** @throws {FormatError} `FILE` when it cannot be read, `FORMAT` when it is no PNG */
export async function readPicture(path: string): Promise<Picture> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    throw new FormatError("FILE", `Cannot read ${path}: ${REASONS[code] ?? message}.`, { cause, details: { path } });
  }
  const { decode, hasPngSignature } = await import("fast-png");
  if (!hasPngSignature(bytes)) throw new FormatError("FORMAT", `${path} is not a PNG image.`, { details: { path } });
  try {
    return toPicture(decode(bytes, { checkCrc: true }));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError("FORMAT", `${path} is not a readable PNG image: ${why}.`, { cause, details: { path } });
  }
}

type Decoded = ReturnType<typeof import("fast-png").decode>;

function toPicture(image: Decoded): Picture {
  const { width: columns, height: rows, channels, depth, palette } = image;
  const samples = unpack(image);
  const size = rows * columns;
  const largest = 2 ** depth - 1;
  const isColor = palette !== undefined || channels >= 3;
  const bands = Array.from({ length: isColor ? 3 : 1 }, () => new Float64Array(size));
  for (let k = 0; k < size; k++) {
    bands.forEach((band, b) => {
      band[k] = palette ? palette[samples[k]][b] / 255 : samples[k * channels + b] / largest;
    });
  }
  return { rows, columns, bands };
}

/** One number a sample; below 8 bits they are packed, every row from a new byte on. */
function unpack({ data, width, height, channels, depth }: Decoded): ArrayLike<number> {
  if (depth >= 8) return data;
  const perRow = width * channels;
  const stride = Math.ceil((perRow * depth) / 8);
  const out = new Uint8Array(perRow * height);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < perRow; j++) {
      const bit = j * depth;
      out[i * perRow + j] = (data[i * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
    }
  }
  return out;
}

/** An 8-bit PNG; values are clipped to 0…1. */
export async function encodePicture({ rows, columns, bands }: Picture): Promise<Uint8Array> {
  const { encode } = await import("fast-png");
  const channels = bands.length;
  const data = new Uint8Array(rows * columns * channels);
  for (let k = 0; k < rows * columns; k++) {
    for (let b = 0; b < channels; b++) {
      data[k * channels + b] = Math.round(255 * Math.min(Math.max(bands[b][k], 0), 1));
    }
  }
  return encode({ width: columns, height: rows, data, channels, depth: 8 });
}
