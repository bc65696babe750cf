import { type Config, knowsNone } from "@ddpm/core";
import type { Checkpoint } from "./checkpoint-file.ts";
import { UsageError } from "./usage-error.ts";

/**
 * The labels that `--class` names: names or numbers of a model's classes with commas, or all. Throws a RangeError with the names that there are.
 */
export function labelsOf(text: string, config: Config): number[] {
  const classes = config["model.classes"];
  if (classes.length === 0) throw new RangeError("Expected a model with classes for --class but found one without; train one with --conditional");
  return text === "all" ? [...classes.keys()] : text.split(",").map((name) => labelOf(name.trim(), classes));
}

/** The label of the one class that `--class` names, undefined where it is not given. Throws as `labelsOf` does, and a RangeError for several. */
export function oneLabelOf(text: string | undefined, config: Config): number | undefined {
  if (text === undefined) return undefined;
  const [label, ...others] = labelsOf(text, config);
  if (others.length > 0) throw new RangeError(`Expected one class for --class but found ${text}; run the command once for each`);
  return label;
}

/** The labels of so many images: that of the one class that `--class` names, or each image's own; none where it is not given. Throws as `labelsOf` does, and a RangeError for another number. */
export function labelsOfEach(text: string | undefined, config: Config, count: number): number[] {
  if (text === undefined) return [];
  const labels = labelsOf(text, config);
  if (labels.length === 1) return Array.from({ length: count }, () => labels[0]!);
  if (labels.length === count) return labels;
  throw new RangeError(`Expected one class for --class, or ${count}, one for each image, but found ${labels.length}; name as many`);
}

/** Throws a UsageError for images without a class of a model that was trained with one alone. */
export function checkLabels({ config, parameters }: Checkpoint, labels: readonly (number | undefined)[], total: number): void {
  if (labels.length >= total && !labels.includes(undefined)) return;
  if (knowsNone(config, parameters)) return;
  throw new UsageError("Expected --class for a model of diffusers, which knows images of a class alone, but found none; add it");
}

function labelOf(name: string, classes: readonly string[]): number {
  const label = classes.findIndex((known) => known.toLowerCase() === name.toLowerCase());
  if (label >= 0) return label;
  if (/^\d+$/.test(name) && Number(name) < classes.length) return Number(name);
  throw new RangeError(
    `Expected --class to be all, or among ${classes.join(", ")} or 0 to ${classes.length - 1}, but found ${name || "nothing"}; choose among them`,
  );
}
