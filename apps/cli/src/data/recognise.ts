import { open, readdir, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { cifar } from "./cifar.ts";
import { idxImages } from "./idx.ts";
import { imageFolder } from "./image-folder.ts";
import { parquetImages } from "./parquet.ts";
import { isImage, trainingPart } from "./paths.ts";
import type { Source } from "./source.ts";
import { zipArchive } from "./zip.ts";

/** The images at a path, whatever they are: a file by how it begins, a folder by the files in it. Throws a SyntaxError for what holds no images. */
export async function recognise(path: string): Promise<Source> {
  return (await stat(path)).isDirectory() ? folder(path) : file(path);
}

async function file(path: string): Promise<Source> {
  const start = await beginning(path);
  if (start.startsWith("PK")) return zipArchive(path);
  if (start.startsWith("PAR1")) return parquetImages(path, [path]);
  if (start.startsWith("\x00\x00\x08") || start.startsWith("\x1f\x8b")) return idxImages(path, path);
  if (path.endsWith(".bin")) return cifar(path, [path]);
  throw new SyntaxError(`Expected a zip archive, parquet, idx or CIFAR-10 file but found ${JSON.stringify(start)} at the beginning of ${path}`);
}

/** Its first four bytes, one letter each. */
async function beginning(path: string): Promise<string> {
  await using handle = await open(path);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.toString("latin1", 0, bytesRead);
}

/** What a folder may hold, in the order that decides where it holds several. */
const kinds: readonly { readonly holds: (path: string) => boolean; readonly open: (folder: string, paths: string[]) => Promise<Source> }[] = [
  { holds: (path) => /images.idx3-ubyte(\.gz)?$/.test(path), open: (folder, [first]) => idxImages(folder, join(folder, first!)) },
  {
    holds: (path) => /(^|\/)data_batch_\d+(\.bin)?$/.test(path),
    open: (folder, paths) =>
      cifar(
        folder,
        paths.map((path) => join(folder, path)),
      ),
  },
  {
    holds: (path) => /\.parquet$/.test(path),
    open: (folder, paths) =>
      parquetImages(
        folder,
        paths.map((path) => join(folder, path)),
      ),
  },
  { holds: isImage, open: imageFolder },
];

async function folder(path: string): Promise<Source> {
  const files = (await readdir(path, { recursive: true })).map((file) => file.split(sep).join("/"));
  for (const { holds, open } of kinds) {
    const paths = trainingPart(files.filter(holds));
    if (paths.length > 0) return open(path, paths);
  }
  throw new SyntaxError(`Expected images, parquet files, CIFAR-10's data_batch_1.bin … or train-images-idx3-ubyte in ${path} but found none`);
}
