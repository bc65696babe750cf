import type { ImageShape } from "../protocol.ts";

/** From the page to the worker that makes an animated GIF, which answers with its bytes as a Blob, or with what went wrong. */
export interface GifOrder {
  readonly shape: ImageShape;
  /** Images in a row, as in `gridOf`. */
  readonly columns: number | undefined;
  /** Images of each frame, as bytes. */
  readonly frames: readonly Uint8ClampedArray[];
}
export type GifAnswer = Blob | { readonly message: string };

/** Frames at most: more would not be seen, only make the file larger. */
const most = 60;

/** An animation of `frames`, made by a worker that is loaded for it. Throws what goes wrong there. */
export function gifOf({ shape, columns, frames }: GifOrder): Promise<Blob> {
  const count = Math.min(most, frames.length);
  const chosen = Array.from({ length: count }, (_, i) => frames[Math.round(((i + 1) * frames.length) / count) - 1]!);
  const worker = new Worker(new URL("./gif-worker.ts", import.meta.url), { type: "module" });
  const made = new Promise<Blob>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<GifAnswer>) => (data instanceof Blob ? resolve(data) : reject(new Error(data.message)));
    worker.onerror = ({ message }) => reject(new Error(`Expected the GIF's code to load but found ${message || "none of it"}; reload the page`));
  });
  worker.postMessage({ shape, columns, frames: chosen } satisfies GifOrder);
  return made.finally(() => worker.terminate());
}
