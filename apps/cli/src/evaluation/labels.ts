import type { Config, Dataset } from "@ddpm/core";
import { permutation, stream } from "@ddpm/core/random";

/** What turns a label of data that have classes into that of a model's class of the same name. Throws a RangeError that names a class that the model does not have. */
export function labelOf(config: Config, { name, classes, label }: Dataset): (index: number) => number {
  const known = config["model.classes"];
  const labels = classes!.map((own) => known.indexOf(own));
  const strange = labels.indexOf(-1);
  if (strange >= 0)
    throw new RangeError(
      `Expected classes in ${name} that the model has (${known.slice(0, 5).join(", ")}${known.length > 5 ? ", …" : ""}) but found ${classes![strange]}; choose other --data, such as what it has learnt`,
    );
  return (index) => labels[label!(index)]!;
}

/** Labels to draw, at random and as often as the data have each; none for a model without classes. */
export function labelsLike(config: Config, dataset: Dataset, count: number, seed: number): number[] {
  if (config["model.classes"].length === 0) return [];
  const label = labelOf(config, dataset);
  const order = permutation(stream(seed, "evaluation", 1), dataset.count);
  return Array.from({ length: count }, (_, i) => label(order[i % order.length]!));
}
