/** All studies, in the order of the documentation. */
import { convergence } from "./convergence.js";
import { features } from "./features.js";
import { nonGaussian } from "./nonGaussian.js";
import { phaseDiagram } from "./phaseDiagram.js";
import { planted } from "./planted.js";
import { saddles } from "./saddles.js";
import { samples } from "./samples.js";
import { stability } from "./stability.js";
import type { Study } from "./study.js";
import { wirtinger } from "./wirtinger.js";

export const STUDIES: readonly Study[] = [
  convergence,
  saddles,
  planted,
  stability,
  samples,
  nonGaussian,
  features,
  wirtinger,
  phaseDiagram,
];
