import { size, type Tensor } from "@ddpm/core/graph";
import { fours, type Pack, packMatrices, packRows } from "./layout.ts";

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

/** A size or another number that is known before any run: not in the shader's text, so that images of all sizes have the same. */
interface Constant {
  readonly kind: "int" | "float";
  readonly value: number;
}

export type Source = Surface | Table | Scalar | Constant;

/** An image [b, height, width, channels] on the device. */
export interface Image {
  readonly surface: Surface;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** One draw: a fragment shader, what it reads by name, and the surface that it fills. */
export interface Pass {
  /** For people: what it computes and for which part of the model. */
  readonly name: string;
  readonly source: string;
  readonly inputs: ReadonlyMap<string, Source>;
  readonly output: Surface;
}

/** GLSL for a value at each of a fragment's four pixels. */
export type Value = (lane: number) => string;

/** GLSL for each of the four pixels, layers or channels. */
export const lanes = (text: (lane: number) => string, count = 4): string => Array.from({ length: count }, (_, i) => text(i)).join("");

export const surface = (width: number, height: number, layers = 4): Surface => ({ kind: "surface", width, height, layers });

/** Rows of channels [rows, channels]: texel (k, row) has channels 4k to 4k + 3. */
export const rows = (tensor: Tensor, channels: number): Table => ({
  kind: "table",
  width: fours(channels),
  height: size(tensor.shape) / channels,
  tensor,
  pack: packRows(channels),
});

/** Matrices [taps, inputs, outputs] in the order of `packMatrices`; the inputs are the channels of one or more images. */
export function matrices(tensor: Tensor, inputs: readonly number[], outputs: number): Table {
  const [channels, texels] = [inputs.reduce((a, b) => a + b), inputs.reduce((n, channels) => n + fours(channels), 0)];
  const taps = size(tensor.shape) / channels / outputs;
  return { kind: "table", width: 4 * fours(outputs), height: taps * texels, tensor, pack: packMatrices(inputs, outputs) };
}

/** A fragment shader as it is written. Its text names neither the batch nor sizes, so that few are to be compiled. */
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

  /** The name of an integer. Two that happen to be equal have names of their own: elsewhere they are not. */
  int(value: number): string {
    return this.read({ kind: "int", value });
  }

  float(value: number): string {
    return this.read({ kind: "float", value });
  }

  /** Adds a function that several values may use. */
  define(text: string): void {
    this.#functions.add(text);
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** Declares a variable, the same for all pixels, and gives its name. */
  local(type: string, text: string): string {
    const name = `v${this.#locals++}`;
    this.line(`${type} ${name} = ${text};`);
    return name;
  }

  /** Declares four vectors, one a pixel. */
  declare(value: Value): Value {
    const name = `v${this.#locals++}`;
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

function typeOf(source: Source): string {
  if (source.kind === "int") return "int";
  if (source.kind === "float" || source.kind === "scalar") return "float";
  return source.kind === "surface" && source.layers > 1 ? "sampler2DArray" : "sampler2D";
}

/** Names the fragment's place `p` in an image: texel `c` of pixel group `g` in row `y` of sample `b`. */
export function locate(shader: Shader, image: Image): void {
  const [texels, height] = [shader.int(fours(image.channels)), shader.int(image.height)];
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); int c = p.x % ${texels}, g = p.x / ${texels}, y = p.y % ${height}, b = p.y / ${height};`);
}

/** Writes an image's pixels, and zeros where there is no channel or no pixel. */
export function store(shader: Shader, { width, channels }: Image, value: Value): void {
  shader.line(lanes((j) => `o${j} = ${value(j)};`));
  const beyond = [..."xyzw"].slice(channels % 4);
  if (channels % 4) shader.line(`if (c == ${shader.int(fours(channels) - 1)}) {${lanes((j) => beyond.map((i) => `o${j}.${i} = 0.;`).join(""))}}`);
  const end = shader.int(width);
  shader.line(lanes((j) => (j === 0 ? "" : `if (4 * g + ${j} >= ${end}) o${j} = vec4(0.);`)));
}

/** GLSL that runs over the four pixels of each group `i` of a row, without those beyond its end. */
export function overPixels(shader: Shader, width: number, inner: (lane: number) => string): string {
  const [whole, rest] = [Math.floor(width / 4), width % 4].map((n) => shader.int(n));
  const last = lanes((j) => `if (${j} < ${rest}) {${inner(j)}}`, 3);
  return `for (int i = 0; i < ${whole}; i++) {${lanes(inner)}} {int i = ${whole}; ${last}}`;
}
