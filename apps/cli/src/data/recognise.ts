import { open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { cifar } from "./cifar.ts";
import { idxImages } from "./idx.ts";
import { imageFolder } from "./image-folder.ts";
import { parquetImages } from "./parquet.ts";
import { filesFor, foldersFor, isImage, type Part, type Wanted } from "./paths.ts";
import type { Source } from "./source.ts";
import { zipArchive } from "./zip.ts";

/** The images at a path, whatever they are: a file by how it begins, a folder by the files in it. Throws a SyntaxError for what holds no images. */
export async function recognise(path: string, purpose: Wanted): Promise<Source> {
  return (await stat(path)).isDirectory() ? folder(path, purpose) : file(path, purpose);
}

async function file(path: string, purpose: Wanted): Promise<Source> {
  const start = await beginning(path);
  if (start.startsWith("PK")) return zipArchive(path, purpose);
  if (start.startsWith("PAR1")) return parquetImages(path, [path]);
  if (start.startsWith("\x00\x00\x08") || start.startsWith("\x1f\x8b")) return idxImages(path, path);
  if (path.endsWith(".bin")) return cifar(path, [path]);
  throw new SyntaxError(
    `Expected a zip archive, parquet, idx or CIFAR file but found ${JSON.stringify(start)} at the beginning of ${path}; give such a file, or the folder that images are in`,
  );
}

/** Its first four bytes, one letter each. */
async function beginning(path: string): Promise<string> {
  await using handle = await open(path);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.toString("latin1", 0, bytesRead);
}

interface Kind {
  readonly holds: (path: string) => boolean;
  readonly part: (purpose: Wanted, paths: readonly string[]) => Part;
  readonly open: (folder: string, paths: readonly string[]) => Promise<Source>;
}

const within = (folder: string, paths: readonly string[]): string[] => paths.map((path) => join(folder, path));

/** What a folder may hold, in the order that decides where it holds several. */
const kinds: readonly Kind[] = [
  { holds: (path) => /images.idx3-ubyte(\.gz)?$|\.idx3?(\.gz)?$/.test(path), part: filesFor, open: onlyIdx },
  {
    holds: (path) => /(^|\/)((data_batch_\d+|test_batch)(\.bin)?|(train|test)\.bin)$/.test(path),
    part: filesFor,
    open: (folder, paths) => cifar(folder, within(folder, paths)),
  },
  { holds: (path) => /\.parquet$/.test(path), part: filesFor, open: (folder, paths) => parquetImages(folder, within(folder, paths)) },
  { holds: isImage, part: foldersFor, open: imageFolder },
];

async function folder(path: string, purpose: Wanted): Promise<Source> {
  const files = filesOf((await readdir(path, { recursive: true })).map((file) => file.split(sep).join("/")));
  if (files.includes("config.json") && files.some((file) => /^states\/step-\d+\.safetensors$/.test(file)))
    throw new SyntaxError(
      `Expected images to train on in ${path} but found a run of ddpm train; give the data it was trained on, or its samples folder`,
    );
  for (const { holds, part, open } of kinds) {
    const { paths, leftOut } = part(purpose, files.filter(holds));
    if (paths.length > 0) return { ...(await open(path, paths)), leftOut };
  }
  throw new SyntaxError(
    `Expected images, parquet files, CIFAR's data_batch_1.bin … or train.bin, or train-images-idx3-ubyte in ${path} but found none; choose a folder with some`,
  );
}

/** Without the folders, which may be called as the file in them is (MNIST's archives are). */
function filesOf(paths: readonly string[]): string[] {
  const folders = new Set(paths.map(dirname));
  return paths.filter((path) => !folders.has(path));
}

/** The one file of images, which may lie there unpacked beside its archive, and with its labels. */
async function onlyIdx(folder: string, paths: readonly string[]): Promise<Source> {
  const unpacked = (path: string): boolean => path.endsWith(".gz") && paths.includes(path.slice(0, -3));
  const images = paths.filter((path) => !/label/i.test(basename(path)) && !unpacked(path));
  if (images.length === 1) return idxImages(folder, join(folder, images[0]!));
  throw new SyntaxError(`Expected one idx file of images in ${folder} but found ${images.join(" and ") || "labels alone"}; give the path of one`);
}
