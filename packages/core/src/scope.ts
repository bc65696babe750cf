import { stream, uniforms } from "./random.ts";
import { type Shape, size, type Tensor, variable } from "./tensor.ts";

/** How a parameter starts: a constant, or uniform in ±1/√fanIn as in PyTorch. */
export type Init = { readonly fill: number } | { readonly fanIn: number };

export interface Parameter {
  readonly shape: Shape;
  readonly init: Init;
  readonly tensor: Tensor;
}

/** Names the parameters of a model where the model uses them; `at` descends into a part of it. */
export class Scope {
  readonly path: string;
  readonly parameters: Map<string, Parameter>;

  constructor(path = "", parameters = new Map<string, Parameter>()) {
    this.path = path;
    this.parameters = parameters;
  }

  at(...names: (string | number)[]): Scope {
    return new Scope([this.path, ...names].filter((name) => name !== "").join("."), this.parameters);
  }

  /** Declares a parameter. A name asked twice is a TypeError. */
  param(name: string, shape: Shape, init: Init): Tensor {
    const path = this.at(name).path;
    if (this.parameters.has(path)) throw new TypeError(`Parameter ${path} is already taken`);
    const tensor = variable(path, shape);
    this.parameters.set(path, { shape, init, tensor });
    return tensor;
  }

  get count(): number {
    return [...this.parameters.values()].reduce((n, { shape }) => n + size(shape), 0);
  }

  /** First values of all parameters: functions of the seed and each one's name. */
  initialValues(seed: number): Map<string, Float32Array> {
    return new Map([...this.parameters].map(([name, { shape, init }]) => [name, initial(shape, init, seed, name)]));
  }
}

function initial(shape: Shape, init: Init, seed: number, name: string): Float32Array {
  if ("fill" in init) return new Float32Array(size(shape)).fill(init.fill);
  const bound = 1 / Math.sqrt(init.fanIn);
  return Float32Array.from(uniforms(stream(seed, "weights", hash(name)), size(shape)), (u) => (2 * u - 1) * bound);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const character of text) h = Math.imul(h ^ character.codePointAt(0)!, 0x01000193);
  return h >>> 0;
}
