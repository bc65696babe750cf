import type { Tensor, Variable } from "@tensorflow/tfjs";

export type Tf = typeof import("@tensorflow/tfjs");

/** Variables by their PyTorch names, in TensorFlow's layouts; made when first asked for, from `values` or else with PyTorch's default initialisation. */
export class Weights {
  readonly variables = new Map<string, Variable>();
  readonly #tf: Tf;
  readonly #values: ReadonlyMap<string, Float32Array>;

  constructor(tf: Tf, values: ReadonlyMap<string, Float32Array> = new Map()) {
    this.#tf = tf;
    this.#values = values;
  }

  ask<T extends Tensor>(name: string, shape: readonly number[], initial: (tf: Tf) => Tensor): T {
    let variable = this.variables.get(name);
    if (variable === undefined) {
      const values = this.#values.get(name);
      const first = values ? this.#tf.tensor(values, [...shape]) : initial(this.#tf).reshape([...shape]);
      variable = this.#tf.variable(first, true, name);
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
