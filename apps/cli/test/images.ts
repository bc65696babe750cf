/** Image files for tests. */
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { after } from "node:test";
import sharp, { type Sharp } from "sharp";
import yazl from "yazl";

/** An image of one colour: a number for grey, else red, green, blue and possibly alpha, each 0 to 255. */
export function plain(height: number, width: number, colour: number | readonly number[]): Sharp {
  const values = typeof colour === "number" ? [colour] : colour;
  const channels = values.length as 1 | 3 | 4;
  const data = Uint8Array.from({ length: height * width * channels }, (_, i) => values[i % channels]!);
  return sharp(data, { raw: { height, width, channels } }).toColourspace(channels === 1 ? "b-w" : "srgb"); // else grey is written as colour
}

/** A grey PNG whose column x has the value `step`·x. */
export const ramp = (height: number, width: number, step: number): Promise<Buffer> =>
  sharp(
    Uint8Array.from({ length: height * width }, (_, i) => step * (i % width)),
    { raw: { height, width, channels: 1 } },
  )
    .toColourspace("b-w")
    .png()
    .toBuffer();

/** A new folder with files, which is gone after the tests. */
export async function folderOf(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ddpm-images-"));
  after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** A zip archive of files, which is gone after the tests. */
export async function archive(files: Readonly<Record<string, Uint8Array>>, compress: boolean): Promise<string> {
  const zip = new yazl.ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name, { compress });
  zip.end();
  const path = join(await folderOf({}), "images.zip");
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}
