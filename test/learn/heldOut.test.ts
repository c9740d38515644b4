/** Candidates on rows that they have not seen: a fit of many parameters gives way to a simpler one that predicts better. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { type Candidate, evaluate } from "../../src/learn/candidate.js";
import { isOverbold, leastHeldOut } from "../../src/learn/heldOut.js";
import { rawStudy, type Study, whitenedStudy } from "../../src/learn/study.js";
import { fillOptions } from "../../src/solve/options.js";
import { mapInputs, readData } from "../../src/solve/problem.js";
import { type LinkFunction, sample } from "../support/problems.js";

async function studied(f: LinkFunction, noise: number): Promise<Study> {
  const { X, y } = sample(f, 2, 400, 10, noise, 3);
  const options = fillOptions({ seed: 1 });
  const control = new RunControl();
  const data = await readData(X, y, options, control);
  return whitenedStudy(rawStudy(data, options, control), await mapInputs(data, options, control));
}

async function candidate(study: Study, rank: number, degree: number): Promise<Candidate> {
  const basis = new Float64Array(10 * rank);
  for (let k = 0; k < rank; k++) basis[k * rank + k] = 1;
  const found = await evaluate(study, rank, degree, [{ name: "axes", basis }]);
  if (!found) throw new Error("the link could not be determined");
  return found;
}

describe("leastHeldOut", () => {
  it("takes the simpler candidate where the richer one has learnt noise", async () => {
    const study = await studied(([a]) => a, 1);
    const [simple, rich] = [await candidate(study, 1, 1), await candidate(study, 3, 6)];
    expect(rich.meanSquare).toBeLessThan(simple.meanSquare);
    const { chosen, compared } = await leastHeldOut(study, [simple, rich], rich);
    expect(chosen).toBe(simple);
    expect(compared.map(({ rank, degree }) => [rank, degree])).toEqual([
      [3, 6],
      [1, 1],
    ]);
    expect(compared[1].meanSquare).toBeLessThan(compared[0].meanSquare);
  });

  it("keeps the richer one where it is needed, and the only one there is", async () => {
    const study = await studied(([a, b]) => a + b * b, 0.1);
    const [simple, rich] = [await candidate(study, 1, 2), await candidate(study, 2, 2)];
    expect((await leastHeldOut(study, [simple, rich], rich)).chosen).toBe(rich);
    expect(await leastHeldOut(study, [simple, rich], simple)).toEqual({ chosen: simple, compared: [] });
  });
});

it("isOverbold only where leverages are approximations and a quarter of the rows is used up", () => {
  const study = (rows: number, dim: number) => ({ rows: { rows }, inputs: { dim } }) as Study;
  const using = (degreesOfFreedom: number) => ({ rank: 2, degree: 2, degreesOfFreedom }) as Candidate;
  // Tangent spaces wider than 400 are approximated.
  expect(isOverbold(study(2000, 250), using(501))).toBe(true);
  expect(isOverbold(study(2000, 250), using(500))).toBe(false);
  expect(isOverbold(study(400, 100), using(250))).toBe(false);
  expect(isOverbold(study(2000, 250), { ...using(501), rank: 0 })).toBe(false);
});
