/** Replays the golden files on the tfjs peer: `node --import tsx tfjs/check.ts [--module @tensorflow/tfjs] [--golden FOLDER]`. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import util, { parseArgs } from "node:util";
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { adamw } from "./adamw.ts";
import { diffusion } from "./diffusion.ts";
import { type UnetConfig, unet } from "./unet.ts";
import { type Tf, Weights } from "./weights.ts";

Object.assign(util, { isNullOrUndefined: (x: unknown) => x == null, isArray: Array.isArray });

const { values: flags } = parseArgs({
  options: {
    module: { type: "string", default: "@tensorflow/tfjs-node-gpu" },
    golden: { type: "string", default: join(import.meta.dirname, "../../../shared/golden") },
  },
});
const imported = await import(flags.module);
const tf: Tf = imported.default ?? imported;
await tf.ready();

type Entry = { readonly dtype: string; readonly shape: number[]; readonly data_offsets: [number, number] };
type Stored = { readonly shape: number[]; readonly data: Float32Array | Int32Array };
type Case = {
  readonly config: {
    readonly dim: number;
    readonly channels: number;
    readonly dim_mults: readonly number[];
    readonly use_convnext: boolean;
    readonly resnet_block_groups?: number;
  };
  readonly schedule: string;
  readonly timesteps: number;
  readonly loss: { readonly huber: number };
  readonly train: { readonly losses: readonly number[] };
};

function readGolden(path: string): { tensors: Map<string, Stored>; golden: Case } {
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const { __metadata__: metadata, ...header } = JSON.parse(file.toString("utf8", 8, start));
  const stored = ([name, entry]: [string, Entry]): [string, Stored] => {
    const [from, to] = entry.data_offsets;
    const bytes = new Uint8Array(file.subarray(start + from, start + to)).buffer;
    return [name, { shape: entry.shape, data: entry.dtype === "I32" ? new Int32Array(bytes) : new Float32Array(bytes) }];
  };
  return { tensors: new Map(Object.entries<Entry>(header).map(stored)), golden: JSON.parse(metadata.golden) };
}

/** PyTorch's layout to TensorFlow's, by the parameter's name and rank. */
function fromTorch(name: string, { shape, data }: Stored): Tensor {
  const x = tf.tensor(data, shape);
  if (shape.length === 4) return x.transpose(name.endsWith("ds_conv.weight") ? [2, 3, 0, 1] : [2, 3, 1, 0]);
  return shape.length === 2 ? x.transpose() : x;
}

const error = (found: Tensor, expected: Tensor) => {
  const [difference] = found.sub(expected).abs().max().dataSync();
  const [largest] = expected.abs().max().dataSync();
  return (difference as number) / (largest as number);
};

function cosineSchedule(timesteps: number): { signal: number[]; noise: number[] } {
  const f = (t: number) => Math.cos(((t / timesteps + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  let alphaBar = 1;
  const alphaBars = Array.from({ length: timesteps }, (_, t) => {
    alphaBar *= 1 - Math.min(Math.max(1 - f(t + 1) / f(t), 1e-4), 0.9999);
    return alphaBar;
  });
  return { signal: alphaBars.map(Math.sqrt), noise: alphaBars.map((a) => Math.sqrt(1 - a)) };
}

function replay(path: string): void {
  const { tensors, golden } = readGolden(path);
  const tensor = (name: string) => fromTorch(name, tensors.get(name) as Stored);
  const image = (name: string) => {
    const { shape, data } = tensors.get(name) as Stored;
    return tf.tensor(data, shape).transpose([0, 2, 3, 1]) as Tensor4D;
  };
  const { dim, dim_mults: dimMults, channels, use_convnext: convnext, resnet_block_groups: groups = 1 } = golden.config;
  const config: UnetConfig = { dim, dimMults, channels, block: convnext ? "convnext" : "resnet", groups };
  const weights = new Weights(tf);
  const model = unet(tf, config, weights);
  const { qSample, loss } = diffusion(tf, ...(golden.schedule === "cosine" ? [cosineSchedule(golden.timesteps)] : []));
  const [x0, noise] = [image("x0"), image("noise")];
  const t = tf.tensor((tensors.get("t") as Stored).data) as Tensor1D;

  model(x0, t);
  for (const [name, variable] of weights.variables) variable.assign(tensor(`param.${name}`));
  const xt = qSample(x0, t, noise);
  const { value, grads } = tf.variableGrads(() => loss(model, x0, t, noise));
  const report = {
    xt: error(xt, image("xt")),
    eps: error(model(xt, t), image("eps")),
    loss: Math.abs((value.dataSync()[0] as number) - golden.loss.huber),
    grad: Math.max(...Object.entries(grads).map(([name, grad]) => error(grad, tensor(`grad.${name}`)))),
  };
  const update = adamw(tf, weights);
  const losses = golden.train.losses.map((expected) => {
    const found = update(() => loss(model, x0, t, noise)).dataSync()[0] as number;
    return Math.abs(found - expected);
  });
  const errors = Object.entries({ ...report, "10 losses": Math.max(...losses) });
  for (const variable of weights.variables.values()) variable.dispose();
  const shown = errors.map(([name, value]) => `${name} ${value.toExponential(1)}`);
  console.log(basename(path), shown.join("  "));
  if (!errors.every(([, value]) => value < 1e-4)) process.exitCode = 1;
}

for (const file of readdirSync(flags.golden).filter((name) => /^unet-.*\.safetensors$/.test(name))) tf.tidy(() => replay(join(flags.golden, file)));
