/** The configuration of a `UNet2DModel` as a part of ours, and the other way. */
import { type Config, type ConfigKey, configure, sizeDivisor } from "../config.ts";
import { type DiffusersJson, isList, refuse } from "./json.ts";

/** What diffusers takes where a file is silent, for the keys that a configuration of ours has. */
const defaults: DiffusersJson = {
  sample_size: null,
  in_channels: 3,
  out_channels: 3,
  freq_shift: 0,
  flip_sin_to_cos: true,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
  up_block_types: ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
  block_out_channels: [224, 448, 672, 896],
  layers_per_block: 2,
  downsample_padding: 1,
  dropout: 0,
  attention_head_dim: 8,
  norm_num_groups: 32,
  norm_eps: 1e-5,
  num_class_embeds: null,
};

/** Values that the other keys may have; what else they do is not known here. */
const fixed: Readonly<Record<string, readonly unknown[]>> = {
  act_fn: ["silu", "swish"],
  add_attention: [true],
  center_input_sample: [false],
  downsample_type: ["conv"],
  mid_block_scale_factor: [1],
  mid_block_type: ["UNetMidBlock2D"],
  resnet_time_scale_shift: ["default"],
  time_embedding_type: ["positional"],
  upsample_type: ["conv"],
};

/** Keys that say the same as one of ours. */
const alike = {
  "model.blocks": "layers_per_block",
  "model.headDim": "attention_head_dim",
  "model.groups": "norm_num_groups",
  "model.normEps": "norm_eps",
  "model.downsamplePadding": "downsample_padding",
  "model.freqShift": "freq_shift",
  "model.flipSinToCos": "flip_sin_to_cos",
  "model.dropout": "dropout",
  "model.channels": "in_channels",
} as const satisfies Partial<Record<ConfigKey, string>>;

/** How diffusers calls what an error of a configuration is about. */
const theirNames: Readonly<Record<string, string>> = { ...alike, "model.dim": "block_out_channels", "model.dimMults": "block_out_channels" };

const advice = "other U-Nets cannot be read";

/** What the file of a `UNet2DModel` says. Throws a SyntaxError that names the key for what our model does not have. */
export function unetFrom(file: DiffusersJson): Partial<Config> {
  if (file["_class_name"] !== "UNet2DModel") refuse("_class_name", `"UNet2DModel"`, file["_class_name"], advice);
  const unet = { ...defaults, ...file };
  checkOthers(unet);
  const { in_channels: channels, out_channels: outputs } = unet;
  if (outputs !== channels && outputs !== 2 * (channels as number)) refuse("out_channels", "in_channels or twice as many", outputs, advice);
  const levels = levelsFrom(unet);
  const config: Readonly<Record<string, unknown>> = {
    "model.architecture": "ddpm",
    ...levels,
    ...Object.fromEntries(Object.entries(alike).map(([ours, theirs]) => [ours, unet[theirs]])),
    "model.headDim": unet["attention_head_dim"] ?? 0,
    "model.classes": classesFrom(unet["num_class_embeds"]),
    ...(outputs !== channels && { "diffusion.variance": "learned" }),
  };
  checkConfig(config, levels["model.dimMults"].length);
  return { ...(config as Partial<Config>), ...sizeFrom(unet["sample_size"]) };
}

/** Throws a SyntaxError that names the key of theirs for a value that our configuration cannot have. */
function checkConfig(config: Partial<Config>, levels: number): void {
  const side = sizeDivisor(levels);
  try {
    configure(config, { "data.height": side, "data.width": side });
  } catch (cause) {
    const message = (cause as Error).message.replace(/model\.\w+/g, (key) => `${theirNames[key] ?? key} of diffusers`);
    throw new SyntaxError(`${message}; ${advice}`, { cause });
  }
}

function checkOthers(unet: DiffusersJson): void {
  for (const [key, value] of Object.entries(unet)) {
    if (key.startsWith("_") || Object.hasOwn(defaults, key) || key === "num_train_timesteps") continue;
    const allowed = key === "attn_norm_num_groups" ? [unet["norm_num_groups"], null] : fixed[key];
    if (!(allowed ?? [null]).includes(value)) refuse(key, allowed?.map((value) => JSON.stringify(value)).join(" or ") ?? "left out", value, advice);
  }
}

function levelsFrom({ block_out_channels: widths, down_block_types: downs, up_block_types: ups }: DiffusersJson) {
  if (!isList(widths) || !widths.every((width) => Number.isInteger((width as number) / (widths[0] as number))))
    return refuse("block_out_channels", "a list of multiples of its first", widths, advice);
  const types = ["DownBlock2D", "AttnDownBlock2D"];
  if (!isList(downs) || downs.length !== widths.length || !downs.every((type) => types.includes(type as string)))
    return refuse("down_block_types", `${widths.length} of ${types.join(" and ")}`, downs, advice);
  const mirrored = JSON.stringify(mirrorOf(downs as string[]));
  if (JSON.stringify(ups) !== mirrored) return refuse("up_block_types", `those on the way down mirrored, ${mirrored},`, ups, advice);
  return {
    "model.dim": widths[0],
    "model.dimMults": widths.map((width) => (width as number) / (widths[0] as number)),
    "model.attention": [...downs.keys()].filter((i) => downs[i] === types[1]),
  };
}

const mirrorOf = (downs: readonly string[]): string[] => downs.map((type) => type.replace("Down", "Up")).reverse();

/** A side or both; none is left to others to say. */
function sizeFrom(size: unknown): Partial<Config> {
  if (size === null) return {};
  const sides = isList(size) ? size : [size, size];
  if (sides.length !== 2 || !sides.every((side) => Number.isInteger(side) && (side as number) >= 1))
    refuse("sample_size", "a side or [height, width], in pixels", size, "leave it out, and say --data.height and --data.width");
  const [height, width] = sides as [number, number];
  return { "data.height": height, "data.width": width };
}

/** Classes named by their numbers, since diffusers has no names. */
function classesFrom(count: unknown): string[] {
  if (count === null) return [];
  if (!Number.isInteger(count) || (count as number) < 1 || (count as number) > 1e5)
    return refuse("num_class_embeds", "a number of at least 1 and at most 100,000", count, advice);
  return Array.from({ length: count as number }, (_, i) => `${i}`);
}

/** The file of the `UNet2DModel` that a configuration's model is, with so many rows of its embedding of classes. */
export function unetOf(config: Config, classes: number): DiffusersJson {
  const downs = config["model.dimMults"].map((_, i) => (config["model.attention"].includes(i) ? "AttnDownBlock2D" : "DownBlock2D"));
  const { "data.height": height, "data.width": width, "model.channels": channels } = config;
  return {
    _class_name: "UNet2DModel",
    sample_size: height === width ? height : [height, width],
    in_channels: channels,
    out_channels: config["diffusion.variance"] === "learned" ? 2 * channels : channels,
    block_out_channels: config["model.dimMults"].map((m) => m * config["model.dim"]),
    layers_per_block: config["model.blocks"],
    down_block_types: downs,
    up_block_types: mirrorOf(downs),
    attention_head_dim: config["model.headDim"] || null,
    norm_num_groups: config["model.groups"],
    norm_eps: config["model.normEps"],
    downsample_padding: config["model.downsamplePadding"],
    freq_shift: config["model.freqShift"],
    flip_sin_to_cos: config["model.flipSinToCos"],
    dropout: config["model.dropout"],
    num_class_embeds: classes || null,
  };
}
