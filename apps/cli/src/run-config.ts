/** What the configuration of a run is, from its first flags to those that it goes on with. */
import { type Config, configure } from "@ddpm/core";
import type { ConfigKey } from "@ddpm/core/config";
import { UsageError } from "./usage-error.ts";

/** What a run keeps and shows, which may change on the way since it changes nothing of what is learnt. */
const bookkeeping: readonly ConfigKey[] = [
  "train.keepLast",
  "train.keepBest",
  "train.sampleEvery",
  "train.checkpointEvery",
  "train.checkpointMinutes",
  "train.maxSkips",
  "train.threads",
  "train.deterministic",
];

const entriesOf = (part: Partial<Config>) => Object.entries(part) as [ConfigKey, unknown][];

/** The configuration of a new run, whose learning rate falls over its `steps` unless told another number. Throws a UsageError where the two do not fit. */
export function withDecay(config: Config, steps: number): Config {
  const { "train.lrDecay": decay, "train.decaySteps": told, "train.warmup": warmup } = config;
  if (decay === "none") return config;
  if (told > 0 && steps > told)
    throw new UsageError(
      `Expected --train.decaySteps of at least ${steps}, the steps in all, but found ${told}: no step beyond it would train; leave it out or ask for fewer steps`,
    );
  if (told === 0 && steps <= warmup)
    throw new UsageError(
      `Expected more than ${warmup} steps, in which the learning rate rises, so that it can fall after them, but found ${steps}; choose more --steps or a shorter --train.warmup`,
    );
  return configure(config, { "train.decaySteps": told || steps });
}

/** A run that is to give the same bits anywhere keeps the number of threads that it begins with. */
export const withThreads = (config: Config, cores: number): Config =>
  config["train.deterministic"] && config["train.threads"] === 0 ? configure(config, { "train.threads": cores }) : config;

/**
 * The configuration of a run that goes on: as it was but for what it keeps and shows. Throws a RangeError where flags or a preset ask for
 * another run.
 */
export function resumed(saved: Config, flags: Partial<Config>, { preset, conditional }: { preset: Partial<Config>; conditional: boolean }): Config {
  if (conditional && saved["model.classes"].length === 0)
    throw new RangeError(
      "Expected --conditional for a run that began with it but found one that began without; leave it out or start a new run in another --out",
    );
  const fixed = entriesOf({ ...preset, ...flags }).filter(([key]) => !bookkeeping.includes(key));
  refuseContradictions(saved, Object.fromEntries(fixed));
  return configure(saved, Object.fromEntries(entriesOf(flags).filter(([key]) => bookkeeping.includes(key))));
}

/** Throws a RangeError for steps of a run that goes on beyond the end of its learning rate's decay. */
export function refuseBeyondDecay({ "train.lrDecay": decay, "train.decaySteps": end }: Config, steps: number): void {
  if (decay === "none" || steps <= end) return;
  throw new RangeError(
    `Expected at most ${end} steps, after which train.lrDecay ${decay} leaves a learning rate of 0, but found ${steps}; choose --steps ${end}, or start a new run of ${steps} in another --out`,
  );
}

/**
 * Throws a RangeError where the configuration of a run is no longer that with which its state was saved, but for what a run keeps and shows, and for where
 * its data are.
 */
export function refuseEdited(saved: Config, config: Config): void {
  for (const [key, value] of entriesOf(config)) {
    const expected = JSON.stringify(saved[key]);
    if (JSON.stringify(value) !== expected && key !== "data.name" && !bookkeeping.includes(key))
      throw new RangeError(
        `Expected ${key} ${expected} as when it was saved but found ${JSON.stringify(value)} in config.json; put it back, or start a new run in another --out`,
      );
  }
}

/** Throws a RangeError where a given value differs from a fixed one. */
export function refuseContradictions(fixed: Config, given: Partial<Config>, owner = "the run"): void {
  for (const [key, value] of entriesOf(given)) {
    const expected = JSON.stringify(fixed[key]);
    if (JSON.stringify(value) !== expected)
      throw new RangeError(
        `Expected ${key} ${expected} as in ${owner} but found ${JSON.stringify(value)}; leave it out, or start a new run in another --out`,
      );
  }
}
