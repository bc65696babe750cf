import type { Config, SamplerName } from "@ddpm/core";

/** What a person chooses. */
export interface Settings {
  readonly sampler: SamplerName;
  readonly steps: number | undefined;
  readonly eta: number;
  readonly count: number;
  readonly seed: number;
  readonly clip: boolean | undefined;
  /** A device's name, or `auto`. */
  readonly device: string;
}

/** From the page to the worker that holds the model. */
export type Request =
  | { readonly kind: "load"; readonly name: string; readonly bytes: ArrayBuffer }
  | { readonly kind: "draw"; readonly settings: Settings }
  | { readonly kind: "pause"; readonly paused: boolean }
  | { readonly kind: "cancel" };

/** Values in [-1, 1], [count, height, width, channels]. */
export interface Images {
  readonly shape: readonly [number, number, number, number];
  readonly x: Float32Array<ArrayBuffer>;
  readonly x0: Float32Array<ArrayBuffer>;
}

/** From the worker to the page. */
export type Reply =
  | { readonly kind: "loaded"; readonly name: string; readonly config: Config; readonly parameters: number; readonly trained: number }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "device"; readonly device: string; readonly reason: string }
  | { readonly kind: "step"; readonly step: number; readonly steps: number; readonly images: Images }
  | { readonly kind: "done" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly message: string };
