/** What evaluation.json holds: its types are those of the schema that checks it. */
import { samplerNames, spacingNames } from "@ddpm/core/diffusion";
import * as v from "valibot";
import { jsonOf } from "../json.ts";

const object = <const E extends v.ObjectEntries>(entries: E) => v.pipe(v.strictObject(entries), v.readonly());
const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** An estimate and its standard error. */
export const estimate = object({ mean: v.number(), error: v.number() });
export type Estimate = v.InferOutput<typeof estimate>;

/** A sampler and its model calls. */
export const point = object({ sampler: v.picklist(samplerNames), steps: count });
export type Point = v.InferOutput<typeof point>;

const frechetEstimate = object({
  /** As published: of the normal distributions that fit, which is the larger the fewer the images. */
  plain: v.number(),
  /** Without that bias: about what more and more images would lead to. None where there are so few that more than the first order of the bias counts. */
  unbiased: v.exactOptional(estimate),
});
export type FrechetEstimate = v.InferOutput<typeof frechetEstimate>;

/** How far a set of images is from the real ones. */
const distances = object({
  /** Images of the set. */
  count,
  /** None for features that are not nearly normal, and where there are no more images than features: no normal distribution follows from so few. */
  fid: v.exactOptional(frechetEstimate),
  kid: estimate,
});
export type Distances = v.InferOutput<typeof distances>;

/** A set of images that was compared with the real ones. */
const result = object({
  /** What a model drew them by; none of pictures that were drawn already. */
  sampler: v.exactOptional(point.entries.sampler),
  steps: v.exactOptional(point.entries.steps),
  /** The folder of the images. */
  images: v.string(),
  distances,
  /** Root mean square difference from the images of the reference; none for a sampler that adds noise, whose images are others. */
  fromReference: v.exactOptional(v.number()),
});
export type Result = v.InferOutput<typeof result>;

/** What the deterministic samplers come to with many steps, since all of them solve the same differential equation from the same noise: the first so many images. */
const referenceSolution = object({ ...point.entries, count });
export type ReferenceSolution = v.InferOutput<typeof referenceSolution>;

/** How near images are to the nearest that was learnt, in the root mean square of pixels in [-1, 1]: medians over so many images. */
const nearness = object({
  count,
  drawn: v.number(),
  /** Of real images other than those searched. */
  real: v.number(),
});
export type Nearness = v.InferOutput<typeof nearness>;

/** The variational bound on images' bits a dimension. */
const boundOfData = object({
  name: v.string(),
  timesteps: count,
  clip: v.boolean(),
  seed: v.number(),
  images: count,
  bits: estimate,
  /** What nothing learns: how far what is left of the images at T is from noise. */
  prior: estimate,
  /** The term of t = 0; none where it was not looked at apart. */
  decoder: v.exactOptional(estimate),
  /** The mean term of each part of the timesteps. */
  strata: list(object({ first: count, length: count, bits: estimate })),
});
export type BoundOfData = v.InferOutput<typeof boundOfData>;

/** Flags that say how images were drawn, besides sampler and steps; without those that were left at what is usual. */
const sampling = object({
  spacing: v.optional(v.picklist(spacingNames)),
  eta: v.optional(v.number()),
  sigmaMax: v.optional(v.number()),
  clip: v.optional(v.boolean()),
  rederive: v.optional(v.boolean()),
  guidance: v.optional(v.number()),
  seed: v.optional(v.number()),
});

/** All that `ddpm evaluate` finds. Another shape is another version. */
const evaluation = object({
  version: v.literal(1),
  data: v.string(),
  /** None where pictures are evaluated. */
  model: v.exactOptional(object({ file: v.string(), sha256: v.string(), step: v.exactOptional(count), config: v.record(v.string(), v.unknown()) })),
  features: object({ name: v.string(), size: count }),
  /** Real images that distances are from, mirrored ones included where training mirrors. */
  real: object({ count, mirrored: v.boolean() }),
  /** Whether the data tell images for tests from those to train on, so that floor, bound and nearness of real images are of images that were not learnt. */
  heldOut: v.boolean(),
  /** Distances of other real images: what nothing can be much below. */
  floor: distances,
  reference: v.exactOptional(referenceSolution),
  results: v.pipe(v.array(result), v.minLength(1), v.readonly()),
  nearness,
  bound: v.exactOptional(boundOfData),
  sampling,
});
export type Evaluation = v.InferOutput<typeof evaluation>;

/** The name under which an evaluation is written into the folder of its report. */
export const evaluationFile = "evaluation.json";

/** An evaluation as its file at `path` holds it. Throws a SyntaxError for one of another version or shape. */
export const evaluationOf = (text: string, path: string): Evaluation =>
  jsonOf(evaluation, text, { path, advice: "run ddpm evaluate of this version again: what it has drawn is kept" });
