import { availableParallelism } from "node:os";
import type { Backend, Numbers, Program, State, Step } from "@ddpm/core";
import { checkNames, checkState, checkValues, inputsOf, variablesOf } from "@ddpm/core/backend";
import { type Dtype, type Shape, sort } from "@ddpm/core/graph";
import { findTensorFlow } from "../library.ts";
import { type Api, load, newTensor, openCusolver, type Pointer, takeTensor } from "./c-api.ts";
import { Cluster, type Patience, WorkersParted } from "./cluster.ts";
import { GraphWriter, operations } from "./graph-writer.ts";
import type { ClusterPlan, SessionOptions } from "./protobuf.ts";
import { Session } from "./session.ts";

/** How TensorFlow is opened. */
export interface TensorFlowOptions {
  /** `auto` takes a GPU where TensorFlow sees one. */
  readonly device?: "auto" | "cpu" | "cuda";
  /** Threads of one operation; as many operations run side by side. All cores by default. */
  readonly threads?: number | undefined;
  /** bfloat16 products in float32 storage: faster where the CPU has it, outside float32's tolerances. */
  readonly dtype?: "float32" | "bf16";
  /** Whether operations must give the same bits each time. TensorFlow asks once, when a process first runs: set it then or never. */
  readonly deterministic?: boolean | undefined;
  /** The workers that graphs with sums over workers run on, of which this process is one, and how it waits for the others. */
  readonly cluster?: { readonly plan: ClusterPlan; readonly patience: Patience } | undefined;
  /** Folder of libtensorflow; found as `findTensorFlow` says by default. */
  readonly library?: string;
}

/** What TensorFlow and cuDNN read when they first run: its C API has no call for it. */
const deterministicEnvironment = { TF_DETERMINISTIC_OPS: "1", TF_CUDNN_DETERMINISTIC: "1" };

/** A graph with fewer operations runs quickest in one thread. */
const smallWork = 1e9;

