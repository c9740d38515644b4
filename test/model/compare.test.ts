/** Comparison of subspaces: accepted forms, accuracy, refusals. */
import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { overlap, principalAngles, subspaceDistance } from "../../src/model/compare.js";
import { codeOf as code } from "../support/errors.js";

const A = [
  [1, 0],
  [0, 1],
  [0, 0],
];
const turned = (angle: number) => [
  [Math.cos(angle), 0],
  [0, 1],
  [Math.sin(angle), 0],
];

describe("subspaceDistance", () => {
  it("takes arrays, ml-matrix matrices and flat matrices alike", () => {
    const b = turned(0.25);
    const forms = [
      b,
      new Matrix(b),
      new Matrix(b).transpose().transpose(),
      { data: Float64Array.from(b.flat()), rows: 3, columns: 2 },
    ];
    for (const one of forms) expect(Math.abs(subspaceDistance(A, one) - 0.25)).toBeLessThan(1e-15);
  });

  it("is accurate for tiny angles, where the arccosine of the overlap keeps half the digits", () => {
    for (const angle of [1e-14, 1e-10, 1e-6]) {
      expect(Math.abs(subspaceDistance(A, turned(angle)) - angle)).toBeLessThan(1e-15);
    }
    expect(
      subspaceDistance(A, [
        [0, 1],
        [1, 0],
        [0, 0],
      ]),
    ).toBeLessThan(1e-15);
    expect(
      Math.abs(
        subspaceDistance(
          [
            [1, 0],
            [0, 1],
            [0, 0],
            [0, 0],
          ],
          [
            [0, 0],
            [0, 0],
            [1, 0],
            [0, 1],
          ],
        ) -
          Math.SQRT2 * (Math.PI / 2),
      ),
    ).toBeLessThan(1e-15);
  });

  it("accepts the zero subspace", () => {
    expect(subspaceDistance(new Matrix(4, 0), new Matrix(4, 0))).toBe(0);
    expect(principalAngles(new Matrix(3, 0), A).length).toBe(0);
  });

  it("refuses other shapes, bases that are not orthonormal, and what is no matrix", () => {
    expect(code(() => subspaceDistance(A, [[1], [0], [0]]))).toBe("SHAPE");
    expect(
      code(() =>
        subspaceDistance(A, [
          [1, 0],
          [0, 1],
        ]),
      ),
    ).toBe("SHAPE");
    expect(
      code(() =>
        subspaceDistance(A, [
          [2, 0],
          [0, 1],
          [0, 0],
        ]),
      ),
    ).toBe("NOT_ORTHONORMAL");
    expect(
      code(() =>
        subspaceDistance(
          [
            [NaN, 0],
            [0, 1],
            [0, 0],
          ],
          A,
        ),
      ),
    ).toBe("NOT_FINITE");
    expect(code(() => subspaceDistance(null as never, A))).toBe("TYPE");
    expect(code(() => subspaceDistance([[1, 0], [0]], A))).toBe("SHAPE");
  });
});

describe("principalAngles and overlap", () => {
  it("gives ascending angles, of the smaller dimension", () => {
    const angles = principalAngles(A, turned(0.4));
    expect(angles.length).toBe(2);
    expect(angles[0]).toBeLessThan(1e-15);
    expect(Math.abs(angles[1] - 0.4)).toBeLessThan(1e-15);
    expect(Math.abs(principalAngles(A, [[0], [0], [1]])[0] - Math.PI / 2)).toBeLessThan(1e-15);
    expect(code(() => principalAngles(A, [[1]]))).toBe("SHAPE");
  });

  it("overlap is AᵀB", () => {
    const m = overlap(A, turned(0.4));
    expect(m.to2DArray()).toEqual([
      [Math.cos(0.4), 0],
      [0, 1],
    ]);
    expect(code(() => overlap(A, [[1]]))).toBe("SHAPE");
  });
});
