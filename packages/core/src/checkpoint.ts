/** Checkpoints: a model's parameters under the names and in the layouts of the PyTorch U-Net, with its configuration in the metadata. */
import type { State } from "./backend.ts";
import { type Config, configure } from "./config.ts";
import type { DiffusersJson } from "./diffusers/json.ts";
import { decode, type EncodeOptions, encode, quoted, type SafetensorsFile, type StoredTensor } from "./safetensors.ts";
import type { Scope } from "./scope.ts";
import { type Shape, size } from "./shape.ts";

/** A parameter's values, row-major. */
export interface ParameterValue {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** What a checkpoint says of itself, as JSON in its metadata under `ddpm`. */
export interface CheckpointMetadata {
  readonly config: Config;
  /** Training steps done. */
  readonly step: number;
  /** Mean training loss before that step, of a checkpoint that was kept for it. */
  readonly loss?: number;
  /** What trained it, of a state to go on from: the last bits of sums depend on it. */
  readonly device?: string;
  /** Of a model from diffusers how it is drawn from there: see `drawingOf`. */
  readonly scheduler?: DiffusersJson;
}

/** Parameters by name, and what the file says of them; one that was saved from Python says nothing. */
export interface Checkpoint {
  readonly parameters: Map<string, ParameterValue>;
  /** Absent in files that Python wrote: see `inferModel`. */
  readonly metadata?: CheckpointMetadata;
}

/** Ours by rank: [in, out] and [height, width, in, out]; PyTorch's: [out, in] and [out, in, height, width], or transposed convolutions' alike. */
const fromTorchAxes: Readonly<Record<number, readonly number[]>> = { 0: [], 1: [0], 2: [1, 0], 4: [2, 3, 1, 0] };
const toTorchAxes: Readonly<Record<number, readonly number[]>> = { 0: [], 1: [0], 2: [1, 0], 4: [3, 2, 0, 1] };

/** A parameter of ours in PyTorch's layout. Throws a RangeError for rank 3 or above 4, and where shape and data differ in size. */
export const toTorch = (value: ParameterValue): ParameterValue => permuted(value, axesOf(toTorchAxes, value.shape));

/** A parameter of PyTorch's in our layout. Throws as `toTorch` does. */
export const fromTorch = (value: ParameterValue): ParameterValue => permuted(value, axesOf(fromTorchAxes, value.shape));

/** Images [n, h, w, c] as [n, c, h, w]. Throws a RangeError where shape and data differ in size. */
export const imagesToNCHW = (data: Float32Array, shape: readonly [number, number, number, number]): Float32Array =>
  permuted({ shape, data }, [0, 3, 1, 2]).data;

/** Images [n, c, h, w] as [n, h, w, c]; the shape is the result's, [n, h, w, c]. Throws as `imagesToNCHW` does. */
export const imagesFromNCHW = (data: Float32Array, [n, h, w, c]: readonly [number, number, number, number]): Float32Array =>
  permuted({ shape: [n, c, h, w], data }, [0, 2, 3, 1]).data;

/** The bytes of a checkpoint, from parameters in our layout; F32 unless asked otherwise. Throws as `toTorch` and `encode` do. */
export function encodeModel(parameters: ReadonlyMap<string, ParameterValue>, metadata?: CheckpointMetadata, options: EncodeOptions = {}): Uint8Array {
  const tensors = new Map([...parameters].map(([name, value]) => [name, toTorch(value)]));
  const ddpm = metadata && { ddpm: JSON.stringify({ version: 1, ...metadata }) };
  return encode(tensors, { format: "pt", ...ddpm }, options);
}

/** A checkpoint's parameters in our layout, and its metadata if it has some. Throws a SyntaxError for a file that is damaged or no checkpoint. */
export const decodeModel = (bytes: Uint8Array): Checkpoint => modelOf(decode(bytes));

/** As `decodeModel`, of a file that is decoded already. */
export function modelOf({ tensors, metadata }: SafetensorsFile): Checkpoint {
  const parameters = new Map([...tensors].map(([name, tensor]) => [name, parameterOf(name, tensor)]));
  return metadata.ddpm === undefined ? { parameters } : { parameters, metadata: metadataOf(metadata.ddpm) };
}

/** The values of a checkpoint's parameters, as samplers and programs take them. */
export const valuesOf = (parameters: ReadonlyMap<string, ParameterValue>): Map<string, Float32Array> =>
  new Map([...parameters].map(([name, { data }]) => [name, data]));

/** The other way: values by name as what a checkpoint holds. */
export const parametersFrom = (scope: Scope, values: State): Map<string, ParameterValue> =>
  new Map([...scope.parameters].map(([name, { shape }]) => [name, { shape, data: Float32Array.from(values.get(name)!) }]));

function parameterOf(name: string, { shape, dtype, data }: StoredTensor): ParameterValue {
  if (!(data instanceof Float32Array))
    throw new SyntaxError(`Expected parameter ${quoted(name)} to hold floats but found ${dtype}; save only the model's weights`);
  if (data.length === 0) throw new SyntaxError(`Expected parameter ${quoted(name)} to hold numbers but found [${shape}]; save the model anew`);
  if (!fromTorchAxes[shape.length])
    throw new SyntaxError(`Expected parameter ${quoted(name)} to have 1, 2 or 4 axes but found [${shape}]; save only a DDPM U-Net`);
  return fromTorch({ shape, data });
}

function metadataOf(json: string): CheckpointMetadata {
  const { version, config, step, loss, device, scheduler } = objectOf(json);
  if (version !== 1) {
    throw new SyntaxError(
      `Expected the checkpoint's ddpm metadata to be of version 1 but found ${JSON.stringify(version)}; update this program or save the file again`,
    );
  }
  if (!Number.isSafeInteger(step) || (step as number) < 0) {
    throw new SyntaxError(`Expected the checkpoint's step to be an integer of at least 0 but found ${JSON.stringify(step)}; save the file again`);
  }
  const facts = {
    ...(typeof loss === "number" && { loss }),
    ...(typeof device === "string" && { device }),
    ...(typeof scheduler === "object" && scheduler !== null && { scheduler: scheduler as DiffusersJson }),
  };
  return { config: configure(config as Partial<Config>), step: step as number, ...facts };
}

function objectOf(json: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(json)) as Record<string, unknown>;
  } catch (cause) {
    throw new SyntaxError(`Expected the checkpoint's ddpm metadata as JSON but found ${quoted(json.slice(0, 40))}; save the file again`, {
      cause,
    });
  }
}

