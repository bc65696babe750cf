import type { Backend, Numbers, Program, State, Step } from "@ddpm/core";
import { checkedRoots, checkNames, checkState, checkValues, variablesOf } from "@ddpm/core/backend";
import { type Shape, sort, type Tensor } from "@ddpm/core/graph";
import type * as core from "@tensorflow/tfjs-core";
import { type Kernels, kernels, type Tf, upload } from "./kernels.ts";

export interface TfjsOptions {
  /** For people: what computes. */
  readonly name: string;
  /** Called between nodes, at most every 10 ms, to let a page breathe. */
  readonly pause?: () => Promise<void>;
  /** Kernels in place of the usual ones, for a backend that is not exact enough at some op. */
  readonly replaced?: Partial<Kernels>;
}

/** Runs graphs on the backend that `tf` has at the time of the call, node by node, and frees each value after its last use. */
export function tfjs(tf: Tf, { name, pause, replaced }: TfjsOptions): Backend {
  const open = new Set<TfjsProgram>();
  const own = tf.getBackend();
  const select = async (): Promise<void> => {
    if (tf.getBackend() !== own) await tf.setBackend(own);
  };
  return {
    name,
    async compile(step, state) {
      await select();
      const program = new TfjsProgram(tf, step, state, {
        select,
        pause,
        kernels: { ...kernels, ...replaced },
        closed: (program) => open.delete(program),
      });
      open.add(program);
      return program;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((program) => program[Symbol.asyncDispose]()));
    },
  };
}

interface ProgramOptions {
  readonly select: () => Promise<void>;
  readonly pause: TfjsOptions["pause"];
  readonly kernels: Kernels;
  readonly closed: (program: TfjsProgram) => void;
}

interface Evaluation {
  /** Nodes whose values are missing, each after its inputs. */
  readonly order: readonly Tensor[];
  readonly known: ReadonlyMap<Tensor, core.Tensor>;
  readonly values: Map<Tensor, core.Tensor>;
  /** How often each value is still to be read. */
  readonly uses: Map<Tensor, number>;
}

class TfjsProgram implements Program {
  readonly #tf: Tf;
  readonly #step: Step;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #state: Map<string, core.Tensor>;
  readonly #pause: TfjsOptions["pause"];
  readonly #kernels: Kernels;
  readonly #onClose: (program: TfjsProgram) => void;
  /** Makes tfjs use the program's own backend, since tfjs has one for all. */
  readonly #select: () => Promise<void>;
  /** Nodes that no run changes, with the values of those that others read; undefined until they are worked out from the present weights. */
  readonly #fixed: ReadonlySet<Tensor>;
  #values: ReadonlyMap<Tensor, core.Tensor> | undefined;

