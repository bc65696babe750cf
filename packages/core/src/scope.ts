import type { Numbers } from "./backend.ts";
import { stream, uniforms } from "./random.ts";
import { type Shape, size } from "./shape.ts";
import { concat, type Tensor, variable } from "./tensor.ts";

/** How a parameter starts: a constant, or uniform in ±1/√fanIn as in PyTorch. */
export type Init = { readonly fill: number } | { readonly fanIn: number };

/** A parameter as a model declares it. */
export interface Parameter {
  readonly shape: Shape;
  readonly init: Init;
  readonly tensor: Tensor;
}

/** Names the parameters of a model where the model uses them; `at` descends into a part of it. */
export class Scope {
  readonly path: string;
  readonly parameters: Map<string, Parameter>;

  constructor(path = "", parameters: Map<string, Parameter> = new Map()) {
    this.path = path;
    this.parameters = parameters;
  }

  /** The scope of a part of the model: `p.at("downs", 0)` names its parameters `downs.0.…`. */
  at(...names: (string | number)[]): Scope {
    return new Scope([this.path, ...names].filter((name) => name !== "").join("."), this.parameters);
  }

  /** Declares a parameter. A name asked twice is a TypeError. */
  param(name: string, shape: Shape, init: Init): Tensor {
    const path = this.at(name).path;
    if (this.parameters.has(path)) throw new TypeError(`Cannot declare parameter ${path} twice`);
    const tensor = variable(path, shape);
    this.parameters.set(path, { shape, init, tensor });
    return tensor;
  }

  /** A number that stands for the path, of 32 bits. */
  get id(): number {
    return hash(this.path);
  }

  get count(): number {
    return [...this.parameters.values()].reduce((n, { shape }) => n + size(shape), 0);
  }

  /** Tensors shaped like the parameters, in their order, as one vector [count]: what then follows is a few operations, whatever their number. */
  pack(tensors: readonly Tensor[]): Tensor {
    return concat(
      tensors.map((x) => x.reshape(size(x.shape))),
      0,
    );
  }

  /** A vector [count] cut into tensors shaped like the parameters, by their names. */
  unpack(vector: Tensor): Record<string, Tensor> {
    const parts = this.#places().map(([name, start, shape]) => [name, vector.slice(0, start, size(shape)).reshape(...shape)]);
    return Object.fromEntries(parts) as Record<string, Tensor>;
  }

  /** As `pack`, of host values by name. */
  packValues(values: ReadonlyMap<string, Numbers>): Float32Array {
    const vector = new Float32Array(this.count);
    for (const [name, start] of this.#places()) vector.set(values.get(name)!, start);
    return vector;
  }

  /** As `unpack`, of host values; they share the vector's memory. */
  unpackValues(vector: Numbers): Map<string, Numbers> {
    return new Map(this.#places().map(([name, start, shape]) => [name, vector.subarray(start, start + size(shape))]));
  }

  /** Where each parameter stands in a packed vector. */
  #places(): [string, number, Shape][] {
    let start = 0;
    return [...this.parameters].map(([name, { shape }]) => {
      start += size(shape);
      return [name, start - size(shape), shape];
    });
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
