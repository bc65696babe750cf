import { availableParallelism } from "node:os";
import { type Backend, type Numbers, type Program, type Shape, size, sort, type State, type Step, type Tensor } from "@ddpm/core";
import { findTensorFlow } from "../library.ts";
import { type Api, load, newTensor, type Pointer, takeTensor } from "./c-api.ts";
import { GraphWriter, operations } from "./graph-writer.ts";
import type { SessionOptions } from "./protobuf.ts";
import { Session } from "./session.ts";

export interface TensorFlowOptions {
  /** `auto` takes a GPU where TensorFlow sees one. */
  readonly device?: "auto" | "cpu" | "cuda";
  /** Threads of one operation; as many operations run side by side. All cores by default. */
  readonly threads?: number;
  /** bfloat16 products in float32 storage: faster where the CPU has it, outside float32's tolerances. */
  readonly dtype?: "float32" | "bf16";
  /** Folder of libtensorflow; found as `findTensorFlow` says by default. */
  readonly library?: string;
}

/** A graph with fewer operations runs quickest in one thread. */
const smallWork = 1e9;

/** TensorFlow through its C API: each step is one graph, compiled once and run in one call. Errors carry TensorFlow's own message. */
export async function tensorflow({ device = "auto", threads = availableParallelism(), dtype = "float32", library }: TensorFlowOptions = {}): Promise<Backend> {
  const found = findTensorFlow(library === undefined ? {} : { path: library });
  const api = load(found);
  const options = { bf16: dtype === "bf16", gpu: device !== "cpu" };
  const gpu = options.gpu && hasGpu(api, options);
  if (device === "cuda" && !gpu) throw new Error("Expected a GPU for tensorflow:cuda but TensorFlow sees none; run npx ddpm doctor, or use --device tensorflow:cpu");
  const open = new Set<AsyncDisposable>();
  return {
    name: `TensorFlow ${api.version()} on the ${gpu ? "GPU" : "CPU"}`,
    async compile(step, state) {
      const program = new TensorFlowProgram(api, step, state, { ...options, gpu, threads });
      open.add(program);
      await program.write(state);
      return program;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((program) => program[Symbol.asyncDispose]()));
    },
  };
}

function hasGpu(api: Api, options: Pick<SessionOptions, "bf16" | "gpu">): boolean {
  const session = new Session(api, new GraphWriter().bytes(), { ...options, intraThreads: 1, interThreads: 1 });
  try {
    return session.hasGpu;
  } finally {
    session.close();
  }
}

class TensorFlowProgram implements Program {
  readonly #api: Api;
  readonly #session: Session;
  readonly #step: Step;
  readonly #outputs: ReadonlyMap<string, string>;
  readonly #inputs: ReadonlyMap<string, ReadonlyMap<string, Tensor<"input">>>;
  readonly #variables: ReadonlyMap<string, Shape>;
  readonly #updates: readonly string[];
  #closed = false;

  constructor(api: Api, step: Step, state: State, { threads, bf16, gpu }: { threads: number; bf16: boolean; gpu: boolean }) {
    const updates = Object.entries(step.updates ?? {});
    const all = [...Object.values(step.outputs), ...updates.map(([, value]) => value)];
    this.#api = api;
    this.#step = step;
    this.#variables = variablesOf(step);
    checkState(this.#variables, state);
    const writer = new GraphWriter();
    const names = writer.write(...all);
    this.#outputs = new Map(Object.keys(step.outputs).map((name, i) => [name, names[i]!]));
    const values = names.slice(this.#outputs.size);
    this.#updates = updates.map(([name, { shape }], i) => writer.assign(name, shape, values[i]!, `update/${name}`));
    for (const [name, shape] of this.#variables) {
      writer.read(name, shape);
      writer.setter(name, shape);
    }
    const lanes = operations(all) < smallWork ? 1 : threads;
    this.#session = new Session(api, writer.bytes(), { intraThreads: lanes, interThreads: lanes, bf16, gpu });
    const always = updates.map(([, value]) => value);
    this.#inputs = new Map(Object.entries(step.outputs).map(([name, output]) => [name, inputsOf([output])]));
    this.#inputs = new Map([...this.#inputs, ["", inputsOf(always)]]);
  }

  async run(feeds: Readonly<Record<string, Numbers>>, fetch: readonly string[] = Object.keys(this.#step.outputs)): Promise<Record<string, Numbers>> {
    const fetches = fetch.map((name) => this.#outputs.get(name) ?? missing(`output ${name}`));
    const inputs = new Map(["", ...fetch].flatMap((name) => [...this.#inputs.get(name)!]));
    const values = [...inputs.values()].map((input) => this.#feed(input, feeds[input.attrs.name]));
    const results = await this.#run([...inputs.keys()], values, fetches, this.#updates);
    return Object.fromEntries(fetch.map((name, i) => [name, results[i]!]));
  }

  async read(names: readonly string[] = [...this.#variables.keys()]): Promise<Map<string, Numbers>> {
    for (const name of names) if (!this.#variables.has(name)) missing(`variable ${name}`);
    const values = await this.#run([], [], names.map((name) => `read/${name}`), []);
    return new Map(names.map((name, i) => [name, values[i]!]));
  }

  async write(state: State): Promise<void> {
    const given = [...state].filter(([name]) => this.#variables.has(name));
    const tensors = given.map(([name, values]) => {
      const shape = this.#variables.get(name)!;
      checkSize(name, shape, values);
      return newTensor(this.#api, "float32", shape, Float32Array.from(values));
    });
    await this.#run(given.map(([name]) => `value/${name}`), tensors, [], given.map(([name]) => `set/${name}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#session.close();
    this.#closed = true;
  }

  #feed({ attrs: { name, shape, dtype } }: Tensor<"input">, values: Numbers | undefined): Pointer {
    if (!values) return missing(`a value for input ${name}`);
    checkSize(name, shape, values);
    return newTensor(this.#api, dtype, shape, dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values));
  }

  async #run(feeds: string[], values: Pointer[], fetches: string[], targets: readonly string[]): Promise<Float32Array[]> {
    if (this.#closed) throw new TypeError("Expected an open program but it is disposed");
    if (fetches.length + targets.length === 0) return [];
    try {
      const results = await this.#session.run(feeds, values, fetches, targets);
      return results.map((tensor) => takeTensor(this.#api, tensor));
    } finally {
      for (const tensor of values) this.#api.deleteTensor(tensor);
    }
  }
}

const inputsOf = (tensors: readonly Tensor[]): Map<string, Tensor<"input">> =>
  new Map(sort(tensors).flatMap((tensor) => (tensor.op === "input" ? [[(tensor as Tensor<"input">).attrs.name, tensor as Tensor<"input">]] : [])));
