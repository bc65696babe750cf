import type { Chosen } from "./distances.ts";
import type { Nearness } from "./evaluation.ts";
import { type Neighbour, neighbours } from "./neighbours.ts";
import type { RealImagesOf } from "./real-images.ts";

/** Images whose nearest neighbours are looked for. */
export const looked = 64;

/** The first images of a choice, as bytes. */
export const firstOf = ({ dataset, indices }: Omit<Chosen, "flip">): Promise<Uint8Array[]> =>
  Promise.all(Array.from({ length: Math.min(looked, indices.length) }, async (_, i) => Uint8Array.from(await dataset.pixels(indices[i]!, 0.5))));

/** The nearest of all images to train on to each drawn one, and how near drawn and real ones come. */
export async function nearnessOf(
  drawn: readonly Uint8Array[],
  real: readonly Uint8Array[],
  { training, heldOut, others: { indices, flip } }: RealImagesOf,
): Promise<{ nearness: Nearness; nearest: readonly Neighbour[] }> {
  const selves = heldOut ? [] : indices;
  const found = await neighbours(
    [...drawn.map((image) => ({ image })), ...real.map((image, i) => (selves[i] === undefined ? { image } : { image, self: selves[i] }))],
    training,
    flip,
  );
  const [nearest, others] = [found.slice(0, drawn.length), found.slice(drawn.length)];
  return { nearness: { count: drawn.length, drawn: median(nearest), real: median(others) }, nearest };
}

function median(found: readonly Neighbour[]): number {
  const sorted = found.map(({ distance }) => distance).sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}
