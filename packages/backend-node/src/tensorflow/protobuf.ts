/** The few shapes of Protocol Buffers that a GraphDef, a ConfigProto and a ServerDef need. */
export type Bytes = Uint8Array;

export const types = { float32: 1, int32: 3, bool: 10, uint64: 23 } as const;
export type TensorFlowType = keyof typeof types;

/** One field of wire type 0. */
export const integer = (field: number, value: number): Bytes => Uint8Array.from([...varint(field << 3), ...varint(value)]);

/** One field of wire type 2: a string, bytes or a message. */
function field(number: number, content: string | Bytes | readonly Bytes[]): Bytes {
  const bytes = typeof content === "string" ? Buffer.from(content) : content instanceof Uint8Array ? content : Buffer.concat(content);
  return Buffer.concat([Uint8Array.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

const shapeProto = (shape: readonly number[]): Bytes[] => shape.map((n) => field(2, integer(1, n)));
const list = (parts: readonly Bytes[]): Bytes => field(1, parts);

/** AttrValue */
export const attr = {
  string: (text: string): Bytes => field(2, text),
  integer: (value: number): Bytes => integer(3, value),
  boolean: (value: boolean): Bytes => integer(5, Number(value)),
  type: (type: TensorFlowType): Bytes => integer(6, types[type]),
  shape: (shape: readonly number[]): Bytes => field(7, shapeProto(shape)),
  shapes: (shapes: readonly (readonly number[])[]): Bytes => list(shapes.map((shape) => field(7, shapeProto(shape)))),
  integers: (values: readonly number[]): Bytes => list(values.map((value) => integer(3, value))),
  tensor: (type: TensorFlowType, shape: readonly number[], content: Bytes): Bytes =>
    field(8, [integer(1, types[type]), field(2, shapeProto(shape)), field(4, content)]),
};
export type Attributes = Readonly<Record<string, Bytes>>;

/** NodeDef as a member of a GraphDef. */
export const nodeDef = (name: string, op: string, inputs: readonly string[], attributes: Attributes): Bytes =>
  field(1, [
    field(1, name),
    field(2, op),
    ...inputs.map((input) => field(3, input)),
    ...Object.entries(attributes).map(([key, value]) => field(5, [field(1, key), field(2, value)])),
  ]);

/** GraphDef of members; the producer version is TensorFlow's of 2023. */
export const graphDef = (nodes: readonly Bytes[]): Bytes => Buffer.concat([...nodes, field(4, integer(1, 1645))]);

/** Where the workers of a cluster are reached, as host:port by rank, and which of them this is. */
export interface ClusterPlan {
  readonly addresses: readonly string[];
  readonly rank: number;
}

/** How TensorFlow names a worker. */
export const taskName = (rank: number): string => `/job:worker/replica:0/task:${rank}`;

export interface SessionOptions {
  readonly intraThreads: number;
  readonly interThreads: number;
  /** Lets oneDNN compute matrix products and convolutions in bfloat16. */
  readonly bf16: boolean;
  readonly gpu: boolean;
}

/**
 * ConfigProto: threads, GPU memory that grows with need, bfloat16, and one pass of graph optimisation, since a second finds nothing here. Of a worker
 * besides: the worker whose devices its own graphs use, who leads collectives, and NCCL for those of GPUs.
 */
export function configProto({ intraThreads, interThreads, bf16, gpu }: SessionOptions, rank?: number): Bytes {
  const deviceCount = field(1, [field(1, "GPU"), integer(2, 0)]);
  const rewriterConfig = [integer(12, 1), ...(bf16 ? [integer(31, 1)] : [])];
  return Buffer.concat([
    ...(gpu ? [field(6, integer(4, 1))] : [deviceCount]),
    integer(2, intraThreads),
    integer(5, interThreads),
    integer(7, 1),
    field(10, field(10, rewriterConfig)),
    ...(rank === undefined ? [] : [field(4, taskName(rank)), field(16, [field(1, taskName(0)), ...(gpu ? [integer(7, 1)] : [])])]),
  ]);
}

/** ServerDef of a worker, which talks gRPC. */
export function serverDef({ addresses, rank }: ClusterPlan, config: Bytes): Bytes {
  const tasks = addresses.map((address, i) => field(2, [integer(1, i), field(2, address)]));
  const cluster = field(1, [field(1, "worker"), ...tasks]);
  return Buffer.concat([field(1, cluster), field(2, "worker"), integer(3, rank), field(4, config), field(5, "grpc")]);
}
