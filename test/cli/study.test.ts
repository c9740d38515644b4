/** Command study: every experiment at its quick size agrees with theory; Ctrl-C and resume; threads; wrong use. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Finding } from "../../src/plot/index.js";
import { STUDY_NAMES } from "../../src/studies/index.js";
import { leapflow, temporaryFolder } from "./run.js";

const folder = temporaryFolder();

interface Printed {
  readonly study: string;
  readonly scale: string;
  readonly findings: readonly Finding[];
  readonly figures: readonly { readonly name: string }[];
  readonly files: readonly string[];
  readonly resumed: number;
}

/** Misses of 95 % intervals that n true statements exceed once in a thousand times. */
function missesAllowed(n: number): number {
  let term = 0.95 ** n;
  let sum = term;
  let k = 0;
  for (; sum < 0.999; k++) {
    term *= ((n - k) / (k + 1)) * (0.05 / 0.95);
    sum += term;
  }
  return k;
}

const contents = (path: string): Record<string, string> =>
  Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name), "base64")]));

describe("--quick", () => {
  it.each(STUDY_NAMES)("%s agrees with theory within its intervals", { timeout: 180_000 }, async (name) => {
    const out = join(folder, name);
    const { code, stdout, stderr } = await leapflow(["study", name, "--quick", "--out", out, "--no-png", "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const { findings, figures, files, scale } = JSON.parse(stdout) as Printed;
    expect(scale).toBe("quick");
    expect(files).toEqual(
      expect.arrayContaining(["study.json", "index.html", ...figures.map((figure) => `${figure.name}.svg`)]),
    );
    for (const file of files) expect(readFileSync(join(out, file), "utf8").length).toBeGreaterThan(100);
    const stated = findings.filter(({ beyond }) => beyond !== true);
    expect(stated.length).toBeGreaterThanOrEqual(3);
    expect(stated.every(({ measured }) => measured !== null)).toBe(true);
    const misses = stated.filter(({ verdict }) => verdict !== "agrees");
    expect(
      misses.length,
      misses.map(({ statement }) => statement).join("; "),
      // Flows of the population are computed, not drawn: chance has no part in them.
    ).toBeLessThanOrEqual(name === "saddles" ? 0 : missesAllowed(stated.length));
    for (const { predicted, measured, interval } of misses) {
      const [low, high] = interval as readonly [number, number];
      expect(Math.abs((predicted as number) - (measured as number))).toBeLessThan(2 * (high - low));
    }
  });

  /** What a study above found about something. */
  const found = (name: string, pattern: RegExp): Finding[] => {
    const { findings } = JSON.parse(readFileSync(join(folder, name, "study.json"), "utf8")) as Printed;
    const about = findings.filter(({ statement }) => pattern.test(statement));
    expect(about.length).toBeGreaterThan(0);
    return about;
  };

  it("saddles: powers and prefactors of the flow, plateaus in their order", () => {
    const [h3] = found("saddles", /^h3\(z1\): power/);
    expect(h3.measured).toBeCloseTo(2, 1);
    const [prefactor] = found("saddles", /^h4\(z1\): time over/);
    expect(prefactor.measured).toBeCloseTo(1 / 24, 3);
    for (const { verdict } of found("saddles", /plateau/)) expect(verdict).toBe("agrees");
  });

  it("planted: traps with the link known, none when it is learnt", () => {
    const [learnt] = found("planted", /learnt too/);
    expect(learnt.measured).toBe(0);
    const [known] = found("planted", /k = 3/);
    expect(known.verdict).toBe("agrees");
    expect(known.measured).toBeGreaterThan(0.4);
  });

  it("stability: the operator's condition is the smallest cosine to the power −degree; normal equations lose the digits of theirs", () => {
    for (const { verdict } of found("stability", /averaging operator/)) expect(verdict).toBe("agrees");
    for (const { verdict } of found("stability", /normal equations/)) expect(verdict).toBe("agrees");
  });

  it("and would tell wrong equations from right ones", () => {
    const verdictOf = (part: RegExp) => found("wirtinger", part)[0].verdict;
    expect(verdictOf(/equations complete/)).toBe("agrees");
    expect(verdictOf(/without memory of the start/)).toBe("differs");
    expect(verdictOf(/with an independent start/)).toBe("differs");
  });
});

it("Ctrl-C keeps what is done; the same command goes on and leaves the same bytes, in one thread too", {
  timeout: 180_000,
}, async () => {
  const whole = join(folder, "saddles");
  const out = join(folder, "interrupted");
  const args = ["study", "saddles", "--quick", "--out", out, "--no-png"];
  const stopped = await leapflow(args, (child) => {
    const kept = (): number => {
      try {
        return readFileSync(join(out, "jobs.jsonl"), "utf8").split("\n").length - 1;
      } catch {
        return 0;
      }
    };
    const timer = setInterval(() => {
      if (kept() < 2) return;
      clearInterval(timer);
      child.kill("SIGINT");
    }, 20);
    child.on("close", () => clearInterval(timer));
  });
  expect(stopped.code).toBe(130);
  expect(stopped.stdout).toBe("");
  expect(stopped.stderr).toMatch(/interrupted; \d+ of 15 jobs are kept in /);
  expect(readdirSync(out)).toEqual(["jobs.jsonl"]);
  const again = await leapflow([...args, "--threads", 1]);
  expect([again.code, again.stderr]).toEqual([0, ""]);
  expect(again.stdout).toMatch(/\d+ jobs were taken over from an earlier run/);
  expect(again.stdout).toMatch(/Of \d+ comparisons \d+ agree/);
  expect(contents(out)).toEqual(contents(whole));
});

it("wrong use is said in one line", async () => {
  for (const [args, word] of [
    [["saddle"], /name.*saddles/],
    [["saddles", "--full", "--quick"], /full/],
    [["saddles", "--threads", 0], /threads/],
    [["saddles", "--threads", 1, "--cluster", "nats://127.0.0.1:1"], /cluster/],
    [["saddles", "--seed", "x"], /seed/],
    [["saddles", "--tiny", "--out", "/dev/null/x"], /\/dev\/null\/x/],
  ] as const) {
    const { code, stderr } = await leapflow(["study", ...args]);
    expect([args, code, stderr]).toEqual([args, 2, expect.stringMatching(word)]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  }
});
