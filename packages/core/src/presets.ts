/** Configurations with a name. */
import { type Config, configure, defaults } from "./config.ts";

/** Names of all presets. */
export const presetNames = ["notebook", "convnext", "ddpm-cifar10", "annotated", "tiny", "demo"] as const;
/** Name of a preset. */
export type PresetName = (typeof presetNames)[number];

/** Whole configurations by name. */
export const presets: { readonly [P in PresetName]: Config } = {
  /** The practical work's notebook: Fashion-MNIST, 1,694,929 parameters. */
  notebook: defaults,
  /** The same with ConvNeXt blocks. */
  convnext: configure({ "model.block": "convnext" }),
  /** Ho et al. 2020 on CIFAR-10: 35,746,307 parameters. */
  "ddpm-cifar10": configure({
    "model.architecture": "ddpm",
    "model.dim": 128,
    "model.dimMults": [1, 2, 2, 2],
    "model.attention": [1],
    "model.groups": 32,
    "model.normEps": 1e-6,
    "model.downsamplePadding": 0,
    "model.dropout": 0.1,
    "model.channels": 3,
    "data.height": 32,
    "data.width": 32,
    "diffusion.timesteps": 1000,
    "diffusion.variance": "beta",
    "train.loss": "l2",
    "train.lr": 2e-4,
    "train.warmup": 5000,
    "train.clip": 1,
    "train.weightDecay": 0,
  }),
  /** The annotated diffusion model as it is today. */
  annotated: configure({
    "model.architecture": "annotated",
    "model.groups": 4,
    "diffusion.timesteps": 300,
    "train.weightDecay": 0,
  }),
  /** Learns something in a minute on a CPU: for demonstrations and tests. */
  tiny: configure({
    "model.dim": 8,
    "model.dimMults": [1, 2],
    "diffusion.timesteps": 200,
    "diffusion.schedule": "cosine",
    "train.batch": 32,
    "train.lr": 2e-3,
    "train.emaDecay": 0.995,
    "train.checkpointEvery": 100,
  }),
  /** Draws recognisable shapes of 16×16 after two minutes on a CPU: for `npm run demo`. */
  demo: configure({
    "model.dim": 16,
    "model.dimMults": [1, 2, 4],
    "diffusion.timesteps": 200,
    "diffusion.schedule": "cosine",
    "train.batch": 32,
    "train.lr": 2e-3,
    "train.emaDecay": 0.995,
    "train.sampleEvery": 300,
    "train.checkpointEvery": 300,
  }),
};
