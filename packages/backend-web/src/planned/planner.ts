/**
 * From a graph of images to passes. A node is one of three kinds: below parameters alone, below feeds too, or below an image of the device.
 * The first two are worked out on the host; of the last, a pass computes as much as it can without a texture between: at most one product over
 * channels, then whatever follows it element by element.
 */
import { concat, type Shape, type Step, size, type Tensor, variablesOf } from "@ddpm/core";
import { context, greatestKeys, type LinearAttention, linearMix, mix, scores, values } from "./attention.ts";
import { convolution, depthwise, pointwise, transposedConvolution } from "./convolution.ts";
import { activations, float, formulas } from "./elementwise.ts";
import { type Layout, placesOf, texelsOf } from "./layout.ts";
import { moments, sums } from "./norm.ts";
import { clearPadding, type Image, imageOf, lanes, type Pass, Shader, type Surface, type Table, type Value } from "./shader.ts";
import { matrices, memberships, rows } from "./tables.ts";

/** A graph is not one that this device runs in few passes; the message says what in it is not. */
export class NoPlan extends Error {}

export interface Plan {
  readonly batch: number;
  /** In the order of execution. */
  readonly passes: readonly Pass[];
  /** Images that the host provides: feeds, and what it works out of them. */
  readonly uploads: ReadonlyMap<Tensor, Image>;
  readonly state: ReadonlyMap<string, Image>;
  readonly updates: ReadonlyMap<string, Image>;
  readonly outputs: ReadonlyMap<string, Image>;
}

/** Throws NoPlan. */
export const planOf = (step: Step): Plan => new Planner(step).plan();

/** A pass that is being written. `product` is whether it may still have one. */
interface Site {
  readonly shader: Shader;
  readonly image: Image;
  product: boolean;
}

const known = new Set(["silu", "gelu", "groupNorm", "pointwise", "attention", "linearAttention"]);

/** The node that a value is really computed by. */
function resolve(node: Tensor): Tensor {
  if (node.op === "stop" || (node.op === "composite" && !known.has((node as Tensor<"composite">).attrs.name))) return resolve(node.inputs[0]!);
  return node;
}

/** What a node is computed from: of a composite that is known its arguments. */
const argumentsOf = (node: Tensor): Tensor[] => (node.op === "composite" ? node.inputs.slice(1) : node.inputs).map(resolve);

/** Of a composite its name, else the op's. */
const nameOf = (node: Tensor): string => (node.op === "composite" ? (node as Tensor<"composite">).attrs.name : node.op);

const isImage = (shape: Shape): boolean => shape.length === 4 && shape[1]! * shape[2]! > 1;

const layoutOf = (images: readonly Image[]): Layout => images.flatMap(({ layout }) => layout);

/** What stands for a tensor in a message. */
const described = ({ op, attrs, path }: Tensor): string => `${(attrs as { name?: string }).name ?? op}${path && ` of ${path}`}`;

class Planner {
  readonly #step: Step;
  readonly #updated: ReadonlySet<string>;
  readonly #uses = new Map<Tensor, number>();
  readonly #onDevice = new Map<Tensor, boolean>();
  readonly #images = new Map<Tensor, Image>();
  readonly #moments = new Map<Image, Map<number, Surface>>();
  readonly #passes: Pass[] = [];
  readonly #uploads = new Map<Tensor, Image>();
  readonly #state = new Map<string, Image>();
  #batch = 0;

  constructor(step: Step) {
    this.#step = step;
    this.#updated = new Set(Object.keys(step.updates ?? {}));
  }

