import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "@ddpm/backend-node";
import { makeFolder, writeAtomically } from "../files.ts";
import { idxImages, unpacked } from "./idx.ts";
import type { Purpose } from "./paths.ts";
import type { DecodedSource } from "./source.ts";

const debian = "/usr/share/datasets/fashion-mnist";
const official = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com";
/**
 * Images and labels with the md5 that the data set's README publishes and, since they come over plain http and md5 can be forged, the SHA-256 of what they
 * unpack to; Debian's files hold the same in another gzip header.
 */
const files = {
  "train-images-idx3-ubyte.gz": {
    md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    unpacked: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
  },
  "train-labels-idx1-ubyte.gz": {
    md5: "25c81989df183df01b3e8a0aad5dffbe",
    unpacked: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
  },
  "t10k-images-idx3-ubyte.gz": {
    md5: "bef4ecab320f06d8554ea6380940ec79",
    unpacked: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
  },
  "t10k-labels-idx1-ubyte.gz": {
    md5: "bb300cfdad3c16e7a12a480ee83cd310",
    unpacked: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
  },
} as const;
type Sums = (typeof files)[keyof typeof files];

/** Bytes of the larger file, and some. */
const largest = 2 ** 25;

/** Labels and images of each purpose; the images are fetched last, so that with them it is whole. */
const parts = {
  training: ["train-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz"],
  tests: ["t10k-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"],
} as const satisfies Record<Purpose, readonly (keyof typeof files)[]>;

/** Labels 0 to 9, in the words of the data set's README. */
const garments = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

export interface FashionMnistOptions {
  readonly cache?: string;
  /** Where a package of the system may have put the files. */
  readonly installed?: string;
  /** Where the official files are. */
  readonly origin?: string;
  /** Milliseconds without a byte after which a server counts as gone. */
  readonly patience?: number;
}

/** Fashion-MNIST's 60,000 images for training, or 10,000 for tests, and their labels: from the user's cache, else Debian's package, else the official download into the cache. */
export async function fashionMnist(purpose: Purpose = "training", options: FashionMnistOptions = {}): Promise<DecodedSource> {
  const { cache = join(cacheFolder(), "fashion-mnist"), installed = debian, origin = official, patience = 30_000 } = options;
  const [, images] = parts[purpose];
  const folder = [cache, installed].find((folder) => existsSync(join(folder, images)));
  if (!folder) for (const file of parts[purpose]) await download(cache, file, files[file], { origin, patience });
  return idxImages("fashion-mnist", join(folder ?? cache, images), garments);
}

async function download(folder: string, file: string, sums: Sums, { origin, patience }: { origin: string; patience: number }): Promise<void> {
  const advice = `put ${file} into ${folder}, or on Debian: apt-get install dataset-fashion-mnist`;
  const fail = (expected: string) => (error: Error) => {
    const reason = (error.cause as Error | undefined)?.message ?? error.message; // fetch hides why it failed
    throw new Error(`Expected to ${expected} but found ${reason}; ${advice}`, { cause: error });
  };
  const url = `${origin}/${file}`;
  const bytes = await body(url, patience).catch(fail(`fetch Fashion-MNIST from ${url}`));
  check("md5", sums.md5, bytes);
  check("sha256", sums.unpacked, unpacked(bytes));
  await makeFolder(folder).catch(fail(`make the folder ${folder}`));
  await writeAtomically(join(folder, file), bytes);

  function check(kind: "md5" | "sha256", expected: string, content: Uint8Array): void {
    const found = createHash(kind).update(content).digest("hex");
    if (found !== expected) throw new Error(`Expected ${file} with ${kind} ${expected} but found ${found}; ${advice}`);
  }
}

/** The bytes at a URL. Rejects where there are too many, or none for too long. */
async function body(url: string, patience: number): Promise<Uint8Array> {
  const gone = new AbortController();
  const timer = setTimeout(() => gone.abort(new Error(`nothing for ${patience / 1000} s`)), patience);
  try {
    const response = await fetch(url, { signal: gone.signal });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of response.body ?? []) {
      timer.refresh();
      parts.push(part);
      length += part.length;
      if (length > largest) throw new Error(`more than ${largest} bytes`);
    }
    return Buffer.concat(parts);
  } finally {
    clearTimeout(timer);
    gone.abort();
  }
}
