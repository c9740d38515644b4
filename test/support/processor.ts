/** Processor time, which other files of the suite do not take. */

/** Starts a watch that tells the milliseconds of processor time this process took since. */
export function processorWatch(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}