/** TensorFlow through its C API: each step is one graph, compiled once and run in one call. Errors carry TensorFlow's own message. */
export async function tensorflow({
  device = "auto",
  threads = availableParallelism(),
  dtype = "float32",
  deterministic = false,
  cluster: joined,
  library,
}: TensorFlowOptions = {}): Promise<Backend> {
  if (deterministic) Object.assign(process.env, deterministicEnvironment);
  if (joined) process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "3"; // of a worker that is lost it would tell at length, in its own words
  const found = findTensorFlow(library === undefined ? {} : { path: library });
  const api = load(found);
  const options = { bf16: dtype === "bf16", gpu: device !== "cpu" };
  if (options.gpu) openCusolver(found.directory);
  const gpu = options.gpu && hasGpu(api, options);
  if (device === "cuda" && !gpu)
    throw new Error("Expected a GPU for tensorflow:cuda but TensorFlow sees none; run npx ddpm doctor, or use --device tensorflow:cpu");
  const cluster =
    joined && (await Cluster.join(api, joined.plan, { ...options, gpu, intraThreads: threads, interThreads: threads }, joined.patience));
  const open = new Set<AsyncDisposable>();
  return {
    name: `TensorFlow ${api.version()} on the ${gpu ? "GPU" : "CPU"}`,
    ...(cluster && { workers: cluster }),
    async compile(step, state) {
      const program = new TensorFlowProgram(api, step, state, { ...options, gpu, threads, cluster, closed: (program) => open.delete(program) });
      open.add(program);
      await program.write(state);
      return program;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((program) => program[Symbol.asyncDispose]()));
      await cluster?.leave();
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

interface ProgramOptions {
  readonly threads: number;
  readonly bf16: boolean;
  readonly gpu: boolean;
  readonly cluster: Cluster | undefined;
  readonly closed: (program: AsyncDisposable) => void;
}

class TensorFlowProgram implements Program {
  readonly #api: Api;
  readonly #session: Session;
  readonly #step: Step;
  readonly #outputs: ReadonlyMap<string, string>;
  readonly #variables: ReadonlyMap<string, Shape>;
  readonly #updates: readonly string[];
  /** Who runs it together, where it has sums over workers. */
  readonly #cluster: Cluster | undefined;
  /** Whether a run goes on in TensorFlow that nobody waits for any more: it ends with the process. */
  #abandoned = false;
  /** What each choice of outputs has to be fed. */
  readonly #inputs = new Map<string, ReturnType<typeof inputsOf>>();
  readonly #onClose: (program: AsyncDisposable) => void;
  #fresh = true;
  /** Settles when nothing runs. */
  #running: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(api: Api, step: Step, state: State, { threads, bf16, gpu, cluster, closed }: ProgramOptions) {
    this.#onClose = closed;
    const updates = Object.entries(step.updates ?? {});
    const all = [...Object.values(step.outputs), ...updates.map(([, value]) => value)];
    this.#api = api;
    this.#step = step;
    this.#variables = variablesOf(step);
    checkState(this.#variables, state);
    this.#cluster = cluster && sort(all).some(({ op }) => op === "allReduce") ? cluster : undefined;
    const writer = new GraphWriter(this.#cluster && { workers: this.#cluster.count, key: this.#cluster.nextKey(), hint: gpu ? "nccl" : "ring" });
    const names = writer.write(...all);
    this.#outputs = new Map(Object.keys(step.outputs).map((name, i) => [name, names[i]!]));
    const values = names.slice(this.#outputs.size);
    this.#updates = updates.map(([name, { shape }], i) => writer.assign(name, shape, values[i]!, `update/${name}`));
    for (const [name, shape] of this.#variables) {
      writer.read(name, shape);
      writer.setter(name, shape);
    }
    const lanes = operations(all) < smallWork ? 1 : threads;
    this.#session = new Session(api, writer.bytes(), { intraThreads: lanes, interThreads: lanes, bf16, gpu }, this.#cluster);
  }

  async run(feeds: Readonly<Record<string, Numbers>>, fetch: readonly string[] = Object.keys(this.#step.outputs)): Promise<Record<string, Numbers>> {
    checkNames("outputs", fetch, this.#outputs);
    const inputs =
      this.#inputs.get(`${fetch}`) ?? inputsOf([...fetch.map((name) => this.#step.outputs[name]!), ...Object.values(this.#step.updates ?? {})]);
    this.#inputs.set(`${fetch}`, inputs);
    for (const [name, { attrs }] of inputs) checkValues(name, attrs.shape, feeds[name]);
    const values = [...inputs].map(([name, input]) => this.#tensor(input.attrs, feeds[name]!));
    const fetches = fetch.map((name) => this.#outputs.get(name)!);
    const results = await this.#run([...inputs.keys()], values, fetches, this.#updates);
    if (this.#fresh) this.#api.trim(0); // the first run has optimised the graph and left what that took
    this.#fresh = false;
    return Object.fromEntries(fetch.map((name, i) => [name, results[i]!]));
  }

  async read(names: readonly string[] = [...this.#variables.keys()]): Promise<Map<string, Numbers>> {
    checkNames("variables", names, this.#variables);
    const values = await this.#run(
      [],
      [],
      names.map((name) => `read/${name}`),
      [],
    );
    return new Map(names.map((name, i) => [name, values[i]!]));
  }

  async write(state: State): Promise<void> {
    const given = [...state].filter(([name]) => this.#variables.has(name));
    for (const [name, values] of given) checkValues(name, this.#variables.get(name)!, values);
    const tensors = given.map(([name, values]) => this.#tensor({ dtype: "float32", shape: this.#variables.get(name)! }, values));
    await this.#run(
      given.map(([name]) => `value/${name}`),
      tensors,
      [],
      given.map(([name]) => `set/${name}`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running; // freeing what runs would crash the process
    if (!this.#abandoned) this.#session.close();
    this.#onClose(this);
  }

  #tensor({ dtype, shape }: { dtype: Dtype; shape: Shape }, values: Numbers): Pointer {
    const numbers = dtype === "int32" ? Int32Array : Float32Array;
    return newTensor(this.#api, dtype, shape, values instanceof numbers ? values : numbers.from(values));
  }

  async #run(feeds: string[], values: Pointer[], fetches: string[], targets: readonly string[]): Promise<Float32Array[]> {
    if (this.#closed) throw new TypeError("Cannot use a program that is disposed");
    if (fetches.length + targets.length === 0) return [];
    try {
      const running = this.#together(this.#session.run(feeds, values, fetches, targets));
      this.#running = Promise.allSettled([this.#running, running]).then(() => {}); // not their values, which would pile up
      const results = await running;
      return results.map((tensor) => takeTensor(this.#api, tensor));
    } finally {
      for (const tensor of values) this.#api.deleteTensor(tensor);
    }
  }

  async #together<R>(running: Promise<R>): Promise<R> {
    if (!this.#cluster) return running;
    try {
      return await this.#cluster.together(running);
    } catch (error) {
      this.#abandoned = error instanceof WorkersParted;
      throw error;
    }
  }
}
