// From a graph of images to passes. A node is one of three kinds: below parameters alone, below feeds too, or below an image of the device.
// The first two are worked out on the host. Of the last, a pass computes as much as it can without a texture between: at most one product over
// channels, then whatever follows it element by element. Values that are used twice are stored.
import type { Step } from "@ddpm/core";
import { variablesOf } from "@ddpm/core/backend";
import { type Shape, size, type Tensor } from "@ddpm/core/graph";
import { float } from "./elementwise.ts";
import { argumentsOf, described, groupingOf, isImage, NoPlan, nameOf, resolve } from "./graph.ts";
import { fours } from "./layout.ts";
import { writers } from "./nodes.ts";
import { moments, sums } from "./norm.ts";
import { type Image, locate, type Pass, rows, Shader, type Surface, store, surface, type Value } from "./shader.ts";

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

/** A pass that is being written, which stores `image`. */
export interface Site {
  readonly shader: Shader;
  readonly image: Image;
  /** Whether it has its product over channels already. */
  full: boolean;
}

/** Throws NoPlan. */
export const planOf = (step: Step): Plan => new Planner(step).plan();

export class Planner {
  readonly #step: Step;
  readonly #uses = new Map<Tensor, number>();
  readonly #onDevice = new Map<Tensor, boolean>();
  readonly #images = new Map<Tensor, Image>();
  readonly #moments = new Map<Image, Map<string, Surface>>();
  readonly #passes: Pass[] = [];
  readonly #uploads = new Map<Tensor, Image>();
  readonly #state = new Map<string, Image>();
  #batch = 0;

  constructor(step: Step) {
    this.#step = step;
  }

  get batch(): number {
    return this.#batch;
  }

