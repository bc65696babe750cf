/** What a training step is made of: batches, timesteps, losses, learning rates, AdamW and moving averages. */
export { batch } from "../src/dataset.ts";
export * from "../src/learning-rate.ts";
export * from "../src/loss.ts";
export * from "../src/optimizer.ts";
export * from "../src/timestep-sampling.ts";
export * from "../src/training-loss.ts";
export * from "../src/update.ts";
export * from "../src/workers.ts";
