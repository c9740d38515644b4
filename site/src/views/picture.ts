/** Pictures as numbers: any image the browser reads → a square of brightness, and numbers → a canvas. */

export interface Picture {
  readonly size: number;
  /** One band when it is gray, three when it is colored; 0 to 1, row-major. */
  readonly bands: readonly Float64Array[];
}

/** The middle square of an image, size×size. */
export async function readPicture(source: Blob, size: number): Promise<Picture> {
  const image = await createImageBitmap(source);
  const side = Math.min(image.width, image.height);
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser draws no pictures here.");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size, size);
  context.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, size, size);
  image.close();
  const { data } = context.getImageData(0, 0, size, size);
  const bands = [0, 1, 2].map((b) => Float64Array.from({ length: size * size }, (_, k) => data[4 * k + b] / 255));
  const isGray = bands[0].every((v, k) => v === bands[1][k] && v === bands[2][k]);
  return { size, bands: isGray ? [bands[0]] : bands };
}

/** Shows bands on a canvas of their size. */
export function paint(canvas: HTMLCanvasElement, bands: readonly Float64Array[], size: number): void {
  if (canvas.width !== size) [canvas.width, canvas.height] = [size, size];
  const context = canvas.getContext("2d");
  if (context === null) return;
  const image = context.createImageData(size, size);
  for (let k = 0; k < size * size; k++) {
    for (let b = 0; b < 3; b++)
      image.data[4 * k + b] = Math.round(255 * Math.min(Math.max(bands[b % bands.length][k], 0), 1));
    image.data[4 * k + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
