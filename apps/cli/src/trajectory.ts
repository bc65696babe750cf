import { extname, resolve } from "node:path";
import type { imageShape, Numbers } from "@ddpm/core";
import type { Row } from "@ddpm/core/diffusion";
import { evenNumbers } from "./even-numbers.ts";
import { figureEndings, prepareFile, writeFigure } from "./figure-file.ts";
import { writeAtomically } from "./files.ts";
import { grid, type Picture } from "./picture.ts";
import { sheetSvg } from "./sheet.ts";
import { UsageError } from "./usage-error.ts";

/** Steps that are shown at most, images of a strip, and rows and columns of a GIF. */
const most = { strip: 9, gif: 40, images: 8, side: 16 } as const;

/** Milliseconds that a frame of a GIF stays; the last one is what one wants to see. */
const [brief, long] = [80, 1500] as const;

type Shape = ReturnType<typeof imageShape>;

/** How the images stand in the grid that is drawn with them, and what each of them is called. */
export interface Arrangement {
  readonly columns?: number | undefined;
  readonly names?: readonly string[] | undefined;
}

interface Beginning {
  readonly table: readonly Row[];
  /** Of all images. */
  readonly shape: Shape;
  /** Whether the sampler starts from noised images in place of noise. */
  readonly fromImages: boolean;
}

interface Frame {
  readonly label: string;
  /** [shown images, h, w, c]. */
  readonly x: Float32Array;
}

/** The way from noise to image of some of the images that a sampler draws. */
export class Trajectory {
  readonly #path: string;
  readonly #arrangement: Arrangement;
  readonly #frames = new Map<number, Frame>();
  #shape: Shape = [0, 0, 0, 0];
  #fromImages = false;
  #shown: readonly number[] = [];
  #columns = 0;

  constructor(path: string, arrangement: Arrangement = {}) {
    this.#path = path;
    this.#arrangement = arrangement;
  }

  /** Throws where there can be no strip (.png, .svg) and no GIF (.gif) at `path`, or where `out` is to be written. */
  static async check(path: string, out: string): Promise<void> {
    await prepareFile("--trajectory", path, [...figureEndings, ".gif"]);
    if (resolve(path) === resolve(out))
      throw new UsageError(`Expected --trajectory to be another file than --out but found ${path} for both; choose another`);
  }

  get #moves(): boolean {
    return extname(this.#path) === ".gif";
  }

  begin({ table, shape, fromImages }: Beginning): void {
    const [n, h, w, c] = shape;
    const { columns = Math.ceil(Math.sqrt(n)) } = this.#arrangement;
    const across = evenNumbers(0, Math.min(columns, n) - 1, most.side);
    this.#columns = across.length;
    this.#shown = this.#moves ? cells(n, columns, across) : evenNumbers(0, n - 1, most.images);
    this.#shape = shape;
    this.#fromImages = fromImages;
    for (const step of evenNumbers(0, table.length, this.#moves ? most.gif : most.strip)) {
      const next = table[step];
      this.#frames.set(step, { label: next ? `t = ${next.t}` : "image", x: new Float32Array(this.#shown.length * h * w * c) });
    }
  }

  /** Whether it is to show what a step makes of images. */
  shows(step: number): boolean {
    return this.#frames.has(step);
  }

  /** Keeps what a step made of the images from the `first` on, where it is one that will be shown. */
  after(step: number, first: number, values: Numbers): void {
    const frame = this.#frames.get(step);
    if (!frame) return;
    const [, h, w, c] = this.#shape;
    const elements = h * w * c;
    for (const [i, image] of this.#shown.entries()) {
      const start = (image - first) * elements;
      if (start >= 0 && start < values.length) frame.x.set(values.slice(start, start + elements), i * elements);
    }
  }

  async write(): Promise<void> {
    const [, ...size] = this.#shape;
    const frames = [...this.#frames.values()];
    if (this.#moves) {
      const pictures = frames.map(({ x }) => grid(x, this.#shown.length, ...size, { columns: this.#columns }));
      await writeAtomically(this.#path, await gif(pictures));
    } else await writeFigure(this.#path, await this.#strip(frames), { scale: 1 });
  }

  /** A row for each image that is shown, a column for each frame. */
  #strip(frames: readonly Frame[]): Promise<string> {
    const [n, h, w, c] = this.#shape;
    const elements = h * w * c;
    const picture = (x: Float32Array, i: number): Picture => grid(x.subarray(i * elements, (i + 1) * elements), 1, h, w, c, { gap: 0 });
    const part = this.#shown.length < n ? `; ${this.#shown.length} of ${n} images` : "";
    return sheetSvg({
      title: this.#fromImages ? "From a noised image to a new one" : "From noise to image",
      subtitle: `What the sampler shows the model at each t, and the image after the last step${part}`,
      columns: frames.map(({ label }) => label),
      rows: this.#shown.map((image, i) => {
        const label = this.#arrangement.names?.[image];
        return { ...(label !== undefined && { label }), cells: frames.map(({ x }) => ({ picture: picture(x, i) })) };
      }),
    });
  }
}

/** The images of a grid in the columns `across`, and in rows evenly over it. */
function cells(n: number, columns: number, across: readonly number[]): number[] {
  const rows = evenNumbers(0, Math.ceil(n / columns) - 1, most.side);
  return rows.flatMap((row) => across.map((column) => row * columns + column)).filter((image) => image < n);
}

async function gif(pictures: readonly Picture[]): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp"); // a tenth of a second
  const { width, height, channels } = pictures[0]!;
  const raw = { width, height: height * pictures.length, channels, pageHeight: height };
  const delay = pictures.map((_, i) => (i === pictures.length - 1 ? long : brief));
  return sharp(Buffer.concat(pictures.map(({ data }) => data)), { raw })
    .gif({ delay, loop: 0, dither: 0 })
    .toBuffer();
}
