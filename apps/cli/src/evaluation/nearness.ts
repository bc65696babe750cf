import type { Dataset } from "@ddpm/core";
import type { Chosen } from "./distances.ts";
import type { Nearness } from "./evaluation.ts";
import { type Neighbour, neighbours } from "./neighbours.ts";

/** Images whose nearest neighbours are looked for. */
export const looked = 64;

/** The first images of a choice, as bytes. */
export const pixelsOf = ({ dataset, indices }: Pick<Chosen, "dataset" | "indices">, most = looked): Promise<Uint8Array[]> =>
  Promise.all(Array.from({ length: Math.min(most, indices.length) }, async (_, i) => Uint8Array.from(await dataset.pixels(indices[i]!, 0.5))));

/** The nearest learnt image to each drawn one, and how near drawn and real ones come. */
export async function nearnessOf(
  drawn: readonly Uint8Array[],
  real: readonly Uint8Array[],
  learnt: Chosen,
): Promise<{ nearness: Nearness; nearest: readonly Neighbour[] }> {
  const found = await neighbours([...drawn, ...real], learnt);
  const [nearest, others] = [found.slice(0, drawn.length), found.slice(drawn.length)];
  return { nearness: { count: drawn.length, drawn: median(nearest), real: median(others) }, nearest };
}

function median(found: readonly Neighbour[]): number {
  const sorted = found.map(({ distance }) => distance).sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}

/** All images of a data set, in its order. */
export const allOf = (dataset: Dataset, count = dataset.count): Omit<Chosen, "flip"> => ({
  dataset,
  indices: Array.from({ length: count }, (_, i) => i),
});