function axesOf(table: Readonly<Record<number, readonly number[]>>, shape: Shape): readonly number[] {
  const axes = table[shape.length];
  if (!axes) throw new RangeError(`Cannot lay out [${shape}] as PyTorch does, where a parameter has 0, 1, 2 or 4 axes`);
  return axes;
}

/** The shape of a parameter of ours in PyTorch's layout; as it is where PyTorch has no such. */
export const torchShape = (shape: Shape): Shape => toTorchAxes[shape.length]?.map((i) => shape[i]!) ?? shape;

/** The transposition of an array of at most four axes: axis i of the result is axis `axes[i]` of the input. */
function permuted({ shape, data }: ParameterValue, axes: readonly number[]): ParameterValue {
  if (data.length !== size(shape)) throw new RangeError(`Cannot shape ${data.length} values as [${shape}]`);
  const strides = shape.map((_, i) => size(shape.slice(i + 1)));
  const missing = new Array<number>(4 - axes.length).fill(0);
  const [a, b, c, d] = [...missing.map(() => 1), ...axes.map((i) => shape[i]!)] as [number, number, number, number];
  const [sa, sb, sc, sd] = [...missing, ...axes.map((i) => strides[i]!)] as [number, number, number, number];
  const out = new Float32Array(data.length);
  let at = 0;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) {
        for (let l = 0; l < d; l++) out[at++] = data[i * sa + j * sb + k * sc + l * sd]!;
      }
    }
  }
  return { shape: axes.map((i) => shape[i]!), data: out };
}
