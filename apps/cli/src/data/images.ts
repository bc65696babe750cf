import type { Config, Dataset, InMemoryDataset, Runs } from "@ddpm/core";
import type { BrokenImages } from "./broken.ts";
import { covering, cropped, type Pixels } from "./decode.ts";
import { Gate } from "./gate.ts";
import type { DecodedSource, Size, Source } from "./source.ts";

export interface ImagesOptions {
  readonly size: Size;
  readonly crop: Config["data.crop"];
  readonly broken: BrokenImages;
  /** Bytes of decoded images that may be kept. */
  readonly cache?: number;
}

/** A source's images as bytes of one size. */
export const imagesOf = (source: Source, options: ImagesOptions): Dataset =>
  source.size && same(source.size, options.size) ? inMemory(source) : new Images(source, options);

const same = (a: Size, b: Size): boolean => a.height === b.height && a.width === b.width && a.channels === b.channels;

const described = ({ name, count, classes, label, runs }: Source) => ({
  name,
  count,
  ...(classes && { classes }),
  ...(label && { label }),
  ...(runs && { runs }),
});

const inMemory = (source: DecodedSource): InMemoryDataset => ({ ...described(source), ...source.size, pixels: (index) => source.pixels(index) });

/** Images read at the same time: enough for every core and a slow disk, few enough that large photographs fit in memory. */
const atOnce = 32;

/** What an image takes besides its bytes. */
const overhead = 256;

/** Kept images lie together in pieces of this many bytes, since a buffer each takes more than a small image does. */
const piece = 2 ** 20;

/**
 * Images read and decoded when they are asked for. The first that fit into the cache stay there: every epoch takes each image once, so that none is
 * more likely to be asked for again. An image that cannot be read is replaced by the next that can, of its class where there are classes (the
 * first follows the last): a function of the files alone, so that runs resume exactly and workers agree, and labels stay true.
 */
class Images implements Dataset {
  readonly name: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  declare readonly classes?: readonly string[];
  declare readonly label?: (index: number) => number;
  declare readonly runs?: Runs;
  readonly #source: Source;
  readonly #options: ImagesOptions;
  readonly #gate = new Gate(atOnce);
  readonly #kept = new Map<number, Pixels>();
  readonly #instead = new Map<number, number>();
  #free: number;
  #piece = new Uint8Array(0);

  constructor(source: Source, options: ImagesOptions) {
    this.name = source.name;
    this.count = source.count;
    ({ height: this.height, width: this.width, channels: this.channels } = options.size);
    Object.assign(this, described(source));
    this.#source = source;
    this.#options = options;
    this.#free = options.cache ?? 256 * 2 ** 20;
  }

  pixels(index: number, place: number): Uint8Array | Promise<Uint8Array> {
    const kept = this.#kept.get(this.#instead.get(index) ?? index);
    return kept ? this.#cut(kept, place) : this.#good(index).then((pixels) => this.#cut(pixels, place));
  }

  #cut(pixels: Pixels, place: number): Uint8Array {
    return cropped(pixels, this.#options.size, this.#options.crop === "centre" ? 0.5 : place);
  }

  /** The image, or what replaces it. */
  async #good(index: number): Promise<Pixels> {
    for (let at = this.#instead.get(index) ?? index; ; at = this.#next(at, index)) {
      const pixels = this.#kept.get(at) ?? (await this.#gate.run(() => this.#decoded(at)));
      if (!pixels) continue;
      if (at !== index) this.#instead.set(index, at);
      return pixels;
    }
  }

  async #decoded(index: number): Promise<Pixels | undefined> {
    const pixels = await this.#read(index).catch((error: Error) => this.#options.broken.add(this.#source.title(index), error));
    if (pixels) this.#keep(index, pixels);
    return pixels;
  }

  async #read(index: number): Promise<Pixels> {
    const { size } = this.#options;
    const source = this.#source;
    const image = source.size ? { ...source.size, data: source.pixels(index) } : await source.file(index);
    const pixels = await covering(image, size);
    if (this.#options.crop === "random") return pixels;
    return { ...size, data: cropped(pixels, size, 0.5) };
  }

  /** The image after `index` that may stand for `first`. */
  #next(index: number, first: number): number {
    const { label } = this.#source;
    let at = index;
    do at = (at + 1) % this.count;
    while (label && label(at) !== label(first));
    if (at !== first) return at;
    const where = label ? `class ${this.classes?.[label(first)]} of ${this.name}` : this.name;
    const advice = label ? "mend one, take the class away, or train without --conditional" : "choose other data";
    throw new Error(`Expected an image in ${where} that can be read but found none: ${this.#options.broken}; ${advice}`);
  }

  #keep(index: number, pixels: Pixels): void {
    const { length } = pixels.data;
    if (length + overhead > this.#free || this.#kept.has(index)) return;
    this.#free -= length + overhead;
    if (length > this.#piece.length) this.#piece = new Uint8Array(Math.max(piece, length));
    const data = this.#piece.subarray(0, length);
    data.set(pixels.data);
    this.#piece = this.#piece.subarray(length);
    this.#kept.set(index, { ...pixels, data });
  }
}
