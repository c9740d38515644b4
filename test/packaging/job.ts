/** One fit whose every bit is printed, for hosts and bundlers that are compared with each other. */

/** Rows of rational arithmetic only, so that every engine makes the same, and what is told of the fit. */
export const JOB = `
export const options = { rank: 2, degree: 3, seed: 7, restarts: 0, maxIterations: 10 };
let state = 12345;
const next = () => { state = (state * 1103515245 + 12345) % 2147483648; return state / 1073741824 - 1; };
export const X = Array.from({ length: 240 }, () => Array.from({ length: 5 }, () => next() + next() + next()));
export const y = X.map((x) => x[0] * x[1] + 0.5 * x[2] + 0.1 * next());
// JSON keeps every bit of a double.
export const told = ({ kernel, stop, history, model }) =>
  JSON.stringify({ kernel: kernel.name, why: kernel.reason, bits: JSON.stringify([stop.reason, [...history.loss], model, [...model.predict(X)]]) });
`;

export interface Told {
  readonly kernel: string;
  readonly why?: string;
  readonly bits: string;
}
