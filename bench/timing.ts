/** Interleaved timing: contenders take turns, so that a busy moment of the machine hits all of them; CPU time, medians. */

/** Something to time. */
export interface Contender {
  readonly name: string;
  /** CPU milliseconds of one call, from `calls` calls in a row. */
  sample(calls: number): Promise<number>;
  /** How many samples to take. */
  readonly runs: number;
}

const WARM_UP_MS = 500;
/** A sample lasts at least about this long. */
const SAMPLE_MS = 20;

/** A contender that runs in this process. */
export function contender(name: string, runs: number, work: () => unknown): Contender {
  return {
    name,
    runs,
    async sample(calls) {
      const before = process.cpuUsage();
      for (let k = 0; k < calls; k++) await work();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000 / calls;
    },
  };
}

/**
 * Medians of CPU milliseconds by name. Each contender first runs for half a second: engines compile what they will, and
 * the first call is several times slower than the hundredth. The fewer runs of a slow contender are spread over the time.
 */
export async function interleaved(contenders: readonly Contender[]): Promise<Map<string, number>> {
  const most = Math.max(...contenders.map(({ runs }) => runs));
  const calls: number[] = [];
  for (const { sample } of contenders) {
    const started = performance.now();
    let last = await sample(1);
    while (performance.now() - started < WARM_UP_MS) last = await sample(1);
    calls.push(Math.max(1, Math.round(SAMPLE_MS / Math.max(last, 1e-3))));
  }
  const times: number[][] = contenders.map(() => []);
  for (let k = 0; k < most; k++) {
    for (const [c, { runs, sample }] of contenders.entries()) {
      if (Math.floor((k * runs) / most) === Math.floor(((k + 1) * runs) / most)) continue;
      times[c].push(await sample(calls[c]));
    }
  }
  return new Map(contenders.map(({ name }, c) => [name, median(times[c])]));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
