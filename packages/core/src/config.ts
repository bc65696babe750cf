/** Every configuration key, once: its type, default, help and check. Flags, presets, checkpoints and the page all use these. */
import { type ArchitectureName, architectureNames, ownKeys } from "./architecture.ts";
import { boolean, choice, type Field, integer, integers, isNumber, number, numbers, text, texts } from "./field.ts";
import { type LrDecay, lrDecayNames } from "./learning-rate.ts";
import { type LossName, lossNames } from "./loss.ts";
import { edits } from "./names.ts";
import { type Objective, objectiveNames } from "./objective.ts";
import { type Schedule, type ScheduleName, schedule, scheduleNames } from "./schedule.ts";
import { type Variance, varianceNames } from "./solvers.ts";

/** A whole configuration, with every key; `fields` says what each is. */
export interface Config {
  readonly "model.architecture": ArchitectureName;
  readonly "model.dim": number;
  readonly "model.dimMults": readonly number[];
  readonly "model.block": "resnet" | "convnext";
  readonly "model.groups": number;
  readonly "model.blocks": number;
  readonly "model.attention": readonly number[];
  readonly "model.headDim": number;
  readonly "model.normEps": number;
  readonly "model.downsamplePadding": number;
  readonly "model.freqShift": number;
  readonly "model.flipSinToCos": boolean;
  readonly "model.dropout": number;
  readonly "model.channels": number;
  readonly "model.classes": readonly string[];
  readonly "data.name": string;
  readonly "data.height": number;
  readonly "data.width": number;
  readonly "data.crop": "centre" | "random";
  readonly "data.flip": boolean;
  readonly "diffusion.timesteps": number;
  readonly "diffusion.schedule": ScheduleName;
  readonly "diffusion.zeroTerminalSnr": boolean;
  readonly "diffusion.objective": Objective;
  readonly "diffusion.variance": Variance;
  readonly "train.batch": number;
  readonly "train.accumulate": number;
  readonly "train.lr": number;
  readonly "train.warmup": number;
  readonly "train.lrDecay": LrDecay;
  readonly "train.decaySteps": number;
  readonly "train.clip": number;
  readonly "train.maxSkips": number;
  readonly "train.weightDecay": number;
  readonly "train.loss": LossName;
  readonly "train.timesteps": "uniform" | "importance";
  readonly "train.minSnr": number;
  readonly "train.vlbWeight": number;
  readonly "train.emaDecay": number;
  readonly "train.classDropout": number;
  readonly "train.emaAlso": readonly number[];
  readonly "train.sampleEvery": number;
  readonly "train.checkpointEvery": number;
  readonly "train.checkpointMinutes": number;
  readonly "train.keepLast": number;
  readonly "train.keepBest": boolean;
  readonly "train.dtype": "float32" | "bf16";
  readonly "train.threads": number;
  readonly "train.deterministic": boolean;
  readonly seed: number;
}

/** Names of the keys: `model.dim`, `diffusion.schedule`, …. */
export type ConfigKey = keyof Config;