  plan(): Plan {
    for (const [name, shape] of variablesOf(this.#step)) if (this.#updated.has(name)) this.#state.set(name, this.#imageOf(shape, [shape.at(-1)!]));
    const updates = Object.entries(this.#step.updates ?? {});
    const outputs = Object.entries(this.#step.outputs);
    for (const [, root] of [...updates, ...outputs]) this.#count(resolve(root));
    const stored = (roots: readonly [string, Tensor][]): Map<string, Image> => new Map(roots.map(([name, root]) => [name, this.#root(name, root)]));
    const [updatesTo, outputsTo] = [stored(updates), stored(outputs)];
    const written = new Set([...this.#state.values(), ...this.#uploads.values(), ...updatesTo.values()]);
    if (written.size < this.#state.size + this.#uploads.size + updatesTo.size) throw new NoPlan("it gives one image to two variables");
    return {
      batch: this.#batch,
      passes: this.#passes,
      uploads: this.#uploads,
      state: this.#state,
      updates: updatesTo,
      outputs: outputsTo,
    };
  }

  #count(node: Tensor): void {
    const uses = this.#uses.get(node) ?? 0;
    this.#uses.set(node, uses + 1);
    if (uses === 0) argumentsOf(node).forEach((x) => this.#count(x));
  }

  #root(name: string, root: Tensor): Image {
    const node = resolve(root);
    if (!this.#isOnDevice(node)) throw new NoPlan(`its ${name} does not depend on an image`);
    return this.#image(node);
  }

  #isOnDevice(node: Tensor): boolean {
    const known = this.#onDevice.get(node);
    if (known !== undefined) return known;
    const source = node.op === "input" || (node.op === "variable" && this.#updated.has((node as Tensor<"variable">).attrs.name));
    const found = (source && isImage(node.shape)) || argumentsOf(node).some((x) => this.#isOnDevice(x));
    this.#onDevice.set(node, found);
    return found;
  }

  /** The image of a node, computed by a pass of its own where it is not there yet. */
  #image(node: Tensor): Image {
    const known = this.#images.get(node);
    if (known) return known;
    const image = node.op === "variable" || node.op === "input" ? this.#given(node) : this.#stored(node);
    this.#images.set(node, image);
    return image;
  }

  #given(node: Tensor): Image {
    if (node.op === "variable") return this.#state.get((node as Tensor<"variable">).attrs.name)!;
    const image = this.#imageOf(node.shape, [node.shape.at(-1)!]);
    this.#uploads.set(node, image);
    return image;
  }

  #imageOf(shape: Shape, layout: Layout): Image {
    if (!isImage(shape)) throw new NoPlan(`it computes [${shape}], which is no image`);
    const [batch, height, width] = shape as [number, number, number];
    this.#batch ||= batch;
    if (batch !== this.#batch) throw new NoPlan(`it has ${batch} images beside ${this.#batch}`);
    return imageOf(batch, height, width, layout);
  }

  #stored(node: Tensor): Image {
    const layout = this.#layout(node);
    const image = this.#imageOf(node.shape, layout);
    const texels = texelsOf(layout);
    const shader = new Shader();
    const { height, width } = image;
    shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); int c = p.x % ${texels}, g = p.x / ${texels}, y = p.y % ${height}, b = p.y / ${height};`);
    const value = this.#computed(node, { shader, image, product: true });
    shader.line(lanes((j) => `o${j} = ${value(j)};`));
    shader.line(clearPadding(width, layout));
    this.#passes.push(shader.pass(described(node), image.surface));
    return image;
  }

  /** A node's value at the fragment's own place. */
  #value(node: Tensor, site: Site): Value {
    if (!this.#isOnDevice(node)) return this.#hostValue(node, site);
    if (this.#images.has(node) || this.#uses.get(node)! > 1 || node.op === "variable" || node.op === "input")
      return this.#own(this.#image(node), site);
    return this.#computed(node, site);
  }

  #own({ surface, height, width, layout }: Image, { shader, image }: Site): Value {
    if (height !== image.height || width !== image.width || `${layout}` !== `${image.layout}`)
      throw new NoPlan("it combines images of different sizes");
    const name = shader.read(surface);
    return shader.declare((j) => `texelFetch(${name}, ivec3(p, ${j}), 0)`);
  }

  /** What the host works out: a number, a row of channels for each sample, or an image. */
  #hostValue(node: Tensor, site: Site): Value {
    const { shader, image } = site;
    if (node.op === "constant") return () => float((node as Tensor<"constant">).attrs.value);
    if (size(node.shape) === 1) {
      const name = shader.read({ kind: "scalar", tensor: node });
      return () => name;
    }
    const [batch, height, width] = [1, 1, 1, ...node.shape].slice(-4) as [number, number, number];
    const channels = placesOf(image.layout).length;
    if (height * width > 1) {
      const upload = this.#uploads.get(node) ?? this.#imageOf([this.#batch, image.height, image.width, channels], image.layout);
      this.#uploads.set(node, upload);
      return this.#own(upload, site);
    }
    const name = shader.read(rows(node.reshape(batch, node.shape.at(-1)!).expand(batch, channels), image.layout));
    const local = shader.local();
    shader.line(`vec4 ${local} = texelFetch(${name}, ivec2(c, min(b, textureSize(${name}, 0).y - 1)), 0);`);
    return () => local;
  }

  #computed(node: Tensor, site: Site): Value {
    const formula = formulas[node.op] as ((x: readonly string[], attrs: unknown, shader: Shader) => string) | undefined;
    if (formula) {
      const inputs = argumentsOf(node).map((x) => this.#value(x, site));
      return site.shader.declare((j) =>
        formula(
          inputs.map((value) => value(j)),
          node.attrs,
          site.shader,
        ),
      );
    }
    if (node.op === "concat") return this.#concatenated(node, site);
    if (node.op === "composite") return this.#composite(node as Tensor<"composite">, site);
    return this.#product(node, site, () => this.#convolved(node, site));
  }

  /** A product over channels, in this pass if it has none yet, else in its own. */
  #product(node: Tensor, site: Site, write: () => Value): Value {
    if (!site.product) return this.#own(this.#image(node), site);
    site.product = false;
    return write();
  }

  #composite(node: Tensor<"composite">, site: Site): Value {
    const { name } = node.attrs;
    const activation = activations[name];
    if (activation) {
      const value = this.#value(argumentsOf(node)[0]!, site);
      return site.shader.declare((j) => activation(value(j), site.shader));
    }
    if (name === "groupNorm") return this.#groupNorm(node, site);
    return this.#product(node, site, () => {
      if (name === "attention") return this.#attention(node, site);
      if (name === "linearAttention") return this.#linearAttention(node, site);
      const [x, weights] = argumentsOf(node) as [Tensor, Tensor];
      const images = this.#parts(x);
      return pointwise(site.shader, images, site.shader.read(this.#matrices(weights, layoutOf(images), [weights.shape[1]!])));
    });
  }

  /** The images that a product may read in place of one: of a concatenation its parts. */
  #parts(node: Tensor): Image[] {
    const apart = node.op === "concat" && !this.#images.has(node) && this.#isOnDevice(node);
    return apart ? argumentsOf(node).flatMap((x) => this.#parts(x)) : [this.#image(node)];
  }

  #concatenated(node: Tensor, site: Site): Value {
    const { shader } = site;
    if ((node as Tensor<"concat">).attrs.axis !== 3) throw new NoPlan("it joins images along another axis than channels");
    const result = shader.declare(() => "vec4(0.)");
    let first = 0;
    for (const { surface, layout } of this.#parts(node)) {
      const [name, texels] = [shader.read(surface), texelsOf(layout)];
      shader.line(
        `if (c >= ${first} && c < ${first + texels}) {${lanes((j) => `${result(j)} = texelFetch(${name}, ivec3(g * ${texels} + c - ${first}, p.y, ${j}), 0);`)}}`,
      );
      first += texels;
    }
    return result;
  }

  #convolved(node: Tensor, { shader }: Site): Value {
    const [x, kernel] = argumentsOf(node) as [Tensor, Tensor];
    const side = kernel?.shape[0];
    if (!["conv2d", "conv2dInputGrad", "depthwiseConv2d"].includes(node.op)) throw new NoPlan(`it has ${described(node)}`);
    if (side !== kernel.shape[1] || this.#isOnDevice(kernel)) throw new NoPlan(`${described(node)} has a kernel that is not square or not fixed`);
    if (node.op === "depthwiseConv2d") {
      const image = this.#image(x);
      const weights = rows(kernel.reshape(side! ** 2, kernel.shape[2]!), image.layout);
      return depthwise(shader, image, shader.read(weights), { kernel: side!, padding: (node as Tensor<"depthwiseConv2d">).attrs.padding });
    }
    const { stride, padding } = (node as Tensor<"conv2d">).attrs;
    const images = this.#parts(x);
    const transposed = node.op === "conv2dInputGrad";
    if (transposed && stride !== 2) throw new NoPlan(`${described(node)} is transposed with stride ${stride}`);
    const matrices = this.#matrices(transposed ? kernel.transpose(0, 1, 3, 2) : kernel, layoutOf(images), [node.shape[3]!]);
    const taps = { kernel: side!, padding, stride };
    return (transposed ? transposedConvolution : convolution)(shader, images, shader.read(matrices), taps);
  }

  #groupNorm(node: Tensor<"composite">, site: Site): Value {
    const [x, gamma, beta] = argumentsOf(node) as [Tensor, Tensor, Tensor];
    const { shader } = site;
    const image = this.#image(x);
    const { groups = 1 } = node.attrs;
    const own = this.#own(image, site);
    const moments = shader.read(this.#momentsOf(described(x), image, groups));
    const [m, g, s] = [shader.local(), shader.read(rows(gamma, image.layout)), shader.read(rows(beta, image.layout))];
    if (groups === 1) shader.line(`vec2 ${m} = texelFetch(${moments}, ivec2(0, b), 0).xy; vec4 ${m}_mean = vec4(${m}.x), ${m}_scale = vec4(${m}.y);`);
    else {
      const of = shader.read(memberships(image.layout, groups));
      shader.line(`ivec4 ${m} = max(ivec4(texelFetch(${of}, ivec2(c, 0), 0)), 0); vec4 ${m}_mean, ${m}_scale;`);
      const own = (i: string): string => `{vec2 v = texelFetch(${moments}, ivec2(${m}.${i}, b), 0).xy; ${m}_mean.${i} = v.x; ${m}_scale.${i} = v.y;}`;
      shader.line([..."xyzw"].map(own).join(""));
    }
    shader.line(`${m}_scale *= texelFetch(${g}, ivec2(c, 0), 0); vec4 ${m}_shift = texelFetch(${s}, ivec2(c, 0), 0);`);
    return shader.declare((j) => `(${own(j)} - ${m}_mean) * ${m}_scale + ${m}_shift`);
  }

  #momentsOf(name: string, image: Image, groups: number): Surface {
    const ofImage = this.#moments.get(image) ?? new Map<number, Surface>();
    this.#moments.set(image, ofImage);
    const known = ofImage.get(groups);
    if (known) return known;
    const parts = sums(name, image, this.#batch);
    const pass = moments(name, image, { groups, members: memberships(image.layout, groups), parts: parts.output, batch: this.#batch });
    this.#passes.push(parts, pass);
    ofImage.set(groups, pass.output);
    return pass.output;
  }

  #matrices(weights: Tensor, inputs: Layout, outputs: Layout): Table {
    if (this.#isOnDevice(weights)) throw new NoPlan("it multiplies images with each other");
    return matrices(weights, inputs, outputs);
  }

  #attention(node: Tensor<"composite">, { shader }: Site): Value {
    const [y, q, k, v] = argumentsOf(node) as [Tensor, Tensor, Tensor, Tensor];
    const heads = node.attrs.heads!;
    const weights = concat([q.mul((q.shape[1]! / heads) ** -0.5), k, v], 1);
    const attention = { projections: this.#projected(y, weights, heads).image, heads, batch: this.#batch };
    const pass = scores(attention);
    this.#passes.push(pass);
    return mix(shader, attention, pass.output);
  }

  #linearAttention(node: Tensor<"composite">, { shader }: Site): Value {
    const [y, q, k, outputs] = argumentsOf(node) as [Tensor, Tensor, Tensor, Tensor];
    const heads = node.attrs.heads!;
    const { image, x, moments, gamma, beta } = this.#projected(y, concat([q, k], 1), heads);
    const of: LinearAttention = { x, moments, queriesAndKeys: image, heads, batch: this.#batch };
    const channels = y.shape[3]!;
    const weights = matrices(gamma.reshape(channels, 1).mul(outputs), x.layout, [outputs.shape[2]!]);
    const biases = rows(beta.reshape(1, 1, channels).matmul(outputs).reshape(heads, outputs.shape[2]!), [outputs.shape[2]!]);
    const greatest = greatestKeys(of);
    const contexts = context(of, greatest.output);
    const pass = values(of, contexts.output, weights, biases);
    this.#passes.push(greatest, contexts, pass);
    return linearMix(shader, of, pass.output);
  }

  /** A normalised image times a matrix, with the normalisation in the weights; and what it is made of. */
  #projected(y: Tensor, weights: Tensor, heads: number) {
    if (nameOf(y) !== "groupNorm" || (y as Tensor<"composite">).attrs.groups !== 1)
      throw new NoPlan("its attention does not follow a normalisation of one group");
    const outputs = weights.shape[1]!;
    const [source, gamma, beta] = argumentsOf(y) as [Tensor, Tensor, Tensor];
    const channels = y.shape[3]!;
    const x = this.#image(source);
    const moments = this.#momentsOf(described(source), x, 1);
    const image = imageOf(this.#batch, x.height, x.width, [outputs]);
    const shader = new Shader();
    const texels = texelsOf(image.layout);
    shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); int c = p.x % ${texels}, g = p.x / ${texels}, b = p.y / ${x.height};`);
    shader.line(`vec2 moments = texelFetch(${shader.read(moments)}, ivec2(0, b), 0).xy;`);
    const scaled = matrices(gamma.reshape(channels, 1).mul(weights), x.layout, image.layout);
    const bias = shader.read(rows(beta.reshape(1, channels).matmul(weights), image.layout));
    const sum = pointwise(shader, [x], shader.read(scaled), (v) => `(${v} - moments.x)`);
    shader.line(lanes((j) => `o${j} = ${sum(j)} * moments.y + texelFetch(${bias}, ivec2(c, 0), 0);`));
    shader.line(clearPadding(x.width, image.layout));
    this.#passes.push(shader.pass(`projections of ${source.path}`, image.surface));
    if ((outputs / heads) % 4 !== 0) throw new NoPlan("its attention has heads of a width that four does not divide");
    return { image, x, moments, gamma, beta };
  }

  /** How the channels of a node lie. */
  #layout(node: Tensor): Layout {
    const known = this.#images.get(node);
    if (known) return known.layout;
    if (node.op === "concat") return argumentsOf(node).flatMap((x) => this.#layout(x));
    const name = nameOf(node);
    const keeps = name in formulas || name in activations || name === "groupNorm" || name === "depthwiseConv2d";
    if (!keeps) return [node.shape.at(-1)!];
    const layouts = argumentsOf(node)
      .filter((x) => this.#isOnDevice(x))
      .map((x) => this.#layout(x));
    if (new Set(layouts.map(String)).size > 1) throw new NoPlan(`${described(node)} adds images whose channels lie differently`);
    return layouts[0]!;
  }
}
