import type { Numbers, Program, State, Step } from "@ddpm/core";
import { checkedRoots, checkNames, checkValues, inputsOf, variablesOf } from "@ddpm/core/backend";
import { evaluate, type Shape } from "@ddpm/core/graph";
import type { Gpu, Target, Texture, Uniform } from "./gl.ts";
import { packImage, unpackImage } from "./layout.ts";
import type { Plan } from "./planner.ts";
import type { Image, Pass, Scalar, Source, Surface, Table } from "./shader.ts";

/** A plan with its textures, begun from a state that `checkState` has passed. Parameters stay on the host, which makes tables of them. */
export class PlannedProgram implements Program {
  readonly how: string;
  readonly #gpu: Gpu;
  readonly #step: Step;
  readonly #plan: Plan;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #parameters = new Map<string, Numbers>();
  readonly #targets: Map<Surface, Target>;
  readonly #tables: Map<Table, Texture>;
  /** The tables that feeds change. */
  readonly #fed: ReadonlySet<Table>;
  #drawn: Promise<void> = Promise.resolve();

  constructor(gpu: Gpu, step: Step, plan: Plan, state: State) {
    this.#gpu = gpu;
    this.#step = step;
    this.#plan = plan;
    this.#shapes = variablesOf(step);
    this.#targets = allocate(gpu, plan);
    const tables = new Set(sourcesOf(plan.passes).filter((source) => source.kind === "table"));
    this.#tables = new Map([...tables].map((table) => [table, gpu.table(table)]));
    this.#fed = new Set([...tables].filter(({ tensor }) => inputsOf([tensor]).size > 0));
    this.how = this.#describe();
    try {
      gpu.check();
      this.#keep(state);
      this.#settle();
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  async run(feeds: Readonly<Record<string, Numbers>>, fetch: readonly string[] = Object.keys(this.#step.outputs)): Promise<Record<string, Numbers>> {
    checkedRoots(this.#step, feeds, fetch);
    await this.#drawn;
    const images = fetch.map((name) => this.#plan.outputs.get(name)!);
    this.#draw(this.#needed(images), images, feeds);
    const targets = images.map(({ surface }) => this.#targets.get(surface)!);
    this.#swap();
    this.#drawn = this.#gpu.finished();
    const values = await Promise.all(images.map((image, i) => this.#download(image, targets[i]!)));
    return Object.fromEntries(fetch.map((name, i) => [name, values[i]!]));
  }

  async read(names: readonly string[] = [...this.#shapes.keys()]): Promise<Map<string, Numbers>> {
    checkNames("variables", names, this.#shapes);
    const value = async (name: string): Promise<Numbers> => {
      const image = this.#plan.state.get(name);
      return image ? this.#download(image, this.#targets.get(image.surface)!) : this.#parameters.get(name)!.slice();
    };
    const values = await Promise.all(names.map(value));
    return new Map(names.map((name, i) => [name, values[i]!]));
  }

  async write(state: State): Promise<void> {
    for (const [name, values] of state) if (this.#shapes.has(name)) checkValues(name, this.#shapes.get(name)!, values);
    const names = [...state.keys()].filter((name) => this.#shapes.has(name));
    this.#keep(state);
    if (names.some((name) => !this.#plan.state.has(name))) this.#settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#free();
  }

  #free(): void {
    for (const texture of new Set([...this.#targets.values(), ...this.#tables.values()])) this.#gpu.free(texture);
    this.#targets.clear();
    this.#tables.clear();
  }

  #keep(state: State): void {
    for (const [name, values] of state) {
      const image = this.#plan.state.get(name);
      if (image) this.#upload(image, values);
      else if (this.#shapes.has(name)) this.#parameters.set(name, values.slice());
    }
  }

  /** Works out the tables of parameters and constants alone. */
  #settle(): void {
    this.#fill(
      [...this.#tables.keys()].filter((table) => !this.#fed.has(table)),
      this.#parameters,
    );
  }

  #upload(image: Image, values: ArrayLike<number>): void {
    this.#gpu.fill(this.#targets.get(image.surface)!, packImage(this.#shapeOf(image))(values));
  }

  async #download(image: Image, target: Target): Promise<Float32Array> {
    return unpackImage(this.#shapeOf(image))(await this.#gpu.read(target));
  }

  #shapeOf({ height, width, channels }: Image): Shape {
    return [this.#plan.batch, height, width, channels];
  }

  /** Works out tables on the host, in float64. */
  #fill(tables: readonly Table[], values: State): void {
    const results = evaluate(
      tables.map(({ tensor }) => tensor),
      values,
    );
    for (const [i, table] of tables.entries()) this.#gpu.fillTable(this.#tables.get(table)!, table.pack(results[i]!));
  }

  /** Draws `passes`, and uploads what they and those who fetch `images` read. */
  #draw(passes: readonly Pass[], images: readonly Image[], feeds: Readonly<Record<string, Numbers>>): void {
    const values = new Map([...this.#parameters, ...Object.entries(feeds)]);
    const sources = new Set([...sourcesOf(passes), ...images.map(({ surface }) => surface)]);
    const kind = <K extends Source["kind"]>(kind: K) => [...sources].filter((source): source is Extract<Source, { kind: K }> => source.kind === kind);
    this.#fill(
      kind("table").filter((table) => this.#fed.has(table)),
      values,
    );
    const numbers = this.#numbers(kind("scalar"), values);
    const uploads = [...this.#plan.uploads].filter(([, { surface }]) => sources.has(surface));
    const uploaded = evaluate(
      uploads.map(([tensor]) => tensor),
      values,
    );
    for (const [i, [, image]] of uploads.entries()) this.#upload(image, uploaded[i]!);
    for (const { source, inputs, output } of passes) {
      const bound = new Map([...inputs].map(([name, source]) => [name, this.#bound(source, numbers)]));
      this.#gpu.draw(source, bound, this.#targets.get(output)!);
    }
  }

  #bound(source: Source, numbers: ReadonlyMap<Scalar, number>): Uniform {
    if (source.kind === "table") return this.#tables.get(source)!;
    if (source.kind === "surface") return this.#targets.get(source)!;
    return source.kind === "scalar" ? { kind: "float", value: numbers.get(source)! } : source;
  }

  #numbers(scalars: readonly Scalar[], values: State): Map<Scalar, number> {
    const results = evaluate(
      scalars.map(({ tensor }) => tensor),
      values,
    );
    return new Map(scalars.map((scalar, i) => [scalar, results[i]![0]!]));
  }

  /** The passes that some outputs and all updates need. */
  #needed(images: readonly Image[]): Pass[] {
    const needed = new Set([...images, ...this.#plan.updates.values()].map(({ surface }) => surface));
    const passes: Pass[] = [];
    for (const pass of [...this.#plan.passes].reverse()) {
      if (!needed.has(pass.output)) continue;
      passes.unshift(pass);
      for (const source of pass.inputs.values()) if (source.kind === "surface") needed.add(source);
    }
    return passes;
  }

  /** Lets each updated variable have its new image, and the next run write over the old one. */
  #swap(): void {
    for (const [name, { surface }] of this.#plan.updates) {
      const own = this.#plan.state.get(name)!.surface;
      const [before, after] = [this.#targets.get(own)!, this.#targets.get(surface)!];
      this.#targets.set(own, after);
      this.#targets.set(surface, before);
    }
  }

  #describe(): string {
    const shaders = new Set(this.#plan.passes.map(({ source }) => source)).size;
    return `${this.#plan.passes.length} draws of ${shaders} shaders`;
  }
}

const sourcesOf = (passes: readonly Pass[]): Source[] => passes.flatMap(({ inputs }) => [...inputs.values()]);

/** Textures for all surfaces of a plan; those that are not needed at the same time share one. */
function allocate(gpu: Gpu, { passes, uploads, state, updates, outputs }: Plan): Map<Surface, Target> {
  const kept = new Set([...uploads.values(), ...state.values(), ...updates.values(), ...outputs.values()].map(({ surface }) => surface));
  const targets = new Map([...kept].map((surface) => [surface, gpu.target(surface)]));
  const lastRead = new Map<Source, number>();
  for (const [i, { inputs }] of passes.entries()) for (const source of inputs.values()) lastRead.set(source, i);
  const free = new Map<string, Target[]>();
  const key = ({ width, height, layers }: Surface): string => `${width} ${height} ${layers}`;
  for (const [i, { inputs, output }] of passes.entries()) {
    if (!targets.has(output)) targets.set(output, free.get(key(output))?.pop() ?? gpu.target(output));
    for (const source of new Set(inputs.values())) {
      if (source.kind !== "surface" || lastRead.get(source) !== i || kept.has(source)) continue;
      free.set(key(source), [...(free.get(key(source)) ?? []), targets.get(source)!]);
    }
  }
  return targets;
}
