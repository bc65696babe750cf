import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Backend, batch, compileBound, type Dataset, imageShape, priorBits, size, strata } from "@ddpm/core";
import type { Checkpoint } from "../checkpoint-file.ts";
import { mostAtOnce, padded } from "../drawing.ts";
import { absent, writeAtomically } from "../files.ts";
import { Interrupted, watchInterrupts } from "../interrupt.ts";
import { progress } from "../progress.ts";
import { type BoundOfData, summarise } from "./bound-figure.ts";

export interface BoundSettings {
  readonly images: number;
  readonly timesteps: number;
  readonly seed: number;
  readonly clip: boolean;
  /** Of the checkpoint. */
  readonly sha256: string;
}

/** The variational bound of a model on so many of the images, drawn by the seed; each stratum's terms are kept in `file`, from where a later call goes on. */
export async function boundOfImages(
  backend: Backend,
  { config, parameters }: Checkpoint,
  dataset: Dataset,
  settings: BoundSettings,
  file: string,
): Promise<BoundOfData> {
  const { images: wanted, timesteps, seed, clip } = settings;
  if (dataset.count < wanted)
    throw new RangeError(
      `Expected at least ${wanted} images for tests in ${dataset.name} but found ${dataset.count}; choose fewer --images, or other --data`,
    );
  const { images, labels } = await batch(dataset, { seed, batch: wanted, step: 1, flip: false });
  const parts = strata(config["diffusion.timesteps"], timesteps);
  const terms = await TermsFile.open(file, settings, createHash("sha256").update(images).digest("hex"));
  const runs = Math.ceil(wanted / mostAtOnce);
  const own = Math.ceil(wanted / runs);
  const elements = size(imageShape(config, 1));
  await using bound = await compileBound(backend, config, parameters, { batch: own, clip });
  using line = progress("bits per dimension", runs * parts.length, runs * terms.known.length);
  using interruption = watchInterrupts("Stopping after this step; the same command goes on from there");
  for (let i = terms.known.length; i < parts.length; i++) {
    const bits = new Float64Array(wanted);
    for (let run = 0; run < runs; run++) {
      const first = run * own;
      const some = padded(images.subarray(first * elements, (first + own) * elements), own * elements);
      const given = config["model.classes"].length > 0 && labels ? { labels: labels.slice(first, first + own) } : {};
      const found = await bound.terms({ images: some, first, ...given }, parts[i]!, seed);
      bits.set(found.subarray(0, wanted - first), first);
      line.update(i * runs + run + 1);
      if (interruption.requested) throw new Interrupted("Stopped", interruption.requested);
    }
    await terms.add(bits);
  }
  const summary = summarise({ prior: priorBits(config, images), strata: parts, terms: terms.known });
  return { name: dataset.name, timesteps: config["diffusion.timesteps"], clip, seed, ...summary };
}

/** Terms of strata that are worked out already. */
class TermsFile {
  readonly known: Float64Array[];
  readonly #path: string;
  readonly #settings: object;

  private constructor(path: string, settings: object, known: Float64Array[]) {
    [this.#path, this.#settings, this.known] = [path, settings, known];
  }

  /** What the file holds of the same settings and images; nothing where it holds others'. */
  static async open(path: string, settings: BoundSettings, images: string): Promise<TermsFile> {
    const own = { ...settings, imagesSha256: images };
    const text = await readFile(path, "utf8").catch(absent);
    const found = text === undefined ? undefined : (JSON.parse(text) as { settings: object; terms: number[][] });
    const same = JSON.stringify(found?.settings) === JSON.stringify(own);
    return new TermsFile(path, own, same ? found!.terms.map((bits) => Float64Array.from(bits)) : []);
  }

  async add(bits: Float64Array): Promise<void> {
    this.known.push(bits);
    const terms = this.known.map((bits) => Array.from(bits));
    await writeAtomically(this.#path, `${JSON.stringify({ settings: this.#settings, terms })}\n`);
  }
}
