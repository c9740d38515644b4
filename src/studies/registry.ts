/** All studies, in the order of the documentation. */
import { planted } from "./planted.js";
import { saddles } from "./saddles.js";
import type { Study } from "./study.js";

export const STUDIES: readonly Study[] = [saddles, planted];
