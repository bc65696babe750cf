/**
 * Denoising diffusion in pure TypeScript: what a program needs that trains a model and draws with it. The parts, for programs that do more, have entries of
 * their own in entries/.
 */
export { AverageSampler, type Trainee } from "./src/average-sampler.ts";
export { type Backend, DeviceLost, type Numbers, type Program, type State, type Step } from "./src/backend.ts";
export { type Bound, type BoundBatch, type BoundOptions, boundStep, compileBound, priorBits, type Stratum, strata } from "./src/bound.ts";
export * from "./src/checkpoint.ts";
export { classFeeds, knowsNone, labelsInRows, labelsInTurn } from "./src/classes.ts";
export { type Config, configure } from "./src/config.ts";
export { type BatchOptions, type Dataset, type DatasetBatch, type InMemoryDataset, type Runs, stepsPerEpoch } from "./src/dataset.ts";
export * from "./src/diffusers/mod.ts";
export { type Kept, type Noised, noised, type Repaint, repaint, slerp } from "./src/editing.ts";
export { imageShape } from "./src/model.ts";
export * from "./src/presets.ts";
export * from "./src/recognition.ts";
export { reference } from "./src/reference.ts";
export * from "./src/sampling.ts";
export * from "./src/shapes.ts";
export { evenBatch, Gathering, gathered, roundsOf } from "./src/sharing.ts";
export { Stability } from "./src/stability.ts";
export * from "./src/training.ts";
export { alone, type Team, type Workers } from "./src/workers.ts";