  constructor(tf: Tf, step: Step, state: State, { select, pause, kernels, closed }: ProgramOptions) {
    this.#onClose = closed;
    this.#kernels = kernels;
    this.#select = select;
    this.#tf = tf;
    this.#step = step;
    this.#pause = pause;
    this.#shapes = variablesOf(step);
    checkState(this.#shapes, state);
    this.#fixed = fixedOf(step);
    this.#state = new Map([...this.#shapes].map(([name, shape]) => [name, tf.keep(upload(tf, state.get(name)!, shape, "float32"))]));
  }

  async run(feeds: Readonly<Record<string, Numbers>>, fetch: readonly string[] = Object.keys(this.#step.outputs)): Promise<Record<string, Numbers>> {
    const roots = checkedRoots(this.#step, feeds, fetch);
    await this.#select();
    this.#values ??= await this.#settle();
    const results = await this.#evaluate(roots, feeds, this.#values);
    for (const [i, name] of Object.keys(this.#step.updates ?? {}).entries()) this.#replace(name, results[fetch.length + i]!);
    const values = await Promise.all(results.slice(0, fetch.length).map((tensor) => this.#download(tensor)));
    return Object.fromEntries(fetch.map((name, i) => [name, values[i]!]));
  }

  async read(names: readonly string[] = [...this.#state.keys()]): Promise<Map<string, Numbers>> {
    checkNames("variables", names, this.#state);
    await this.#select();
    const values = await Promise.all(names.map((name) => this.#state.get(name)!.data()));
    return new Map(names.map((name, i) => [name, Float32Array.from(values[i]! as Float32Array)]));
  }

  async write(state: State): Promise<void> {
    await this.#select();
    const updates = this.#step.updates ?? {};
    if ([...state.keys()].some((name) => this.#shapes.has(name) && !Object.hasOwn(updates, name))) this.#unsettle();
    for (const [name, values] of state) {
      const shape = this.#shapes.get(name);
      if (shape) this.#replace(name, this.#tf.keep(upload(this.#tf, checkValues(name, shape, values), shape, "float32")));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tensor of this.#state.values()) tensor.dispose();
    this.#state.clear();
    this.#unsettle();
    this.#onClose(this);
  }

  #replace(name: string, tensor: core.Tensor): void {
    this.#state.get(name)?.dispose();
    this.#state.set(name, tensor);
  }

  async #download(tensor: core.Tensor): Promise<Float32Array> {
    const values = Float32Array.from((await tensor.data()) as Float32Array);
    tensor.dispose();
    return values;
  }

  /** Works out what depends on fixed weights alone. */
  async #settle(): Promise<ReadonlyMap<Tensor, core.Tensor>> {
    const { outputs, updates = {} } = this.#step;
    const roots = [...Object.values(outputs), ...Object.values(updates)];
    const read = [...roots, ...sort(roots).flatMap((tensor) => (this.#fixed.has(tensor) ? [] : tensor.inputs))];
    const settled = [...new Set(read.filter((tensor) => this.#fixed.has(tensor)))];
    const values = await this.#evaluate(settled, {}, new Map());
    return new Map(settled.map((tensor, i) => [tensor, values[i]!]));
  }

  #unsettle(): void {
    for (const value of this.#values?.values() ?? []) value.dispose();
    this.#values = undefined;
  }

  /** One tensor for each root, which the caller owns; `known` are the values of some nodes. */
  async #evaluate(
    roots: readonly Tensor[],
    feeds: Readonly<Record<string, Numbers>>,
    known: ReadonlyMap<Tensor, core.Tensor>,
  ): Promise<core.Tensor[]> {
    const order = sort(roots, known);
    const uses = new Map<Tensor, number>();
    const values = new Map<Tensor, core.Tensor>();
    for (const tensor of [...roots, ...order.flatMap(({ inputs }) => inputs)]) uses.set(tensor, (uses.get(tensor) ?? 0) + 1);
    try {
      await this.#fill({ order, known, values, uses }, feeds);
    } catch (error) {
      for (const value of values.values()) value.dispose();
      throw error;
    }
    const results = roots.map((root) => this.#tf.keep(this.#tf.clone((known.get(root) ?? values.get(root))!)));
    for (const root of roots) release(root, uses, values);
    return results;
  }

  async #fill({ order, known, values, uses }: Evaluation, feeds: Readonly<Record<string, Numbers>>): Promise<void> {
    let paused = performance.now();
    for (const tensor of order) {
      values.set(
        tensor,
        this.#value(
          tensor,
          tensor.inputs.map((x) => (known.get(x) ?? values.get(x))!),
          feeds,
        ),
      );
      for (const x of tensor.inputs) release(x, uses, values);
      if (!this.#pause || performance.now() - paused < 10) continue;
      await this.#pause();
      paused = performance.now();
    }
  }

  #value(tensor: Tensor, inputs: core.Tensor[], feeds: Readonly<Record<string, Numbers>>): core.Tensor {
    if (tensor.op === "variable") return this.#tf.clone(this.#state.get((tensor as Tensor<"variable">).attrs.name)!);
    if (tensor.op === "input") {
      const { name, shape, dtype } = (tensor as Tensor<"input">).attrs;
      return upload(this.#tf, feeds[name]!, shape, dtype);
    }
    const kernel = this.#kernels[tensor.op] as (tf: Tf, inputs: core.Tensor[], y: Tensor) => core.Tensor;
    try {
      return this.#tf.tidy(() => kernel(this.#tf, inputs, tensor));
    } catch (error) {
      throw new Error(`${tensor.op}${tensor.path && ` of ${tensor.path}`}: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** The nodes below variables that the step does not update, and below nothing that changes. */
function fixedOf({ outputs, updates = {} }: Step): Set<Tensor> {
  const fixed = new Set<Tensor>();
  const constant = new Set<Tensor>();
  for (const tensor of sort([...Object.values(outputs), ...Object.values(updates)])) {
    const { op, inputs } = tensor;
    if (op === "variable" && !Object.hasOwn(updates, (tensor as Tensor<"variable">).attrs.name)) fixed.add(tensor);
    else if (op === "variable" || op === "input") continue;
    else if (inputs.every((x) => constant.has(x))) constant.add(tensor);
    else if (inputs.every((x) => constant.has(x) || fixed.has(x))) fixed.add(tensor);
  }
  return fixed;
}

/** Counts one use of a value down and frees it after the last. */
function release(tensor: Tensor, uses: Map<Tensor, number>, values: Map<Tensor, core.Tensor>): void {
  const left = uses.get(tensor)! - 1;
  uses.set(tensor, left);
  if (left > 0) return;
  values.get(tensor)?.dispose();
  values.delete(tensor);
}
