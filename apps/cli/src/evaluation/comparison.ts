import { basename } from "node:path";
import type { Backend, Dataset } from "@ddpm/core";
import type { Size } from "../data/source.ts";
import { say } from "../say.ts";
import { type Chosen, featuresOf, RealImages } from "./distances.ts";
import type { Distances, Evaluation } from "./evaluation.ts";
import { type Features, type FeaturesOptions, openFeatures } from "./features.ts";
import { firstOf, nearnessOf } from "./nearness.ts";
import type { RealImagesOf } from "./real-images.ts";
import { writeReport } from "./report.ts";
import { distancesTold, told } from "./told.ts";

export interface ComparisonOptions extends Pick<FeaturesOptions, "file" | "pixelScale"> {
  readonly real: RealImagesOf;
}

/** What sets of images are compared with, and in which features. */
export class Comparison implements AsyncDisposable {
  readonly real: RealImagesOf;
  readonly #data: string;
  readonly #features: Features;

  private constructor(data: string, real: RealImagesOf, features: Features) {
    [this.#data, this.real, this.#features] = [data, real, features];
  }

  static async open(backend: Backend, data: string, { real, ...features }: ComparisonOptions): Promise<Comparison> {
    return new Comparison(data, real, await openFeatures(backend, data, { ...features, image: imageSize(real.training), say }));
  }

  get size(): Size {
    return imageSize(this.real.training);
  }

  /** Distances of other real images, and of each set of images. */
  async distances(images: readonly Chosen[]): Promise<Pick<Evaluation, "floor"> & { readonly distances: Distances[] }> {
    const real = await RealImages.measure(this.real.learnt, this.#features);
    const floor = real.distances(await featuresOf(this.real.others, this.#features, "other real images"));
    const distances: Distances[] = [];
    for (const chosen of images) {
      const name = basename(chosen.dataset.name);
      distances.push(real.distances(await featuresOf(chosen, this.#features, name)));
      say(`${name}: ${distancesTold(distances.at(-1)!)}`);
    }
    return { floor, distances };
  }

  /** Writes the report of what was found, with the first images of a set, and tells it. */
  async report(
    folder: string,
    images: Chosen,
    found: Omit<Evaluation, "version" | "data" | "features" | "real" | "heldOut" | "nearness">,
  ): Promise<void> {
    const { learnt, others, heldOut } = this.real;
    const [drawn, real] = [await firstOf(images), await firstOf(others)];
    const { nearness, nearest } = await nearnessOf(drawn, real, this.real);
    const { name, size } = this.#features;
    const evaluation: Evaluation = {
      version: 1,
      data: this.#data,
      features: { name, size },
      real: { count: learnt.indices.length * (learnt.flip ? 2 : 1), mirrored: learnt.flip },
      heldOut,
      nearness,
      ...found,
    };
    const { height, width, channels } = this.size;
    const shown = { shape: [height, width, channels] as const, drawn, real, nearest: nearest.map(({ image }) => image) };
    const page = await writeReport(folder, evaluation, shown);
    process.stdout.write(`${told(evaluation).join("\n")}\nReport: ${page}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#features[Symbol.asyncDispose]();
  }
}

const imageSize = ({ height, width, channels }: Dataset): Size => ({ height, width, channels: channels as Size["channels"] });
