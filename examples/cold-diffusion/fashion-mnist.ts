import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cacheFolder } from "@ddpm/backend-node";
import type { InMemoryDataset } from "@ddpm/core";

const file = "train-images-idx3-ubyte.gz";
const folders = [join(cacheFolder(), "fashion-mnist"), "/usr/share/datasets/fashion-mnist"];
const [height, width, header] = [28, 28, 16] as const;

/** Fashion-MNIST's training images, from where `ddpm train` or Debian's package put them. Throws an Error that says how where they are missing. */
export async function fashionMnist(): Promise<InMemoryDataset> {
  const folder = folders.find((folder) => existsSync(join(folder, file)));
  if (folder === undefined)
    throw new Error(
      `Expected ${file} in ${folders.join(" or ")} but found none; npx ddpm train --data fashion-mnist --steps 1 --out runs/any fetches it`,
    );
  const bytes = gunzipSync(await readFile(join(folder, file))).subarray(header);
  const size = height * width;
  const pixels = (index: number): Uint8Array => bytes.subarray(index * size, (index + 1) * size);
  return { name: "fashion-mnist", count: bytes.length / size, height, width, channels: 1, pixels };
}
