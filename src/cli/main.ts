#!/usr/bin/env node
/**
 * The command `leapflow`. Commands are short: the engine of Node 20 would optimize functions that are about to end, on another core,
 * and has a flag against it that later versions lack. Arithmetic is the same either way.
 */
import { setFlagsFromString } from "node:v8";

if (process.versions.node.startsWith("20.")) setFlagsFromString("--interrupt-budget=1081344");
import("./program.js");
