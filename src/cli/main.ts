#!/usr/bin/env node
/**
 * The command `leapflow`. Commands are short: on Node 20 the engine would spend a third of a small fit's time, on another core, on
 * optimizing functions that are about to end; later versions hold back by themselves. Arithmetic is the same either way.
 */
import { setFlagsFromString } from "node:v8";

if (process.versions.node.startsWith("20.")) setFlagsFromString("--interrupt-budget=1081344");
import("./program.js");
