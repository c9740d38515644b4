/** Builds the playground into dist/playground from the built package: what a user's bundler would see. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const entry = (name: string): { find: RegExp; replacement: string } => ({
  find: new RegExp(`^leapflow${name}$`),
  replacement: at(`../dist${name}/index.js`),
});

export default defineConfig({
  root: at("."),
  // Relative addresses: the folder can be served from anywhere.
  base: "./",
  resolve: { alias: ["", "/theory", "/io", "/plot", "/worker"].map(entry) },
  worker: { format: "es" },
  build: {
    outDir: at("../dist/playground"),
    emptyOutDir: true,
    target: "es2022",
    // Inline scripts and data addresses are what the page's content policy forbids.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
});
