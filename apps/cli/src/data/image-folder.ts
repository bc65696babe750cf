import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { classesOf } from "./paths.ts";
import type { EncodedSource } from "./source.ts";

/** The image files of a folder; `paths` are relative to it, with slashes. */
export async function imageFolder(folder: string, paths: readonly string[]): Promise<EncodedSource> {
  return {
    name: folder,
    kind: "a folder of images",
    count: paths.length,
    ...classesOf(paths),
    title: (index) => join(folder, paths[index]!),
    file: (index) => readFile(join(folder, paths[index]!)),
  };
}
