/** The parts of Observable Plot that figures use, in a module of its own so that bundlers drop the rest of it. */
export { dot, gridX, gridY, image, line, plot, ruleX, ruleY, text } from "@observablehq/plot";
