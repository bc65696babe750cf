import { type Shape, size, sort, type Tensor } from "@ddpm/core/graph";
import { kernels } from "./kernels.ts";
import { type Attributes, attr, type Bytes, graphDef, nodeDef, type TensorFlowType } from "./protobuf.ts";

/** What the sums of a graph are over. */
export interface Collective {
  readonly workers: number;
  /** What names the first sum and the graph's variables among those of other graphs of the same workers; theirs are 2¹⁶ apart. */
  readonly key: number;
  /** How numbers travel: `nccl` between GPUs, `ring` between CPUs. */
  readonly hint: "nccl" | "ring";
}

/** Writes tensors as nodes of a GraphDef. Nodes are named after the part of the model they belong to, so that TensorFlow's errors name it too. */
export class GraphWriter {
  readonly #nodes: Bytes[] = [];
  readonly #names = new Map<Tensor, string>();
  readonly #shared = new Map<string, string>();
  readonly #collective: Collective | undefined;
  #sums = 0;

  /** Without a collective each sum over workers is the value itself. */
  constructor(collective?: Collective) {
    this.#collective = collective;
  }

  node(op: string, inputs: readonly string[], attributes: Attributes, path = "", name = `${path && `${path}/`}${op}_${this.#nodes.length}`): string {
    this.#nodes.push(nodeDef(name, op, inputs, attributes));
    return name;
  }

  /** The names of the nodes that compute `tensors`. */
  write(...tensors: Tensor[]): string[] {
    for (const tensor of sort(tensors)) {
      if (this.#names.has(tensor)) continue;
      const inputs = tensor.inputs.map((x) => this.#names.get(x)!);
      this.#names.set(tensor, (kernels[tensor.op] as (g: GraphWriter, inputs: string[], y: Tensor) => string)(this, inputs, tensor));
    }
    return tensors.map((tensor) => this.#names.get(tensor)!);
  }

  scalar(value: number): string {
    return this.#once(`float ${Object.is(value, -0) ? "-0" : value}`, () => this.constant("float32", [], Float32Array.of(value)));
  }

  integer(value: number): string {
    return this.#once(`integer ${value}`, () => this.constant("int32", [], Int32Array.of(value)));
  }

  integers(values: readonly number[]): string {
    return this.#once(`integers ${values}`, () => this.constant("int32", [values.length], Int32Array.from(values)));
  }

  constant(type: TensorFlowType, shape: Shape, values: ArrayBufferView): string {
    const content = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.node("Const", [], { dtype: attr.type(type), value: attr.tensor(type, shape, content) });
  }

  placeholder(name: string, type: TensorFlowType, shape: Shape): string {
    return this.#once(`placeholder ${name}`, () => this.node("Placeholder", [], { dtype: attr.type(type), shape: attr.shape(shape) }, "", name));
  }

  /** The sum over workers of the first of `inputs`, started after the second. */
  allReduce([x, before]: readonly string[], { path }: Tensor): string {
    if (!this.#collective) return x!;
    const { workers, key, hint } = this.#collective;
    const inputs = [x!, this.integer(workers), this.integer(1), this.integer(key + this.#sums++), ...(before ? [`^${before}`] : [])];
    const attributes = { merge_op: attr.string("Add"), final_op: attr.string("Id"), communication_hint: attr.string(hint) };
    return this.node("CollectiveReduceV2", inputs, { T: attr.type("float32"), Nordering_token: attr.integer(0), ...attributes }, path);
  }

  /** Reads a variable once a run. */
  read(name: string, shape: Shape): string {
    const attributes = { dtype: attr.type("float32"), _output_shapes: attr.shapes([shape]) };
    return this.#once(`read ${name}`, () => this.node("ReadVariableOp", [this.#handle(name, shape)], attributes, "", `read/${name}`));
  }

  /** Assigns a variable after everything else has read it; returns the operation to run. */
  assign(name: string, shape: Shape, value: string, operation: string): string {
    const inputs = [this.#handle(name, shape), value, `^${this.read(name, shape)}`];
    return this.node("AssignVariableOp", inputs, { dtype: attr.type("float32") }, "", operation);
  }

  /** Operation `set/name` that assigns the placeholder `value/name`. */
  setter(name: string, shape: Shape): void {
    const value = this.placeholder(`value/${name}`, "float32", shape);
    this.node("AssignVariableOp", [this.#handle(name, shape), value], { dtype: attr.type("float32") }, "", `set/${name}`);
  }

  bytes(): Bytes {
    return graphDef(this.#nodes);
  }

  #handle(name: string, shape: Shape): string {
    const container = attr.string(this.#collective ? `graph${this.#collective.key}` : "");
    const attributes = { dtype: attr.type("float32"), shape: attr.shape(shape), shared_name: attr.string(name), container };
    return this.#once(`handle ${name}`, () => this.node("VarHandleOp", [], attributes, "", `variable/${name}`));
  }

  #once(key: string, write: () => string): string {
    const known = this.#shared.get(key) ?? write();
    this.#shared.set(key, known);
    return known;
  }
}

/** Floating point operations of one run, counting the products and sums of matrix products and convolutions. */
export function operations(tensors: readonly Tensor[]): number {
  const products = ({ op, inputs: [a, b], attrs, shape }: Tensor): number => {
    if (op === "matmul") return size(shape) * a!.shape.at((attrs as { transposeA: boolean }).transposeA ? -2 : -1)!;
    if (op === "conv2d") return size(shape) * size(b!.shape.slice(0, 3));
    if (op === "conv2dInputGrad") return size(a!.shape) * size(b!.shape.slice(0, 3));
    return op === "conv2dKernelGrad" ? size(b!.shape) * size(shape.slice(0, 3)) : 0;
  };
  return sort(tensors).reduce((n, tensor) => n + 2 * products(tensor), 0);
}
