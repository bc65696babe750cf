import type { Config } from "./config.ts";
import type { StepResult } from "./training.ts";

/** Steps over which the loss is averaged before it is called high. */
const window = 50;
/** How many times its lowest average a loss must reach to be called diverging: the losses of single batches differ by less. */
const diverging = 5;

const advice = "a lower train.lr, train.clip 1 or float32 instead of bf16 may help";

/** Watches the steps of a training for losses that are not finite, whose steps change nothing, and for losses that grow. */
export class Stability {
  readonly #most: number;
  #row = 0;
  #seen = 0;
  #average = 0;
  #lowest = { average: Number.POSITIVE_INFINITY, step: 0 };
  #warned = false;

  constructor(config: Pick<Config, "train.maxSkips">) {
    this.#most = config["train.maxSkips"];
  }

  /** Whether the last step was sound, so that the weights are worth keeping. */
  get sound(): boolean {
    return this.#row === 0;
  }

  /** What to tell the user after step n, if anything. Throws a RangeError after more than `train.maxSkips` skipped steps in a row. */
  follow(n: number, { skipped, loss, gradientNorm }: Pick<StepResult, "skipped" | "loss" | "gradientNorm">): string | undefined {
    this.#row = skipped ? this.#row + 1 : 0;
    if (!skipped) return this.#diverges(n, loss);
    const found = `loss ${loss} and gradient norm ${gradientNorm} at step ${n}`;
    if (this.#row <= this.#most) return `Skipped a step, which changes nothing, for its ${found}; training ends after ${this.#most} in a row`;
    throw new RangeError(`Expected a finite loss and gradient but found ${found}, the last of ${this.#row} such steps in a row; ${advice}`);
  }

  #diverges(n: number, loss: number): string | undefined {
    this.#seen++;
    this.#average += (loss - this.#average) / Math.min(this.#seen, window);
    if (this.#seen < window) return undefined;
    if (this.#average < this.#lowest.average) this.#lowest = { average: this.#average, step: n };
    if (this.#warned || this.#average < diverging * this.#lowest.average) return undefined;
    this.#warned = true;
    const { average, step } = this.#lowest;
    return `The loss diverges: about ${this.#average.toPrecision(3)} at step ${n} after ${average.toPrecision(3)} at step ${step}; ${advice}`;
  }
}
