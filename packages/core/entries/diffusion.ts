/** The formulas: schedules, what a model predicts, levels of noise, steps between them, samplers as tables, likelihoods. */
export * from "../src/diffusion.ts";
export * from "../src/likelihood.ts";
export * from "../src/objective.ts";
export * from "../src/sampler.ts";
export * from "../src/schedule.ts";
export * from "../src/solvers.ts";
export * from "../src/spacing.ts";
