/** Public surface of leapflow/worker: re-exports only. */
export { fitInWorker, type WorkerOptions } from "./client.js";
export { serveFits } from "./host.js";
