import type { Tensor, Variable } from "@tensorflow/tfjs-node-gpu";

export type Tf = typeof import("@tensorflow/tfjs-node-gpu");

/** Variables by their PyTorch names, in TensorFlow's layouts; made with PyTorch's default initialisation when first asked for. */
export class Weights {
  readonly variables = new Map<string, Variable>();
  readonly #tf: Tf;

  constructor(tf: Tf) {
    this.#tf = tf;
  }

  ask<T extends Tensor>(name: string, shape: readonly number[], initial: (tf: Tf) => Tensor): T {
    let variable = this.variables.get(name);
    if (variable === undefined) {
      variable = this.#tf.variable(initial(this.#tf).reshape([...shape]), true, name);
      this.variables.set(name, variable);
    }
    return variable as Tensor as T;
  }

  /** Uniform in ±1/√fanIn, as nn.Conv2d and nn.Linear draw weight and bias. */
  uniform<T extends Tensor>(name: string, shape: readonly number[], fanIn: number): T {
    const bound = 1 / Math.sqrt(fanIn);
    return this.ask<T>(name, shape, (tf) => tf.randomUniform([...shape], -bound, bound));
  }
}
