import { extname, join } from "node:path";
import { prepareFolderOf } from "./files.ts";
import { grid, writePng } from "./picture.ts";
import { writeImages } from "./tensor-file.ts";
import { UsageError } from "./usage-error.ts";

/** Writes images [n, h, w, c]; a grid in so many columns. */
export type Writer = (values: Float32Array, shape: readonly [number, number, number, number], columns?: number) => Promise<unknown>;

/** What writes NHWC images as the path's ending says: a tensor, a grid, or a folder with one picture each. Throws where the path cannot be written. */
export async function writerTo(out: string): Promise<Writer> {
  const ending = extname(out);
  if (ending && ![".safetensors", ".png"].includes(ending))
    throw new UsageError(`Expected --out to end in .png or .safetensors, or to be a folder, but found ${out}; choose one of them`);
  await prepareFolderOf("--out", ending ? out : join(out, "0000.png"));
  if (ending === ".safetensors") return (values, shape) => writeImages(out, "samples", values, shape);
  if (ending === ".png") return (values, [n, h, w, c], columns) => writePng(out, grid(values, n, h, w, c, { ...(columns && { columns }) }));
  return async (values, [n, h, w, c]) => {
    for (let i = 0; i < n; i++) {
      const image = values.subarray(i * h * w * c, (i + 1) * h * w * c);
      await writePng(join(out, `${String(i).padStart(4, "0")}.png`), grid(image, 1, h, w, c, { scale: 1, gap: 0 }));
    }
  };
}
