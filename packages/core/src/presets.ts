/** Configurations with a name. */
import { type Config, configure, defaults } from "./config.ts";

export const presetNames = ["notebook", "convnext", "tiny", "demo"] as const;
export type PresetName = (typeof presetNames)[number];

export const presets: { readonly [P in PresetName]: Config } = {
  /** The practical work's notebook: Fashion-MNIST, 1,694,929 parameters. */
  notebook: defaults,
  /** The same with ConvNeXt blocks. */
  convnext: configure({ "model.block": "convnext" }),
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
