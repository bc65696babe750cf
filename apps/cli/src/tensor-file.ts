import { readFile } from "node:fs/promises";
import { imagesFromNCHW, imagesToNCHW } from "@ddpm/core";
import { decode, encode, type StoredTensor } from "@ddpm/core/safetensors";
import { writeAtomically } from "./files.ts";
import { unreadable } from "./missing-file.ts";

/** The tensors of a safetensors file, `names` among them. */
export async function readTensors(path: string, names: readonly string[]): Promise<ReadonlyMap<string, StoredTensor>> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const { found, advice } = unreadable(path, error, "check the path");
    throw new Error(`Expected a safetensors file at ${path} but found ${found}; ${advice}`, { cause: error });
  });
  try {
    const { tensors } = decode(bytes);
    for (const name of names)
      if (!tensors.has(name)) throw new SyntaxError(`Expected a tensor ${name} but found ${some([...tensors.keys()])}; save it under that name`);
    return tensors;
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** The first of names, and whether there are more. */
const some = (names: readonly string[]): string => (names.length > 3 ? `${names.slice(0, 3).join(", ")}, …` : names.join(", ") || "none");

export interface Images {
  /** [n, c, h, w] */
  readonly shape: readonly [number, number, number, number];
  /** How many there are, and their values as NHWC. Throws a RangeError unless each has the shape [c, h, w]. */
  as(expected: readonly number[]): { readonly count: number; readonly values: Float32Array };
}

/** The images of tensor `name` [n, c, h, w] in a safetensors file. Throws a RangeError for another rank. */
export const readImages = async (path: string, name: string): Promise<Images> => imagesOf(path, name, (await readTensors(path, [name])).get(name)!);

export function imagesOf(path: string, name: string, { shape, data }: StoredTensor): Images {
  const refuse = (expected: readonly (number | string)[]): RangeError =>
    new RangeError(`${path}: Expected ${name} of [${["n", ...expected].join(", ")}] but found [${shape.join(", ")}]; save it in that shape`);
  if (shape.length !== 4 || data.length === 0) throw refuse(["c", "h", "w"]);
  const [n, c, h, w] = shape as [number, number, number, number];
  return {
    shape: [n, c, h, w],
    as(expected) {
      if (`${[c, h, w]}` !== `${expected}`) throw refuse(expected);
      return { count: n, values: imagesFromNCHW(Float32Array.from(data), [n, h, w, c]) };
    },
  };
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
