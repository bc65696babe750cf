import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  alone,
  type Backend,
  type Config,
  compileBound,
  type Dataset,
  Gathering,
  imageShape,
  priorBits,
  roundsOf,
  type Stratum,
  strata,
} from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import { batch as imagesInBatch } from "@ddpm/core/training";
import type { Checkpoint } from "../checkpoint-file.ts";
import { mostAtOnce, padded } from "../drawing.ts";
import { absent, writeAtomically } from "../files.ts";
import { watchInterrupts } from "../interrupt.ts";
import { noProgress, progress } from "../progress.ts";
import { toldByFirst } from "../workers/agreement.ts";
import { stopIfAsked } from "../workers/stopping.ts";
import { summarise } from "./bound-figure.ts";
import type { BoundOfData } from "./evaluation.ts";
import { labelOf } from "./labels.ts";

export interface BoundSettings {
  readonly images: number;
  readonly timesteps: number;
  readonly seed: number;
  readonly clip: boolean;
  /** Of the checkpoint. */
  readonly sha256: string;
}

/**
 * The variational bound of a model on so many of the images, drawn by the seed; each stratum's terms are kept in `file`, from where a later call goes on. Of
 * several workers each works out whole strata, and the first alone has the file and what comes of it.
 */
export async function boundOfImages(
  backend: Backend,
  checkpoint: Checkpoint,
  dataset: Dataset,
  settings: BoundSettings,
  file: string | undefined,
): Promise<BoundOfData | undefined> {
  const { config, parameters } = checkpoint;
  const { images: wanted, timesteps, seed, clip } = settings;
  if (dataset.count < wanted)
    throw new RangeError(
      `Expected at least ${wanted} images for tests in ${dataset.name} but found ${dataset.count}; choose fewer --images, or other --data`,
    );
  const { images, labels } = await imagesOf(checkpoint.config, dataset, settings);
  const parts = strata(config["diffusion.timesteps"], timesteps);
  const terms = file === undefined ? undefined : await TermsFile.open(file, settings, createHash("sha256").update(images).digest("hex"));
  const [known] = await toldByFirst(backend, Float32Array.of(terms?.known.length ?? 0));
  const { workers = alone } = backend;
  const runs = Math.ceil(wanted / mostAtOnce);
  const batch = Math.ceil(wanted / runs);
  const elements = size(imageShape(config, 1));
  await using bound = await compileBound(backend, config, parameters, { batch, clip });
  await using gathering = await Gathering.compile(backend, wanted);
  using line = terms ? progress("bits per dimension", runs * parts.length, runs * known!) : noProgress;
  using interruption = watchInterrupts("Stopping after this step; the same command goes on from there");
  const bitsOf = async (part: Stratum, done: (run: number) => number): Promise<Float64Array> => {
    const bits = new Float64Array(wanted);
    for (let run = 0; run < runs; run++) {
      const first = run * batch;
      const some = padded(images.subarray(first * elements, (first + batch) * elements), batch * elements);
      const found = await bound.terms({ images: some, first, labels: labels.slice(first, first + batch) }, part, seed);
      bits.set(found.subarray(0, wanted - first), first);
      line.update(done(run + 1));
      stopIfAsked(backend, interruption);
    }
    return bits;
  };
  let before = runs * known!;
  for (const round of roundsOf(parts.slice(known), workers)) {
    const part = round[workers.rank];
    const own = part ? await bitsOf(part, (run) => before + run * round.length) : new Float64Array(wanted);
    const all = await gathering.all(own);
    for (let rank = 0; rank < round.length; rank++) await terms?.add(Float64Array.from(all[rank]!));
    before += runs * round.length;
  }
  if (!terms) return undefined;
  const summary = summarise({ prior: priorBits(config, images), strata: parts, terms: terms.known });
  return { name: dataset.name, timesteps: config["diffusion.timesteps"], clip, seed, ...summary };
}

/** So many images, drawn by the seed, and their labels as the model has them, if it has classes. */
async function imagesOf(
  config: Config,
  dataset: Dataset,
  { images: wanted, seed }: BoundSettings,
): Promise<{ images: Float32Array; labels: number[] }> {
  const named = config["model.classes"].length > 0 ? { ...dataset, label: labelOf(config, dataset) } : dataset;
  const { images, labels } = await imagesInBatch(
    { ...named, pixels: (...which) => dataset.pixels(...which) },
    { seed, batch: wanted, step: 1, flip: false },
  );
  return { images, labels: config["model.classes"].length > 0 ? [...labels!] : [] };
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
    return new TermsFile(path, own, text === undefined ? [] : termsIn(text, own));
  }

  async add(bits: Float64Array): Promise<void> {
    this.known.push(bits);
    const terms = this.known.map((bits) => Array.from(bits));
    await writeAtomically(this.#path, `${JSON.stringify({ settings: this.#settings, terms })}\n`);
  }
}

/** What a file holds of the same settings; nothing where it holds others', or is damaged. */
function termsIn(text: string, settings: object): Float64Array[] {
  try {
    const found = JSON.parse(text) as { readonly settings: object; readonly terms: number[][] };
    return JSON.stringify(found.settings) === JSON.stringify(settings) ? found.terms.map((bits) => Float64Array.from(bits)) : [];
  } catch {
    return [];
  }
}
