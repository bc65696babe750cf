import { extname } from "node:path";
import { prepareFolderOf, writeAtomically } from "./files.ts";
import { UsageError } from "./usage-error.ts";

export const figureEndings = [".png", ".svg"] as const;

/** Says before the work whether `path` can be written as its ending asks. Throws a UsageError for an ending that is not among `endings`. */
export async function prepareFile(flag: string, path: string, endings: readonly string[] = figureEndings): Promise<void> {
  if (!endings.includes(extname(path)))
    throw new UsageError(`Expected ${flag} to end in ${endings.filter(Boolean).join(" or ")} but found ${path}; choose such an ending`);
  await prepareFolderOf(flag, path);
}

/** Writes an SVG as it is, or as PNG with `scale` pixels for each of its own, as the path's ending says. */
export async function writeFigure(path: string, svg: string, { scale = 2 }: { readonly scale?: number } = {}): Promise<void> {
  await writeAtomically(path, extname(path) === ".svg" ? svg : await rendered(svg, scale));
}

async function rendered(svg: string, scale: number): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp"); // a tenth of a second
  return sharp(Buffer.from(svg), { density: 72 * scale, unlimited: true })
    .flatten()
    .png()
    .toBuffer();
}
