import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { size } from "@ddpm/core/graph";
import { absent, makeFolder, writeAtomically } from "../files.ts";
import { grid, writePng } from "../picture.ts";

const settingsFile = "settings.json";

/** All that says how images are drawn; null is what is usual. */
export type Settings = Readonly<Record<string, string | number | boolean | null>>;

/** Drawn images, a PNG each, that are taken up again where drawing was stopped, or where more are wanted. */
export class SampleFolder {
  readonly path: string;
  readonly #shape: readonly [height: number, width: number, channels: number];

  private constructor(path: string, shape: readonly [number, number, number]) {
    [this.path, this.#shape] = [path, shape];
  }

  /** Begins a folder, or opens one that was drawn with the same `settings`. Throws where it was drawn with others. */
  static async open(path: string, settings: Settings, shape: readonly [number, number, number]): Promise<SampleFolder> {
    const [file, own] = [join(path, settingsFile), { ...settings, shape: shape.join("×") }];
    const text = await readFile(file, "utf8").catch(absent);
    if (text === undefined) {
      await makeFolder(path);
      await writeAtomically(file, `${JSON.stringify(own, undefined, 2)}\n`);
    } else checkSettings(path, own, text);
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

function checkSettings(path: string, own: Settings, text: string): void {
  const advice = "choose another --out, or take the folder away";
  const found = parsed(text);
  if (!found) throw new SyntaxError(`Expected how its images were drawn in ${join(path, settingsFile)} but found a damaged file; ${advice}`);
  const key = [...new Set([...Object.keys(own), ...Object.keys(found)])].find((key) => own[key] !== found[key]);
  if (key !== undefined) {
    const [expected, other] = [own[key], found[key]].map((value) => JSON.stringify(value ?? null));
    throw new Error(`Expected images drawn with ${key} ${expected} in ${path} but found ${other}; ${advice}`);
  }
}

function parsed(text: string): Settings | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null ? (value as Settings) : undefined;
  } catch {
    return undefined;
  }
}