/** All keys, in the order that help prints them. */
export const fields: { readonly [K in ConfigKey]: Field<Config[K]> } = {
  "model.architecture": choice(
    architectureNames,
    "notebook",
    "The U-Net: the practical work's, that of Ho et al. 2020, or the annotated diffusion model's",
  ),
  "model.dim": integer(28, "Width of the first level and of the time embedding", { least: 4, most: 8192, step: 2 }),
  "model.dimMults": integers([1, 2, 4], "Width of each level as a multiple of model.dim", { least: 1, most: 1024, longest: 10 }),
  "model.block": choice(["resnet", "convnext"], "resnet", "Kind of the notebook's U-Net's blocks"),
  "model.groups": integer(1, "Groups of the normalisations in ResNet blocks", { least: 1, most: 8192 }),
  "model.blocks": integer(2, "Of ddpm: ResNet blocks of a level on the way down, one more on the way up", { least: 1, most: 64 }),
  "model.attention": integers([], "Of ddpm: levels with self-attention, counted from 0; the middle always has it", {
    shortest: 0,
    longest: 10,
    least: 0,
  }),
  "model.headDim": integer(0, "Of ddpm: channels of a head of self-attention; 0 is one head", { least: 0, most: 8192 }),
  "model.normEps": number(1e-5, "Of ddpm: what normalisations add to a variance", { above: 0, most: 1 }),
  "model.downsamplePadding": integer(1, "Of ddpm: zeros around an image before it is halved: 1 on all sides, or 0 for its end alone", {
    least: 0,
    most: 1,
  }),
  "model.freqShift": integer(1, "Of ddpm: taken off the number of the time's frequencies that their exponents are divided by", { least: 0, most: 1 }),
  "model.flipSinToCos": boolean(false, "Of ddpm: cosines of the time before its sines"),
  "model.dropout": number(0, "Probability with which training zeroes a number before a block's last convolution", { least: 0, below: 1 }),
  "model.channels": integer(1, "Channels of an image, from the data", { least: 1, most: 4096 }),
  "model.classes": texts([], "Names of the classes that the model can be asked for, in the order of the labels, from the data", { longest: 100_000 }),
  "data.name": text("fashion-mnist", "What the model learns: a known data set or a path"),
  "data.height": integer(28, "Height of an image in pixels, from the data unless given: a multiple of 2^(levels - 1)", { least: 1, most: 65536 }),
  "data.width": integer(28, "Width of an image in pixels, from the data unless given: a multiple of 2^(levels - 1)", { least: 1, most: 65536 }),
  "data.crop": choice(
    ["centre", "random"],
    "centre",
    "What to cut of an image whose short side was resized to fit: its centre, or a random part at each step",
  ),
  "data.flip": boolean(true, "Mirror each training image left to right with probability 1/2"),
  "diffusion.timesteps": integer(600, "Steps T from image to noise", { least: 1, most: 1e6 }),
  "diffusion.schedule": choice(scheduleNames, "linear", "How the noise grows with t"),
  "diffusion.zeroTerminalSnr": boolean(false, "Rescale the schedule so that nothing of the image is left at T; needs objective v or x0"),
  "diffusion.objective": choice(objectiveNames, "eps", "What the model predicts: the noise, the image, or the velocity between them"),
  "diffusion.variance": choice(
    varianceNames,
    "posterior",
    "Variance of a step back: the posterior's, beta, or learned between them with a hybrid loss",
  ),
  "train.batch": integer(128, "Images of one step", { least: 1, most: 1e6 }),
  "train.accumulate": integer(1, "Runs that a step of train.batch images is done in, one after the other, to save memory", { least: 1, most: 1e6 }),
  "train.lr": number(1e-3, "Learning rate of AdamW", { above: 0 }),
  "train.warmup": integer(0, "Steps in which the learning rate rises evenly to train.lr", { least: 0 }),
  "train.lrDecay": choice(lrDecayNames, "none", "How the learning rate then falls to 0"),
  "train.decaySteps": integer(0, "Steps in all until train.lrDecay ends; 0 is the --steps or --epochs that the run begins with", { least: 0 }),
  "train.clip": number(0, "Greatest norm of the gradient, which is scaled down to it; 0 is no limit", { least: 0 }),
  "train.maxSkips": integer(10, "Steps in a row whose loss or gradient is not finite, each of which changes nothing, before training ends", {
    least: 0,
  }),
  "train.weightDecay": number(0.01, "Weight decay of AdamW", { least: 0 }),
  "train.loss": choice(lossNames, "huber", "Loss between the prediction and what it should be"),
  "train.timesteps": choice(
    ["uniform", "importance"],
    "uniform",
    "How an image's t is drawn: alike, or by the losses that each t had, for the bound of a learned variance",
  ),
  "train.minSnr": number(0, "Gamma of min-SNR weighting, 5 in its paper; 0 weighs all timesteps alike", { least: 0 }),
  "train.vlbWeight": number(0.001, "Weight of the variational bound in the loss where the variance is learned", { least: 0 }),
  "train.emaDecay": number(0.9999, "Decay of the averaged weights, reached by the ramp (1 + n) / (10 + n)", { least: 0, below: 1 }),
  "train.classDropout": number(0.1, "How often an image's class is left out, so that the model also learns to do without", { least: 0, most: 1 }),
  "train.emaAlso": numbers([], "Decays of further averages, each in a file model-ema-<decay>.safetensors", { least: 0, below: 1, longest: 16 }),
  "train.sampleEvery": integer(0, "Steps between sample sheets; 0 is once per epoch", { least: 0 }),
  "train.checkpointEvery": integer(1000, "Steps between checkpoints", { least: 1 }),
  "train.checkpointMinutes": number(0, "Minutes after which a checkpoint is made besides; 0 is never", { least: 0 }),
  "train.keepLast": integer(0, "Checkpoints to keep in checkpoints/ of the last so many saves, besides model.safetensors", { least: 0 }),
  "train.keepBest": boolean(false, "Keep in best.safetensors what had the lowest mean training loss over train.checkpointEvery steps"),
  "train.dtype": choice(["float32", "bf16"], "float32", "Precision of the training step"),
  "train.threads": integer(0, "Threads of an operation on the CPU, of which the last bits of sums depend; 0 is one for each core", {
    least: 0,
    most: 1024,
  }),
  "train.deterministic": boolean(
    false,
    "Ask the device for operations that give the same bits each time, which a GPU else need not; it may be slower",
  ),
  seed: integer(0, "Seed of everything random", { least: 0, below: 2 ** 32 }),
};

