import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cacheFolder } from "@ddpm/backend-node";
import type { InMemoryDataset } from "@ddpm/core";
import { writeAtomically } from "../files.ts";
import { decodeIdx } from "./idx.ts";

const file = "train-images-idx3-ubyte.gz";
const debian = "/usr/share/datasets/fashion-mnist";
/** What the data set's README publishes; Debian's file holds the same images in another gzip header. */
const official = { url: `http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/${file}`, md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d" };

export interface FashionMnistOptions {
  readonly cache?: string;
  /** Where a package of the system may have put the files. */
  readonly installed?: string;
  readonly fetch?: (url: string) => Promise<Response>;
}

/** Fashion-MNIST's 60,000 training images: from the user's cache, else Debian's package, else the official download into the cache. */
export async function fashionMnist(options: FashionMnistOptions = {}): Promise<InMemoryDataset> {
  const { cache = join(cacheFolder(), "fashion-mnist"), installed = debian, fetch = globalThis.fetch } = options;
  const folder = [cache, installed].find((folder) => existsSync(join(folder, file)));
  if (!folder) await download(cache, fetch);
  return idxImages("fashion-mnist", join(folder ?? cache, file));
}

/** The images of a folder that holds train-images-idx3-ubyte, compressed or not. Throws where there is none or it is damaged. */
export function idxFolder(folder: string): Promise<InMemoryDataset> {
  const path = [file, file.replace(".gz", "")].map((name) => join(folder, name)).find((path) => existsSync(path));
  if (!path) throw new Error(`Expected ${file} in ${folder} but found none; --data takes fashion-mnist, shapes, or a folder of idx files`);
  return idxImages(folder, path);
}

async function idxImages(name: string, path: string): Promise<InMemoryDataset> {
  const bytes = await readFile(path);
  try {
    const { shape, data } = decodeIdx(path.endsWith(".gz") ? gunzipSync(bytes) : bytes);
    const [count, height, width] = shape as [number, number, number];
    if (shape.length !== 3 || data.length === 0) throw new SyntaxError(`Expected images [count, height, width] but found [${shape.join(", ")}]`);
    const size = height * width;
    return { name, count, height, width, channels: 1, pixels: (i) => data.subarray(i * size, (i + 1) * size) };
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}; fetch the file again`, { cause: error });
  }
}

async function download(folder: string, fetch: (url: string) => Promise<Response>): Promise<void> {
  const advice = `put ${file} into ${folder}, or on Debian: apt-get install dataset-fashion-mnist`;
  const fail = (expected: string) => (error: Error) => {
    const reason = (error.cause as Error | undefined)?.message ?? error.message; // fetch hides why it failed
    throw new Error(`Expected to ${expected} but found ${reason}; ${advice}`, { cause: error });
  };
  const bytes = await body(fetch).catch(fail(`fetch Fashion-MNIST from ${official.url}`));
  const md5 = createHash("md5").update(bytes).digest("hex");
  if (md5 !== official.md5) throw new Error(`Expected ${file} with md5 ${official.md5} but found ${md5}; ${advice}`);
  await mkdir(folder, { recursive: true }).catch(fail(`make the folder ${folder}`));
  await writeAtomically(join(folder, file), bytes);
}

async function body(fetch: (url: string) => Promise<Response>): Promise<Uint8Array> {
  const response = await fetch(official.url);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
