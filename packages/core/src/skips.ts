import { concat, type Tensor } from "./tensor.ts";

/** What a U-Net's way down leaves for its way up, the last first. */
export class Skips {
  readonly #left: Tensor[] = [];

  /** Keeps `x` [b, h, w, c], and returns it. */
  keep(x: Tensor): Tensor {
    this.#left.push(x);
    return x;
  }

  /** `x` [b, h, w, c] with the channels of the last that is left. */
  join(x: Tensor): Tensor {
    return concat([x, this.#left.pop()!], 3);
  }
}
