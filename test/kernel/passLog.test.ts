/** Rows that are lost and rebuilt from the calls that still matter: the bits of a fit do not notice. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { type Crew, fitMultiIndex, openParts, PassLog } from "../../src/index.js";
import { sample } from "../support/problems.js";

const { X, y } = sample(([a, b]) => a + a * b, 2, 900, 6, 0.2, 5);
const options = { rank: 2, degree: 3, seed: 3, restarts: 1, maxIterations: 25, tolerance: 0, shards: 3 } as const;

/** A crew that loses all its rows before every `often`-th call. */
function forgetful(often: number): { crew: Crew; losses: () => number; longest: () => number } {
  let losses = 0;
  let longest = 0;
  let calls = 0;
  const control = new RunControl();
  const crew: Crew = {
    shards: options.shards,
    open(problem, rows) {
      const last = problem.starts.length - 1;
      const open = () => openParts({ ...problem, first: 0, last }, rows, control);
      const log = new PassLog();
      let host = open();
      let turn: Promise<unknown> = Promise.resolve();
      return {
        own: 0,
        servers: [
          {
            first: 0,
            last,
            call(name, args) {
              const answer = turn.then(async () => {
                if (++calls % often === 0) {
                  (await host).close();
                  host = open();
                  for (const call of log.calls) await (await host).call(call.name, call.args);
                  longest = Math.max(longest, log.calls.length);
                  losses++;
                }
                const given = await (await host).call(name, args);
                log.record(name, args);
                return given;
              });
              turn = answer.catch(() => undefined);
              return answer;
            },
            close: () => void host.then((one) => one.close()),
          },
        ],
      };
    },
  };
  return { crew, losses: () => losses, longest: () => longest };
}

describe("row 73: rows that are lost in the middle of a fit", () => {
  for (const method of ["gauss-newton", "lbfgs", "gradient-flow", "preconditioned-gradient"] as const) {
    it(`are rebuilt with the bits they had, by ${method}`, async () => {
      const quiet = await fitMultiIndex(X, y, { ...options, method });
      for (const often of [2, 7]) {
        const { crew, losses, longest } = forgetful(often);
        const { shards, ...rest } = options;
        const fit = await fitMultiIndex(X, y, { ...rest, method, crew });
        expect(losses()).toBeGreaterThan(20);
        // Twenty steps of a line search, four calls each, and what stands before and after them.
        expect(longest()).toBeLessThan(100);
        expect(JSON.stringify(fit.model)).toBe(JSON.stringify(quiet.model));
        expect(fit.history.loss).toStrictEqual(quiet.history.loss);
        expect(fit.diagnostics.standardErrors).toStrictEqual(quiet.diagnostics.standardErrors);
        expect(fit.diagnostics.heldOut).toStrictEqual(quiet.diagnostics.heldOut);
      }
    });
  }
});
