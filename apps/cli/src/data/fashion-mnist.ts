import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "@ddpm/backend-node";
import { writeAtomically } from "../files.ts";
import { idxImages } from "./idx.ts";
import type { DecodedSource } from "./source.ts";

const debian = "/usr/share/datasets/fashion-mnist";
const official = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com";
/** Images and labels with the md5 that the data set's README publishes; Debian's files hold the same in another gzip header. */
const files = {
  "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
  "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
} as const;
const images = "train-images-idx3-ubyte.gz" satisfies keyof typeof files;

/** Labels 0 to 9, in the words of the data set's README. */
const garments = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

export interface FashionMnistOptions {
  readonly cache?: string;
  /** Where a package of the system may have put the files. */
  readonly installed?: string;
  readonly fetch?: (url: string) => Promise<Response>;
}

/** Fashion-MNIST's 60,000 training images and their labels: from the user's cache, else Debian's package, else the official download into the cache. */
export async function fashionMnist(options: FashionMnistOptions = {}): Promise<DecodedSource> {
  const { cache = join(cacheFolder(), "fashion-mnist"), installed = debian, fetch = globalThis.fetch } = options;
  const folder = [cache, installed].find((folder) => existsSync(join(folder, images)));
  if (!folder) for (const [file, md5] of Object.entries(files).reverse()) await download(cache, file, md5, fetch); // images last: with them it is whole
  return idxImages("fashion-mnist", join(folder ?? cache, images), garments);
}

async function download(folder: string, file: string, md5: string, fetch: (url: string) => Promise<Response>): Promise<void> {
  const advice = `put ${file} into ${folder}, or on Debian: apt-get install dataset-fashion-mnist`;
  const fail = (expected: string) => (error: Error) => {
    const reason = (error.cause as Error | undefined)?.message ?? error.message; // fetch hides why it failed
    throw new Error(`Expected to ${expected} but found ${reason}; ${advice}`, { cause: error });
  };
  const url = `${official}/${file}`;
  const bytes = await body(url, fetch).catch(fail(`fetch Fashion-MNIST from ${url}`));
  const found = createHash("md5").update(bytes).digest("hex");
  if (found !== md5) throw new Error(`Expected ${file} with md5 ${md5} but found ${found}; ${advice}`);
  await mkdir(folder, { recursive: true }).catch(fail(`make the folder ${folder}`));
  await writeAtomically(join(folder, file), bytes);
}

async function body(url: string, fetch: (url: string) => Promise<Response>): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
