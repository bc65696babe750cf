import { permutation, stream, uniforms } from "@ddpm/core/random";
import { grid, type Picture } from "../picture.ts";
import type { BrokenImages } from "./broken.ts";
import { type ImagesOptions, imagesOf } from "./images.ts";
import type { Source } from "./source.ts";
import { evenly } from "./survey.ts";

/** Classes that have a row each, and images of a row. */
const [most, columns] = [20, 10];

/** Pixels of an image's longer side. */
const largest = 128;

/** The classes that a gallery shows, one a row. */
export const shownClasses = ({ classes = [] }: Source): readonly string[] => classes.slice(0, most);

/** Images as training sees them, scaled down where they are large: a row of each of the first 20 classes, else a hundred at random. */
export async function gallery(source: Source, { size, crop, broken }: ImagesOptions): Promise<Picture> {
  const { channels } = size;
  const scale = Math.min(1, largest / Math.max(size.height, size.width));
  const [height, width] = [size.height, size.width].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
  const images = imagesOf(source, { size: { height, width, channels }, crop, broken, cache: 0 });
  const cells = source.label ? classRows(source, broken) : anyRows(source, broken);
  const places = uniforms(stream(0, "crops"), cells.length);
  const values = new Float32Array(cells.length * height * width * channels).fill(1);
  for (const [cell, index] of cells.entries()) {
    if (index === undefined) continue;
    const pixels = await images.pixels(index, places[cell]!);
    values.set(
      Float32Array.from(pixels, (byte) => byte / 127.5 - 1),
      cell * pixels.length,
    );
  }
  return grid(values, cells.length, height, width, channels, { columns });
}

const isGood = (source: Source, broken: BrokenImages, index: number): boolean => broken.count === 0 || !broken.has(source.title(index));

/** Images of each class, spread over it; nothing at the end of a row whose class has too few. */
function classRows(source: Source, broken: BrokenImages): (number | undefined)[] {
  const members = shownClasses(source).map((): number[] => []);
  for (let index = 0; index < source.count; index++) {
    if (isGood(source, broken, index)) members[source.label!(index)]?.push(index);
  }
  return members.flatMap((images) => Array.from({ length: columns }, (_, i) => images[evenly(images.length, columns)[i] ?? images.length]));
}

function anyRows(source: Source, broken: BrokenImages): number[] {
  const order = Array.from(permutation(stream(0, "order"), source.count));
  return order.filter((index) => isGood(source, broken, index)).slice(0, columns * columns);
}