  plan(): Plan {
    const { outputs, updates = {} } = this.#step;
    for (const [name, shape] of variablesOf(this.#step)) {
      if (!Object.hasOwn(updates, name)) continue;
      if (!isImage(shape)) throw new NoPlan(`it updates ${name} of [${shape}], which is no image`);
      this.#state.set(name, this.imageOf(shape));
    }
    for (const root of [...Object.values(updates), ...Object.values(outputs)]) this.#count(resolve(root));
    const stored = (roots: Readonly<Record<string, Tensor>>): Map<string, Image> =>
      new Map(Object.entries(roots).map(([name, root]) => [name, this.#root(name, resolve(root))]));
    const updated = stored(updates);
    // A run swaps an updated variable's image with the new one, so each has its own
    const written = [...this.#state.values(), ...this.#uploads.values(), ...updated.values()];
    if (new Set(written).size < written.length) throw new NoPlan("it gives one image to two variables");
    const computed = stored(outputs);
    return { batch: this.#batch, passes: this.#passes, uploads: this.#uploads, state: this.#state, updates: updated, outputs: computed };
  }

  #count(node: Tensor): void {
    const uses = this.#uses.get(node) ?? 0;
    this.#uses.set(node, uses + 1);
    if (uses === 0) for (const x of argumentsOf(node)) this.#count(x);
  }

  #root(name: string, node: Tensor): Image {
    if (!this.isOnDevice(node)) throw new NoPlan(`its ${name} does not depend on an image`);
    return this.image(node);
  }

  /** Whether a node depends on an image that is fed or kept. */
  isOnDevice(node: Tensor): boolean {
    const known = this.#onDevice.get(node);
    if (known !== undefined) return known;
    const source = node.op === "input" || (node.op === "variable" && this.#state.has((node as Tensor<"variable">).attrs.name));
    const found = (source && isImage(node.shape)) || argumentsOf(node).some((x) => this.isOnDevice(x));
    this.#onDevice.set(node, found);
    return found;
  }

  /** What the host can work out; throws NoPlan for what it cannot. */
  onHost(node: Tensor): Tensor {
    if (this.isOnDevice(node)) throw new NoPlan("it multiplies images with each other");
    return node;
  }

  emit(...passes: readonly Pass[]): void {
    this.#passes.push(...passes);
  }

  /** The image of a node, by a pass of its own where it is not there yet. */
  image(node: Tensor): Image {
    const known = this.#images.get(node);
    if (known) return known;
    if (!this.isOnDevice(node)) throw new NoPlan(`it uses ${described(node)} as an image`);
    const image = node.op === "variable" || node.op === "input" ? this.#given(node as Tensor<"variable" | "input">) : this.#stored(node);
    this.#images.set(node, image);
    return image;
  }

  /** The images that a product may read in place of one: of a concatenation its parts. */
  parts(node: Tensor): Image[] {
    const apart = node.op === "concat" && (node as Tensor<"concat">).attrs.axis === 3 && !this.#images.has(node);
    return apart ? argumentsOf(node).flatMap((x) => this.parts(x)) : [this.image(node)];
  }

  #given(node: Tensor<"variable" | "input">): Image {
    if (node.op === "variable") return this.#state.get(node.attrs.name)!;
    const image = this.imageOf(node.shape);
    this.#uploads.set(node, image);
    return image;
  }

  /** A new image of a shape. Throws NoPlan for one that is none, or of another batch. */
  imageOf(shape: Shape): Image {
    if (!isImage(shape)) throw new NoPlan(`it computes [${shape}], which is no image`);
    const [batch, height, width, channels] = shape as [number, number, number, number];
    this.#batch ||= batch;
    if (batch !== this.#batch) throw new NoPlan(`it has ${batch} images beside ${this.#batch}`);
    return { surface: surface(fours(width) * fours(channels), batch * height), height, width, channels };
  }

  #stored(node: Tensor): Image {
    const image = this.imageOf(node.shape);
    return this.store(described(node), image, (site) => this.#written(node, site));
  }

  /** Emits the pass that stores what `write` computes. */
  store(name: string, image: Image, write: (site: Site) => Value): Image {
    const shader = new Shader();
    locate(shader, image);
    store(shader, image, write({ shader, image, full: false }));
    this.emit(shader.pass(name, image.surface));
    return image;
  }

  #written(node: Tensor, site: Site): Value {
    const writer = writers[nameOf(node)];
    if (!writer) throw new NoPlan(`it has ${described(node)}`);
    return writer(this, node, site);
  }

  /** A node's value at the fragment's own place. */
  value(node: Tensor, site: Site): Value {
    if (!this.isOnDevice(node)) return this.#hostValue(node, site);
    const { height, width, channels } = site.image;
    if (`${node.shape}` !== `${[this.#batch, height, width, channels]}`) throw new NoPlan("it combines images of different sizes");
    const given = node.op === "variable" || node.op === "input";
    return given || this.#images.has(node) || this.#uses.get(node)! > 1 ? this.own(this.image(node), site) : this.#written(node, site);
  }

  /** A product over channels: in this pass if that has none yet, else in one of its own. */
  product(node: Tensor, site: Site, write: () => Value): Value {
    if (site.full) return this.own(this.image(node), site);
    site.full = true;
    return write();
  }

  /** An image's value at the fragment's own place. */
  own({ surface }: Image, { shader }: Site): Value {
    const name = shader.read(surface);
    return shader.declare((j) => `texelFetch(${name}, ivec3(p, ${j}), 0)`);
  }

  /** What the host works out: a number, a row of channels for all samples or for each, or images. */
  #hostValue(node: Tensor, site: Site): Value {
    const { shader, image } = site;
    if (node.op === "constant") return () => float((node as Tensor<"constant">).attrs.value);
    if (size(node.shape) === 1) {
      const name = shader.read({ kind: "scalar", tensor: node });
      return () => name;
    }
    const [batch, height, width, channels] = [1, 1, 1, ...node.shape].slice(-4) as [number, number, number, number];
    if (height * width > 1) return this.own(this.#upload(node, image), site);
    const name = shader.read(rows(node.reshape(batch, channels).expand(batch, image.channels), image.channels));
    const row = shader.local("vec4", `texelFetch(${name}, ivec2(c, min(b, textureSize(${name}, 0).y - 1)), 0)`);
    return () => row;
  }

  #upload(node: Tensor, { height, width, channels }: Image): Image {
    const known = this.#images.get(node);
    if (known) return known;
    const shape = [this.#batch, height, width, channels];
    const image = this.imageOf(shape);
    this.#images.set(node, image);
    this.#uploads.set(node.expand(...shape), image);
    return image;
  }

  /** (mean, 1 / deviation) of an image's groups, as `norm`, a normalisation, has them. */
  moments(name: string, image: Image, norm: Tensor): Surface {
    const { groups, eps } = groupingOf(norm);
    const ofImage = this.#moments.get(image) ?? new Map<string, Surface>();
    this.#moments.set(image, ofImage);
    const known = ofImage.get(`${groups} ${eps}`);
    if (known) return known;
    const parts = sums(name, image, this.#batch);
    const pass = moments(name, image, { groups, eps, parts: parts.output, batch: this.#batch });
    this.emit(parts, pass);
    ofImage.set(`${groups} ${eps}`, pass.output);
    return pass.output;
  }
}
