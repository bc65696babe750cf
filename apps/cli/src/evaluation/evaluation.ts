import type { BoundOfData } from "./bound-figure.ts";
import type { Distances } from "./distances.ts";
import type { Point } from "./point.ts";
import type { ReferenceSolution } from "./reference-solution.ts";

/** A set of images that was compared with the real ones. */
export interface Result extends Partial<Point> {
  /** The folder of the images. */
  readonly images: string;
  readonly distances: Distances;
  /** Root mean square difference from the images of the reference; none for a sampler that adds noise, whose images are others. */
  readonly fromReference?: number;
}

/** How near images are to the nearest that was learnt, in the root mean square of pixels in [-1, 1]: medians over so many images. */
export interface Nearness {
  readonly count: number;
  readonly drawn: number;
  /** Of real images other than those searched. */
  readonly real: number;
}

/** All that `ddpm evaluate` finds, as evaluation.json holds it. */
export interface Evaluation {
  readonly version: 1;
  readonly data: string;
  /** None where pictures are evaluated. */
  readonly model?: { readonly file: string; readonly sha256: string; readonly step?: number; readonly config: object };
  readonly features: { readonly name: string; readonly size: number };
  /** Real images that distances are from, mirrored ones included where training mirrors. */
  readonly real: { readonly count: number; readonly mirrored: boolean };
  /** Whether the data tell images for tests from those to train on, so that floor, bound and nearness of real images are of images that were not learnt. */
  readonly heldOut: boolean;
  /** Distances of other real images: what nothing can be much below. */
  readonly floor: Distances;
  readonly reference?: ReferenceSolution;
  readonly results: readonly Result[];
  readonly nearness: Nearness;
  readonly bound?: BoundOfData;
  /** Flags that say how images were drawn. */
  readonly sampling: object;
}
