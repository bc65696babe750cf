/** Runs core's graphs with any tfjs backend, op by op. */
export { type TfjsOptions, tfjs } from "./src/backend.ts";
