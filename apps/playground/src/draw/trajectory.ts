import type { Images } from "../protocol.ts";

export interface Frame {
  readonly step: number;
  readonly images: Images;
}

/** Bytes that a trajectory may take: all 1000 steps of 64 images of 28×28 are 100 million, too many for a phone. */
const budget = 2 ** 26;

/** The steps of a run to look back at: all of them, or where they are too large together every k-th, the first and the last. */
export class Trajectory {
  readonly frames: Frame[] = [];

  add(step: number, steps: number, images: Images): void {
    const every = Math.ceil((steps * (images.x.length + images.x0.length)) / budget);
    if (step === 1 || step === steps || step % every === 0) this.frames.push({ step, images });
  }
}
