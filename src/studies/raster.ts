/** SVG → PNG by an optional library. */

/** Pixels across, twice the width of a figure. */
const IMAGE_WIDTH = 1440;

/** The image, on white paper; or why there is none, in words. The letters are those of the machine's fonts. */
export async function rasterize(svg: string): Promise<Uint8Array | string> {
  let library: typeof import("@resvg/resvg-js");
  try {
    library = await import("@resvg/resvg-js");
  } catch {
    return "No PNG images: they need the package @resvg/resvg-js (npm install @resvg/resvg-js). The SVG figures are complete.";
  }
  const image = new library.Resvg(svg, {
    fitTo: { mode: "width", value: IMAGE_WIDTH },
    font: { loadSystemFonts: true, defaultFontFamily: "DejaVu Sans" },
  });
  return image.render().asPng();
}
