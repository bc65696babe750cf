import { extname } from "node:path";
import type { imageShape, Numbers, Row } from "@ddpm/core";
import { evenNumbers } from "./even-numbers.ts";
import { figureEndings, prepareFile, writeFigure } from "./figure-file.ts";
import { writeAtomically } from "./files.ts";
import { grid, type Picture } from "./picture.ts";
import { sheetSvg } from "./sheet.ts";

/** Steps that are shown at most, and images of a strip. */
const most = { strip: 9, gif: 40, rows: 8 } as const;

/** Milliseconds that a frame of a GIF stays; the last one is what one wants to see. */
const [brief, long] = [80, 1500] as const;

type Shape = ReturnType<typeof imageShape>;

interface Beginning {
  readonly table: readonly Row[];
  readonly shape: Shape;
  /** What the sampler starts from. */
  readonly x: Numbers;
}

interface Frame {
  readonly label: string;
  readonly x: Float32Array;
}

/** The way from noise to image of the images that one run of a sampler draws. */
export class Trajectory {
  readonly #path: string;
  readonly #frames: Frame[] = [];
  #shape: Shape = [0, 0, 0, 0];
  #table: readonly Row[] = [];
  #shown = new Set<number>();

  private constructor(path: string) {
    this.#path = path;
  }

  /** Throws where there can be no strip (.png, .svg) and no GIF (.gif) at `path`. */
  static async open(path: string): Promise<Trajectory> {
    await prepareFile("--trajectory", path, [...figureEndings, ".gif"]);
    return new Trajectory(path);
  }

  get #moves(): boolean {
    return extname(this.#path) === ".gif";
  }

  async begin({ table, shape, x }: Beginning): Promise<void> {
    this.#table = table;
    this.#shape = shape;
    this.#shown = new Set(evenNumbers(0, table.length, this.#moves ? most.gif : most.strip));
    await this.after(0, async () => x);
  }

  /** Keeps what a step made where it is one that will be shown. */
  async after(step: number, x: () => Promise<Numbers>): Promise<void> {
    const next = this.#table[step];
    if (this.#shown.has(step)) this.#frames.push({ label: next ? `t = ${next.t}` : "image", x: Float32Array.from(await x()) });
  }

  async write(): Promise<void> {
    if (this.#moves) await writeAtomically(this.#path, await gif(this.#frames.map(({ x }) => grid(x, ...this.#shape))));
    else await writeFigure(this.#path, await strip(this.#frames, this.#shape), { scale: 1 });
  }
}

/** A row for each of the first images, a column for each frame. */
function strip(frames: readonly Frame[], [n, h, w, c]: Shape): Promise<string> {
  const elements = h * w * c;
  const picture = (x: Float32Array, i: number): Picture => grid(x.subarray(i * elements, (i + 1) * elements), 1, h, w, c, { gap: 0 });
  return sheetSvg({
    title: "From noise to image",
    subtitle: "What the sampler shows the model at each t, and the image after the last step",
    columns: frames.map(({ label }) => label),
    rows: Array.from({ length: Math.min(n, most.rows) }, (_, i) => ({ cells: frames.map(({ x }) => ({ picture: picture(x, i) })) })),
  });
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
