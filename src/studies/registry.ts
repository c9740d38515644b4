/** All studies, in the order of the documentation. */
import { phaseDiagram } from "./phaseDiagram.js";
import { planted } from "./planted.js";
import { saddles } from "./saddles.js";
import type { Study } from "./study.js";
import { wirtinger } from "./wirtinger.js";

export const STUDIES: readonly Study[] = [saddles, planted, wirtinger, phaseDiagram];
