import { join } from "node:path";
import type { Backend, Dataset } from "@ddpm/core";
import { scheduleFor } from "@ddpm/core/config";
import type { Checkpoint } from "../checkpoint-file.ts";
import { BrokenImages } from "../data/broken.ts";
import { openDataset } from "../data/index.ts";
import { sizeOf } from "../data/size.ts";
import { draw, drawBatches, type Sampling } from "../drawing.ts";
import type { Chosen } from "./distances.ts";
import type { Point, ReferenceSolution } from "./evaluation.ts";
import { labelsLike } from "./labels.ts";
import { looked } from "./nearness.ts";
import { type CountedPoint, titleOf } from "./point.ts";
import { distanceFrom, referenceFor } from "./reference-solution.ts";
import { SampleFolder } from "./sample-folder.ts";

/** How images are drawn, besides sampler and steps. */
export type DrawingFlags = Omit<Sampling, "sampler" | "steps">;

interface DrawerOptions {
  readonly flags: DrawingFlags;
  readonly like: Dataset;
  readonly folder: string | undefined;
  /** Of the checkpoint. */
  readonly sha256: string;
}

const kept = "those drawn are kept, and the same command goes on from there";

/** Draws a model's images for points into folders of their own. */
export class Drawer {
  readonly #checkpoint: Checkpoint;
  readonly #flags: DrawingFlags;
  /** Data whose classes are drawn, as often as they have each. */
  readonly #like: Dataset;
  readonly #points: readonly CountedPoint[];
  /** Of the first worker, or the only one, a folder for each point. */
  readonly #folders: ReadonlyMap<CountedPoint, SampleFolder>;

  private constructor(
    checkpoint: Checkpoint,
    points: readonly CountedPoint[],
    { flags, like, folders }: { readonly flags: DrawingFlags; readonly like: Dataset; readonly folders: ReadonlyMap<CountedPoint, SampleFolder> },
  ) {
    [this.#checkpoint, this.#points, this.#flags, this.#like, this.#folders] = [checkpoint, points, flags, like, folders];
  }

  /** Opens the folders of all points, but none where another worker writes. Throws where one holds images that were drawn otherwise. */
  static async open(checkpoint: Checkpoint, points: readonly CountedPoint[], { flags, like, folder, sha256 }: DrawerOptions): Promise<Drawer> {
    if (folder === undefined) return new Drawer(checkpoint, points, { flags, like, folders: new Map() });
    const { config } = checkpoint;
    const shape = [config["data.height"], config["data.width"], config["model.channels"]] as const;
    const { spacing = null, eta = null, sigmaMax = null, clip = null, guidance, seed } = flags;
    const classesLike = config["model.classes"].length > 0 ? like.name : null;
    const raw = flags.rederive === false && { rederive: false };
    const settings = { sha256, spacing, eta, sigmaMax, clip, ...raw, guidance, seed, classesLike };
    const folders = new Map<CountedPoint, SampleFolder>();
    for (const point of points) {
      const { sampler, steps } = point;
      folders.set(point, await SampleFolder.open(join(folder, "samples", titleOf(point)), { sampler, steps, ...settings }, shape));
    }
    return new Drawer(checkpoint, points, { flags, like, folders });
  }

  /** Draws what is missing of each point's images, as the first worker knows. */
  async draw(backend: Backend): Promise<void> {
    for (const point of this.#points) {
      const folder = this.#folders.get(point);
      const skip = (first: number, count: number): boolean => folder?.has(first, count) ?? false;
      const drawing = { total: point.count, labels: this.#labels(point.count), label: titleOf(point), skip, kept };
      for await (const { first, values } of drawBatches(backend, this.#checkpoint, this.#flagsOf(point), drawing)) await folder?.save(first, values);
    }
  }

  /** The images of each point that has a folder, in the order of the points. */
  async drawn(): Promise<Chosen[]> {
    const broken = new BrokenImages({ strict: true, advice: "take it away, and the same command draws it again" });
    const sets: Chosen[] = [];
    for (const [{ count }, { path }] of this.#folders) {
      const dataset = await openDataset(path, { ...sizeOf(this.#checkpoint.config), conditional: false, broken });
      sets.push({ dataset, indices: Array.from({ length: count }, (_, i) => i), flip: false });
    }
    return sets;
  }

  /** How far the first images of each point are from where more steps lead; none where no sampler is deterministic. */
  async reference(backend: Backend): Promise<{ solution: ReferenceSolution; differences: (number | undefined)[] } | undefined> {
    const points = this.#points;
    const deterministic = ({ sampler }: Point): boolean => sampler !== "ddpm"; // DDIM is, since a sweep leaves eta at 0
    if (!points.some(deterministic)) return undefined;
    const calls = points.filter(deterministic).map(({ steps }) => steps);
    const solution = referenceFor(scheduleFor(this.#checkpoint.config), calls, looked);
    const first = (point: Point): Promise<Float32Array> => {
      const drawing = { total: solution.count, labels: this.#labels(solution.count), label: `${titleOf(point)} again`, kept };
      return draw(backend, this.#checkpoint, this.#flagsOf(point), drawing);
    };
    const images = await first(solution);
    const differences: (number | undefined)[] = [];
    for (const point of points) differences.push(deterministic(point) ? distanceFrom(images, await first(point)) : undefined);
    return { solution, differences };
  }

  #labels(count: number): number[] {
    return labelsLike(this.#checkpoint.config, this.#like, count, this.#flags.seed);
  }

  #flagsOf({ sampler, steps }: Point): Sampling {
    return { ...this.#flags, sampler, steps };
  }
}
