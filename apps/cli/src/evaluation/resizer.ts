import sharp from "sharp";
import type { Size } from "../data/source.ts";

/** Resizes images from one size to another, with a filter that lets nothing alias (Parmar et al. 2022), and repeats grey for three channels. */
export class Resizer {
  readonly #from: Size;
  readonly #to: Size;

  constructor(from: Size, to: Size) {
    [this.#from, this.#to] = [from, to];
  }

  /** Bytes [count, height, width, channels]. */
  async resize(bytes: Uint8Array, count: number): Promise<Uint8Array> {
    const [from, to] = [this.#from, this.#to];
    if (from.height === to.height && from.width === to.width && from.channels === to.channels) return bytes;
    const [length, target] = [from.height * from.width * from.channels, to.height * to.width * to.channels];
    const out = new Uint8Array(count * target);
    const images = Array.from({ length: count }, (_, i) => this.#one(bytes.subarray(i * length, (i + 1) * length)));
    for (const [i, image] of (await Promise.all(images)).entries()) out.set(image, i * target);
    return out;
  }

  #one(bytes: Uint8Array): Promise<Uint8Array> {
    const { height, width, channels } = this.#to;
    return sharp(bytes, { raw: this.#from })
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .resize(width, height, { fit: "fill", kernel: "cubic" })
      .raw()
      .toBuffer();
  }
}
