/** What every step is made of, as a configuration describes it: images, noise and the U-Net. */
import { classWidth } from "./classes.ts";
import { type Config, outputChannels } from "./config.ts";
import type { Dropout } from "./nn.ts";
import type { Scope } from "./scope.ts";
import { input, randomNormal, size, type Tensor } from "./tensor.ts";
import { unet } from "./unet.ts";

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

/** The U-Net that a configuration describes. */
export const model = (
  p: Scope,
  x: Tensor,
  t: Tensor,
  config: Config,
  { classes = classInput(config, x.shape[0]!), dropout }: ModelOptions = {},
): Tensor =>
  unet(
    p,
    x,
    t,
    {
      dim: config["model.dim"],
      dimMults: config["model.dimMults"],
      block: config["model.block"],
      groups: config["model.groups"],
      outputs: outputChannels(config),
      ...(dropout && { dropout }),
    },
    classes,
  );

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
