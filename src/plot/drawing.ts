/** The parts of Observable Plot that figures use, in a module of its own so that bundlers drop the rest of it. */
export {
  areaY,
  barX,
  contour,
  dot,
  gridX,
  gridY,
  image,
  line,
  plot,
  rect,
  ruleX,
  ruleY,
  scale,
  text,
} from "@observablehq/plot";
