import { readFile } from "node:fs/promises";
import { decode, encode, imagesFromNCHW, imagesToNCHW, type StoredTensor } from "@ddpm/core";
import { writeAtomically } from "./files.ts";

/** The tensors of a safetensors file, `names` among them. */
export async function readTensors(path: string, names: readonly string[]): Promise<ReadonlyMap<string, StoredTensor>> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new Error(`Expected a safetensors file at ${path} but could not read it (${error.message})`, { cause: error });
  });
  try {
    const { tensors } = decode(bytes);
    for (const name of names)
      if (!tensors.has(name)) throw new SyntaxError(`Expected a tensor ${name} but found ${[...tensors.keys()].join(", ") || "none"}`);
    return tensors;
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** The images [n, c, h, w] of a tensor as NHWC values. Throws a RangeError unless each has the expected shape [c, h, w]. */
export function images(name: string, { shape, data }: StoredTensor, expected: readonly number[]): { count: number; values: Float32Array } {
  const [count = 0, c = 0, h = 0, w = 0] = shape;
  if (shape.length !== 4 || count === 0 || `${[c, h, w]}` !== `${expected}`)
    throw new RangeError(`Expected ${name} of [n, ${expected.join(", ")}] but found [${shape.join(", ")}]`);
  return { count, values: imagesFromNCHW(Float32Array.from(data), [count, h, w, c]) };
}

/** Writes NHWC images as the NCHW tensor `name`. */
export async function writeImages(
  path: string,
  name: string,
  values: Float32Array,
  [n, h, w, c]: readonly [number, number, number, number],
): Promise<void> {
  const tensor: StoredTensor = { shape: [n, c, h, w], dtype: "F32", data: imagesToNCHW(values, [n, h, w, c]) };
  await writeAtomically(path, encode(new Map([[name, tensor]]), {}));
}
