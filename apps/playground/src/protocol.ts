import type { Config, DrawingSettings, SchedulerDrawing } from "@ddpm/core";

/** What drawing starts from; images are [height, width, channels] in [-1, 1]. */
export type Start =
  | { readonly kind: "noise" }
  /** An image that is noised so far that this share of the steps, in (0, 1], takes it back. */
  | { readonly kind: "picture"; readonly image: Float32Array; readonly strength: number }
  /** An image that is kept but where the mask [height, width] is 1; each stretch of steps is gone `times` times. */
  | { readonly kind: "part"; readonly image: Float32Array; readonly mask: Float32Array; readonly times: number }
  /** Noises that lead from the seed's to that of `seed2`. */
  | { readonly kind: "seeds"; readonly seed2: number };

/** What a person chooses in the Draw tab. */
export interface Settings {
  readonly drawing: DrawingSettings;
  readonly steps: number | undefined;
  readonly eta: number;
  /** Class of each picture, undefined for none. */
  readonly labels: readonly (number | undefined)[];
  /** How much to heed the classes; other than 1 it takes twice the time. */
  readonly guidance: number;
  readonly seed: number;
  readonly start: Start;
  /** A device's name, or `auto`. */
  readonly device: string;
}

/** What a person chooses in the Train tab; the configuration has the rest. */
export interface TrainingPlan {
  readonly config: Config;
  readonly steps: number;
  readonly device: string;
}

/** From the page to the worker that holds the model. It does one job, `draw` or `train`, at a time. */
export type Request =
  | { readonly kind: "load"; readonly name: string; readonly bytes: ArrayBuffer }
  | { readonly kind: "draw"; readonly settings: Settings }
  | { readonly kind: "train"; readonly plan: TrainingPlan }
  | { readonly kind: "pause"; readonly paused: boolean }
  | { readonly kind: "cancel" };

export type ImageShape = readonly [count: number, height: number, width: number, channels: number];

/** Bytes 0 to 255, [count, height, width, channels]. */
export interface Images {
  readonly shape: ImageShape;
  readonly x: Uint8ClampedArray<ArrayBuffer>;
  readonly x0: Uint8ClampedArray<ArrayBuffer>;
}

/** A tensor of a checkpoint as the file holds it. */
export interface TensorFacts {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly mean: number;
  readonly deviation: number;
  readonly least: number;
  readonly greatest: number;
}

export interface ModelFacts {
  readonly name: string;
  readonly config: Config;
  readonly parameters: number;
  /** Training steps done. */
  readonly trained: number;
  /** How its scheduler in diffusers draws, if it has one. */
  readonly drawing: SchedulerDrawing | undefined;
  /** Whether it draws without a class, too. */
  readonly knowsNone: boolean;
  /** Length of the file. */
  readonly bytes: number;
  readonly tensors: readonly TensorFacts[];
}

/** From the worker to the page. `done`, `trained`, `cancelled` and `failed` end a job. */
export type Reply =
  | { readonly kind: "loaded"; readonly model: ModelFacts }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "device"; readonly device: string; readonly reason: string }
  | { readonly kind: "compiling"; readonly done: number; readonly of: number }
  | { readonly kind: "compiled"; readonly how: string }
  | { readonly kind: "lost" }
  | { readonly kind: "step"; readonly step: number; readonly steps: number; readonly images: Images }
  | { readonly kind: "loss"; readonly step: number; readonly loss: number }
  | { readonly kind: "warned"; readonly message: string }
  | { readonly kind: "samples"; readonly step: number; readonly shape: ImageShape; readonly images: Uint8ClampedArray<ArrayBuffer> }
  | { readonly kind: "trained"; readonly step: number; readonly checkpoint: Uint8Array<ArrayBuffer> }
  | { readonly kind: "done" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly message: string };
