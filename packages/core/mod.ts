/** Denoising diffusion in pure TypeScript: graph, gradients, U-Net, schedules, samplers. */
export * from "./src/backend.ts";
export * from "./src/diffusion.ts";
export * from "./src/gradient.ts";
export * from "./src/loss.ts";
export * from "./src/optimizer.ts";
export * from "./src/random.ts";
export * from "./src/reference.ts";
export * from "./src/sampler.ts";
export * from "./src/schedule.ts";
export * from "./src/scope.ts";
export * from "./src/tensor.ts";
export * from "./src/unet.ts";
export * from "./src/sampling.ts";
export * from "./src/training.ts";
