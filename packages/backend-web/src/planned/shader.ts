import type { Tensor } from "@ddpm/core";
import { groupsOf, type Layout, type Pack, texelsOf } from "./layout.ts";

/** A texture that passes write, or that takes an image from outside; its size is in texels. */
export interface Surface {
  readonly kind: "surface";
  readonly width: number;
  readonly height: number;
  readonly layers: number;
}

/** A texture of numbers that the host works out from parameters or feeds. */
export interface Table {
  readonly kind: "table";
  readonly width: number;
  readonly height: number;
  readonly tensor: Tensor;
  readonly pack: Pack;
}

/** A number that the host works out. */
export interface Scalar {
  readonly kind: "scalar";
  readonly tensor: Tensor;
}

export type Source = Surface | Table | Scalar;

/** An image [b, height, width, channels] on the device. */
export interface Image {
  readonly surface: Surface;
  readonly height: number;
  readonly width: number;
  readonly layout: Layout;
}

/** One draw: a fragment shader, what it reads by name, and the surface that it fills. */
export interface Pass {
  /** For people: what it computes and for which part of the model. */
  readonly name: string;
  readonly source: string;
  readonly inputs: ReadonlyMap<string, Source>;
  readonly output: Surface;
}

/** GLSL for a value at a fragment's four pixels, by lane. */
export type Value = (lane: number) => string;

/** GLSL for each of the four pixels (or layers). */
export const lanes = (text: (lane: number) => string, count = 4): string => Array.from({ length: count }, (_, i) => text(i)).join("");

export const surface = (width: number, height: number, layers = 4): Surface => ({ kind: "surface", width, height, layers });

export const imageOf = (batch: number, height: number, width: number, layout: Layout): Image => ({
  surface: surface(groupsOf(width) * texelsOf(layout), batch * height),
  height,
  width,
  layout,
});

/** A fragment shader as it is written. It never names the batch, so that every batch size has the same. */
export class Shader {
  readonly #inputs = new Map<string, Source>();
  readonly #names = new Map<Source | Tensor, string>();
  readonly #functions = new Set<string>();
  readonly #lines: string[] = [];
  #locals = 0;

  /** The name of a texture or number that the shader reads. */
  read(source: Source): string {
    const key = source.kind === "scalar" ? source.tensor : source;
    const known = this.#names.get(key);
    if (known) return known;
    const name = `u${this.#inputs.size}`;
    this.#inputs.set(name, source);
    this.#names.set(key, name);
    return name;
  }

  /** A new name for a local variable. */
  local(): string {
    return `v${this.#locals++}`;
  }

  /** Adds a function that several values may use. */
  define(text: string): void {
    this.#functions.add(text);
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** Declares four vectors. */
  declare(value: Value): Value {
    const name = this.local();
    this.line(`vec4 ${[0, 1, 2, 3].map((j) => `${name}_${j} = ${value(j)}`).join(", ")};`);
    return (j) => `${name}_${j}`;
  }

  pass(name: string, output: Surface): Pass {
    const uniforms = [...this.#inputs].map(([name, source]) => `uniform ${typeOf(source)} ${name};`);
    const outputs = lanes((j) => `layout(location = ${j}) out vec4 o${j};\n`, output.layers);
    const source = `${header}${uniforms.join("\n")}\n${outputs}${[...this.#functions].join("\n")}\nvoid main() {\n${this.#lines.join("\n")}\n}\n`;
    return { name, source, inputs: this.#inputs, output };
  }
}

const header = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp sampler2DArray;
`;

const typeOf = (source: Source): string =>
  source.kind === "scalar" ? "float" : source.kind === "surface" && source.layers > 1 ? "sampler2DArray" : "sampler2D";

/** GLSL that zeroes what is no channel and no pixel in the outputs. */
export function clearPadding(width: number, layout: Layout): string {
  let texel = -1;
  const channels = layout.map((n) => {
    texel += Math.ceil(n / 4);
    const rest = [..."xyzw"].slice(n % 4);
    return n % 4 ? `if (c == ${texel}) {${lanes((j) => rest.map((i) => `o${j}.${i} = 0.;`).join(""))}}\n` : "";
  });
  const pixels = width % 4 ? `if (g == ${Math.floor(width / 4)}) {${lanes((j) => (j >= width % 4 ? `o${j} = vec4(0.);` : ""))}}` : "";
  return channels.join("") + pixels;
}
