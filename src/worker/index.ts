/**
 * Public surface of leapflow/worker: re-exports only.
 *
 * @module leapflow/worker
 */
export { fitInWorker, type WorkerOptions } from "./client.js";
export { serveFits } from "./host.js";