/** All keys, in the order of `fields`. */
export const configKeys: readonly ConfigKey[] = Object.keys(fields) as ConfigKey[];

/** Every key's default: the configuration of the practical work's notebook. */
export const defaults: Config = Object.fromEntries(configKeys.map((key) => [key, fields[key].default])) as unknown as Config;

/** The defaults, changed by each part in turn. Throws a SyntaxError that names the key for an unknown key, a wrong type or an impossible value. */
export function configure(...parts: readonly Partial<Config>[]): Config {
  for (const part of parts) checkPart(part);
  const config = Object.assign({}, defaults, ...parts) as Config;
  checkOwnKeys(config);
  checkLevels(config);
  checkGroups(config);
  checkSize(config, "data.height");
  checkSize(config, "data.width");
  checkSchedule(config);
  checkAccumulation(config);
  checkLearningRate(config);
  checkAverages(config);
  return config;
}

/** The key of this name. Throws a SyntaxError with the nearest key for a name that is none. */
export function configKey(name: string): ConfigKey {
  if (Object.hasOwn(fields, name)) return name as ConfigKey;
  const distance = (key: string): number => Math.min(edits(name, key), edits(name, key.slice(key.indexOf(".") + 1)) + 0.5);
  const nearest = configKeys.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  const advice = distance(nearest) <= name.length / 2 ? `did you mean ${nearest}?` : `the keys are ${configKeys.join(", ")}`;
  throw new SyntaxError(`Expected a configuration key but found ${JSON.stringify(name).slice(1, -1).slice(0, 80)}; ${advice}`);
}

/** The value that a flag's text means: `1,2,4` or `[1,2,4]` for lists. Throws a SyntaxError that names the key for a text that it cannot have. */
export function parseValue<K extends ConfigKey>(key: K, text: string): Config[K] {
  const field: Field<unknown> = fields[configKey(key)];
  const value = field.parse(text);
  if (!field.accepts(value)) throw wrong(key, field.expected, JSON.stringify(text));
  return value as Config[K];
}

/** The part of a configuration that flags give, by key. Throws as `parseValue` and `configKey` do. */
export const parseConfig = (flags: Readonly<Record<string, string>>): Partial<Config> =>
  Object.fromEntries(Object.entries(flags).map(([name, text]) => [name, parseValue(configKey(name), text)]));

const wrong = (key: string, expected: string, found: unknown): SyntaxError => new SyntaxError(`Expected ${key} to be ${expected} but found ${found}`);

/** Parts may come from files, so their type is not to be trusted. */
function checkPart(part: unknown): void {
  if (typeof part !== "object" || part === null || Array.isArray(part)) {
    throw new SyntaxError(`Expected a configuration to be an object of keys and values but found ${JSON.stringify(part)?.slice(0, 80)}`);
  }
  for (const [key, value] of Object.entries(part)) checkValue(configKey(key), value);
}

function checkValue(key: ConfigKey, value: unknown): void {
  const shown = isNumber(value) || typeof value !== "number" ? JSON.stringify(value)?.slice(0, 80) : value;
  if (!fields[key].accepts(value)) throw wrong(key, fields[key].expected, shown);
}

function checkOwnKeys(config: Config): void {
  const { "model.architecture": name } = config;
  for (const [key, owners] of Object.entries(ownKeys) as [keyof typeof ownKeys, readonly string[]][]) {
    const [standard, found] = [defaults[key], config[key]].map((value) => JSON.stringify(value));
    if (!owners.includes(name) && found !== standard)
      throw wrong(key, `left at ${standard} for model.architecture ${name}, which has nothing of the kind,`, found);
  }
}

