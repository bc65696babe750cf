/** What every step is made of, as a configuration describes it: images, noise and the U-Net. */
import { annotatedUnet } from "./annotated-unet.ts";
import type { ArchitectureName } from "./architecture.ts";
import { classWidth } from "./classes.ts";
import { type Config, outputChannels } from "./config.ts";
import { ddpmUnet } from "./ddpm-unet.ts";
import type { Dropout } from "./nn.ts";
import type { Scope } from "./scope.ts";
import { size } from "./shape.ts";
import { input, randomNormal, type Tensor } from "./tensor.ts";
import { type UNet, unet } from "./unet.ts";

/** Images as the graph sees them: [batch, height, width, channels]. */
export const imageShape = (config: Config, batch: number): [number, number, number, number] => [
  batch,
  config["data.height"],
  config["data.width"],
  config["model.channels"],
];

/** What a model is told besides x and t. */
export interface ModelOptions {
  /** [batch, K + 1]; where a model with classes is fed them unless given. */
  readonly classes?: Tensor | undefined;
  /** As training runs it. */
  readonly dropout?: Dropout | undefined;
}

type Shared = Pick<UNet, "dim" | "dimMults" | "groups" | "dropout" | "outputs">;

/** What of a configuration describes each architecture besides what all have, and the function that writes it. */
const unets: { readonly [A in ArchitectureName]: (p: Scope, x: Tensor, t: Tensor, config: Config, shared: Shared, classes?: Tensor) => Tensor } = {
  notebook: (p, x, t, config, shared, classes) => unet(p, x, t, { ...shared, block: config["model.block"] }, classes),
  ddpm: (p, x, t, config, shared, classes) =>
    ddpmUnet(
      p,
      x,
      t,
      {
        ...shared,
        blocks: config["model.blocks"],
        attention: config["model.attention"],
        headDim: config["model.headDim"],
        normEps: config["model.normEps"],
        downsamplePadding: config["model.downsamplePadding"] === 0 ? 0 : 1,
        freqShift: config["model.freqShift"],
        flipSinToCos: config["model.flipSinToCos"],
      },
      classes,
    ),
  annotated: (p, x, t, _, shared, classes) => annotatedUnet(p, x, t, shared, classes),
};

/** The U-Net that a configuration describes. */
export function model(
  p: Scope,
  x: Tensor,
  t: Tensor,
  config: Config,
  { classes = classInput(config, x.shape[0]!), dropout }: ModelOptions = {},
): Tensor {
  const shared = {
    dim: config["model.dim"],
    dimMults: config["model.dimMults"],
    groups: config["model.groups"],
    outputs: outputChannels(config),
    ...(dropout && { dropout }),
  };
  return unets[config["model.architecture"]](p, x, t, config, shared, classes);
}

/** Where a model with classes is fed them. */
function classInput(config: Config, batch: number): Tensor | undefined {
  const width = classWidth(config);
  return width > 0 ? input("classes", [batch, width]) : undefined;
}

/** Standard normal images of the Philox stream that is fed as `name`; image i starts at block i·⌈HWC/4⌉, so that more images only add to fewer. */
export function gaussian(name: string, [batch, ...image]: readonly [number, ...number[]]): Tensor {
  const numbers = randomNormal(input(name, [6], "int32"), batch, Math.ceil(size(image) / 4) * 4);
  return (numbers.shape[1] === size(image) ? numbers : numbers.slice(1, 0, size(image))).reshape(batch, ...image);
}
