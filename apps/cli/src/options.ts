import { deviceNames } from "@ddpm/backend-node";
import type { Config } from "@ddpm/core";
import { type ConfigKey, configKeys, defaults, fields, parseValue } from "@ddpm/core/config";
import { type Command, InvalidArgumentError, Option } from "commander";

/** Adds one flag for each configuration key that `include` accepts; help tells the values of `standard`. */
export function configOptions(command: Command, include: (key: ConfigKey) => boolean = () => true, standard: Config = defaults): Command {
  for (const key of configKeys.filter(include)) command.addOption(configOption(key, standard[key]));
  return command;
}

/** The flag of a key; one that is true or false means true where it stands alone. */
function configOption(key: ConfigKey, standard: Config[ConfigKey]): Option {
  const { help, choices } = fields[key];
  const [value, names] = typeof standard === "boolean" ? ["[value]", ["true", "false"]] : ["<value>", choices];
  return new Option(`--${key} ${value}`, `${help}${names ? `: ${names.join(", ")}` : ""} (default ${String(standard) || "none"})`).argParser(
    parserOf(key),
  );
}

/** The configuration among parsed options, of the keys that `include` accepts. */
export const configOf = (options: Readonly<Record<string, unknown>>, include: (key: ConfigKey) => boolean = () => true): Partial<Config> =>
  Object.fromEntries(Object.entries(options).filter(([key]) => Object.hasOwn(fields, key) && include(key as ConfigKey)));

/** The keys that say what a checkpoint from elsewhere does not. */
export const describesModel = (key: ConfigKey): boolean => key !== "model.dropout" && /^(model|diffusion)\.|^data\.(height|width)$/.test(key);

export const deviceOption = (): Option =>
  new Option("--device <name>", "what computes: tensorflow takes a GPU where there is one").choices(deviceNames).default("tensorflow");

export const sigmaMaxOption = (): Option =>
  new Option("--sigma-max <x>", "leave out the levels with more noise than this (heun 80): there x tells a model nothing").argParser(number);

/** A flag's parser of numbers that `accepts`, said in words as `expected`. */
const numbers =
  (expected: string, accepts: (x: number) => boolean) =>
  (text: string): number => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!accepts(value)) throw new InvalidArgumentError(`Expected ${expected}`);
    return value;
  };

export const number = numbers("a number", Number.isFinite);
export const count = numbers("a positive whole number", (x) => Number.isInteger(x) && x >= 1);
export const share = numbers("a number from 0 to 1", (x) => x >= 0 && x <= 1);
export const positiveShare = numbers("a number above 0 and of at most 1", (x) => x > 0 && x <= 1);

/** A flag's parser of what a key can be. */
export const parserOf =
  <K extends ConfigKey>(key: K) =>
  (text: string): Config[K] => {
    try {
      return parseValue(key, text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
