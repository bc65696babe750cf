import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { size } from "@ddpm/core";
import { makeFolder, writeAtomically } from "../files.ts";
import { grid, writePng } from "../picture.ts";

const settingsFile = "settings.json";

/** Drawn images, a PNG each, that are taken up again where drawing was stopped, or where more are wanted. */
export class SampleFolder {
  readonly path: string;
  readonly #shape: readonly [height: number, width: number, channels: number];

  private constructor(path: string, shape: readonly [number, number, number]) {
    [this.path, this.#shape] = [path, shape];
  }

  /** Begins a folder, or opens one that was drawn with the same `settings`. Throws where it was drawn with others. */
  static async open(path: string, settings: object, shape: readonly [number, number, number]): Promise<SampleFolder> {
    await makeFolder(path);
    const [file, text] = [join(path, settingsFile), `${JSON.stringify(settings, undefined, 2)}\n`];
    if (!existsSync(file)) await writeAtomically(file, text);
    const found = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    const other = Object.entries(settings).find(([key, value]) => JSON.stringify(found[key]) !== JSON.stringify(value));
    if (other)
      throw new Error(
        `Expected images drawn with ${other[0]} ${JSON.stringify(other[1])} in ${path} but found ${JSON.stringify(found[other[0]])}; choose another --out, or take the folder away`,
      );
    return new SampleFolder(path, shape);
  }

  has(first: number, count: number): boolean {
    return Array.from({ length: count }, (_, i) => existsSync(this.#file(first + i))).every(Boolean);
  }

  /** Images [count, height, width, channels] in [-1, 1], of which the first is number `first`. */
  async save(first: number, values: Float32Array): Promise<void> {
    const elements = size(this.#shape);
    const one = (i: number) => grid(values.subarray(i * elements, (i + 1) * elements), 1, ...this.#shape, { scale: 1, gap: 0 });
    await Promise.all(Array.from({ length: values.length / elements }, (_, i) => writePng(this.#file(first + i), one(i))));
  }

  #file(i: number): string {
    return join(this.path, `${String(i).padStart(6, "0")}.png`);
  }
}