/** What Ho et al.'s U-Net asks of its levels. */
function checkLevels({ "model.architecture": name, ...config }: Config): void {
  if (name !== "ddpm") return;
  const { "model.dim": dim, "model.dimMults": mults, "model.attention": attention, "model.headDim": headDim } = config;
  if (mults[0] !== 1) throw wrong("model.dimMults", "a list that begins with 1 for model.architecture ddpm,", mults);
  const deepest = mults.length - 1;
  const beyond = attention.find((level) => level > deepest);
  if (beyond !== undefined) throw wrong("model.attention", `levels of 0 to ${deepest}, which model.dimMults has,`, beyond);
  const width = [...attention, deepest].map((level) => mults[level]! * dim).find((width) => headDim > 0 && width % headDim !== 0);
  if (width !== undefined) throw wrong("model.headDim", `0 or a divisor of ${width}, the width of a level with attention,`, headDim);
}

/** Outside of the levels there is the width `dim` itself. */
function checkGroups({ "model.dim": dim, "model.dimMults": mults, "model.block": block, "model.groups": groups }: Config): void {
  const width = [1, ...mults].map((m) => m * dim).find((width) => width % groups !== 0);
  if (block === "resnet" && width !== undefined) throw wrong("model.groups", `a divisor of ${width}, the width of a level,`, groups);
}

function checkSize(config: Config, key: "data.height" | "data.width"): void {
  const levels = config["model.dimMults"].length;
  const divisor = sizeDivisor(levels);
  if (config[key] % divisor === 0) return;
  const nearest = nearestSizes(config[key], levels).join(" or ");
  throw wrong(key, `divisible by ${divisor}, which the ${levels} levels of model.dimMults halve it by, such as ${nearest},`, config[key]);
}

/** What heights and widths have to be divisible by: every level of the U-Net but the last halves them. */
export const sizeDivisor = (levels: number): number => 2 ** (levels - 1);

/** The heights or widths in pixels next to `size`, below and above, that so many levels allow. */
export function nearestSizes(size: number, levels: number): number[] {
  const divisor = sizeDivisor(levels);
  const below = Math.floor(size / divisor) * divisor;
  return [below, below + divisor].filter((side) => side > 0);
}

function checkSchedule(config: Config): void {
  try {
    scheduleFor(config);
  } catch (cause) {
    throw new SyntaxError(`diffusion.timesteps: ${(cause as Error).message}`, { cause });
  }
  if (config["diffusion.zeroTerminalSnr"] && config["diffusion.objective"] === "eps")
    throw wrong("diffusion.objective", "v or x0 with diffusion.zeroTerminalSnr, since noise alone tells no image,", `"eps"`);
}

/** Channels of what a configuration's model says: its prediction, and as many for the variance where it learns that. */
export const outputChannels = (config: Config): number => config["model.channels"] * (config["diffusion.variance"] === "learned" ? 2 : 1);

const schedules = new WeakMap<Config, Schedule>();

/** The constants of a configuration's schedule, worked out once. */
export function scheduleFor(config: Config): Schedule {
  const known = schedules.get(config);
  if (known) return known;
  const { "diffusion.schedule": name, "diffusion.timesteps": timesteps, "diffusion.zeroTerminalSnr": zeroTerminalSnr } = config;
  const constants = schedule(name, timesteps, { zeroTerminalSnr });
  schedules.set(config, constants);
  return constants;
}

function checkAccumulation({ "train.batch": batch, "train.accumulate": runs }: Config): void {
  if (batch % runs !== 0) throw wrong("train.accumulate", `a divisor of ${batch}, the images of a step,`, runs);
}

function checkLearningRate({ "train.lrDecay": decay, "train.decaySteps": steps, "train.warmup": warmup }: Config): void {
  if (decay !== "none" && steps > 0 && steps <= warmup)
    throw new SyntaxError(
      `Expected train.decaySteps to be above ${warmup}, which is train.warmup, but found ${steps}; choose more of them or a shorter train.warmup`,
    );
}

function checkAverages({ "train.emaDecay": decay, "train.emaAlso": others }: Config): void {
  if (new Set([decay, ...others]).size <= others.length)
    throw wrong("train.emaAlso", `decays that differ from each other and from train.emaDecay ${decay}`, others);
}
