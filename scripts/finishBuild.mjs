/** Last step of the build: the plain binary beside the code, and an executable command. */
import { chmodSync, copyFileSync, existsSync } from "node:fs";

const root = new URL("../", import.meta.url);
copyFileSync(new URL("build/leapflow.wasm", root), new URL("dist/leapflow.wasm", root));
const command = new URL("dist/cli/main.js", root);
if (existsSync(command)) chmodSync(command, 0o755);
