/** What every backend has to give: cases for each op, and replays of states recorded from PyTorch. */
export { type Case, cases } from "./cases.ts";
export { absolute, type Errors, Replay, relative } from "./golden.ts";
