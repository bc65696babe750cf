/** What is allowed but likely to disappoint, in words. */
import { type Config, type ConfigKey, defaults, scheduleFor } from "./config.ts";
import type { Row } from "./solvers.ts";

/** √alphaBar at T above which pictures suffer from what training never saw: the practical work's schedule leaves 0.048. */
const mostSignal = 0.05;

/** What a model trained so will suffer from, one line each, with what to do. */
export const configWarnings = (config: Config): string[] => warnings.map((warning) => warning(config)).filter((line) => line !== undefined);

const changed = (config: Config, key: ConfigKey): boolean => config[key] !== defaults[key];

const warnings: readonly ((config: Config) => string | undefined)[] = [
  /** Lin et al. 2023, section 3.1. */
  (config) => {
    const signal = scheduleFor(config).sqrtAlphasCumprod.at(-1)!;
    if (signal <= mostSignal) return undefined;
    const { "diffusion.schedule": name, "diffusion.timesteps": timesteps } = config;
    return `Schedule ${name} with ${timesteps} timesteps leaves ${(100 * signal).toFixed(1)} % of the image at T, where sampling begins at noise alone, so brightness will be off: choose diffusion.schedule linear-scaled or cosine, or diffusion.zeroTerminalSnr with objective v`;
  },
  (config) =>
    config["diffusion.variance"] === "learned" && config["train.vlbWeight"] === 0
      ? "Nothing teaches the variance with train.vlbWeight 0: choose 0.001, or diffusion.variance posterior"
      : undefined,
  /** A bound's term in eps weighs 1/alpha: at T a hundred times that of the paper's cosine, whose betas end at 0.999. */
  (config) => {
    const beta = scheduleFor(config).betas.at(-1)!;
    if (config["diffusion.variance"] !== "learned" || beta <= 0.9991) return undefined;
    const importance = config["train.timesteps"] === "importance" ? ", and importance sampling would draw hardly another t" : "";
    return `The last step of schedule ${config["diffusion.schedule"]} has beta ${beta.toFixed(4)}, which outweighs the rest of a learned variance's bound, so the loss will jump where t is the last${importance}: choose diffusion.schedule sigmoid-alpha-bar or linear-scaled`;
  },
  (config) =>
    config["diffusion.zeroTerminalSnr"] && config["train.minSnr"] > 0
      ? `Min-SNR weighs the loss of ${config["diffusion.objective"]} by 0 at T with diffusion.zeroTerminalSnr, and sampling begins there: choose train.minSnr 0`
      : undefined,
  (config) =>
    config["train.decaySteps"] > 0 && config["train.lrDecay"] === "none"
      ? "train.decaySteps does nothing without a decay: choose train.lrDecay linear or cosine"
      : undefined,
  (config) =>
    changed(config, "train.vlbWeight") && config["diffusion.variance"] !== "learned"
      ? "train.vlbWeight does nothing where the variance is not learned: choose diffusion.variance learned"
      : undefined,
  (config) =>
    changed(config, "train.classDropout") && config["model.classes"].length === 0
      ? "train.classDropout does nothing for a model without classes: train it with them (ddpm train --conditional)"
      : undefined,
];

/** What to expect of drawing with a table whose x0 is not clipped, if not well. */
export const unclippedWarning = (table: readonly Row[]): string | undefined =>
  table[0] && table[0].a > 100
    ? "Without clipping x0 this is likely to draw noise: the schedule leaves hardly any signal at its end, by which x0 is divided; clip it or leave the noisiest levels out"
    : undefined;
