"""Writes points.json: plain Sobol points of scipy's own implementation (direction numbers new-joe-kuo-6.21201)."""
import json
import os

import scipy
from scipy.stats import norm, qmc

COORDINATES = [0, 1, 2, 7, 31, 100, 255, 333, 511]
POINTS = 128
points = qmc.Sobol(512, scramble=False).random(POINTS)
probabilities = [1e-300, 1e-20, 1e-9, 0.001, 0.074, 0.075, 0.076, 0.3, 0.5, 0.8, 0.925, 0.95, 1 - 1e-9]
out = {
    "description": "Unscrambled Sobol points by coordinate; quantiles of the standard normal law.",
    "made with": f"scipy {scipy.__version__}",
    "coordinates": {str(c): [float(x) for x in points[:, c]] for c in COORDINATES},
    "quantiles": [[p, float(norm.ppf(p))] for p in probabilities],
}
with open(os.path.join(os.path.dirname(__file__), "points.json"), "w") as file:
    json.dump(out, file)
