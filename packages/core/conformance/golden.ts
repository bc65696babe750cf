import type { Backend, Numbers } from "../src/backend.ts";
import { fromTorch, imagesFromNCHW } from "../src/checkpoint.ts";
import { classFeeds } from "../src/classes.ts";
import { type Config, configure } from "../src/config.ts";
import { qSample } from "../src/diffusion.ts";
import { gradients } from "../src/gradient.ts";
import { lossNames, pLosses } from "../src/loss.ts";
import { model } from "../src/model.ts";
import { adamw, adamwScalars } from "../src/optimizer.ts";
import { decode } from "../src/safetensors.ts";
import { coefficientNames, type RowCoefficients, rows, samplerStep } from "../src/sampler.ts";
import { extract, type ScheduleName, schedule } from "../src/schedule.ts";
import { Scope } from "../src/scope.ts";
import { size } from "../src/shape.ts";
import { constant, input, type Tensor, variable } from "../src/tensor.ts";

/** Greatest errors of a replay: predictions, gradients and samples relative to each tensor's largest value, the rest absolute. */
export interface Errors {
  readonly eps: number;
  readonly losses: number;
  readonly gradients: number;
  readonly sample: number;
  readonly training: number;
  readonly after: number;
}

/** The practical work's names of what describes its U-Net. */
interface NotebookConfig {
  readonly dim: number;
  readonly dim_mults: number[];
  readonly use_convnext: boolean;
  readonly resnet_block_groups?: number;
}

interface Recording {
  readonly config: NotebookConfig | Partial<Config>;
  /** Of a model with classes, the class of each image. */
  readonly labels?: readonly number[];
  readonly shape: [number, number, number, number];
  readonly timesteps: number;
  readonly schedule: ScheduleName;
  readonly loss: Readonly<Record<string, number>>;
  readonly sample: { timesteps: number; schedule: ScheduleName };
  readonly train: { lr: number; weight_decay: number; losses: number[] };
}

/** Replays a state recorded from PyTorch: prediction, losses, gradients, ancestral sampling, ten steps of AdamW. */
export class Replay {
  readonly #recording: Recording;
  readonly #tensors: ReturnType<typeof decode>["tensors"];
  readonly #shape: [number, number, number, number];
  readonly #scope = new Scope();
  readonly #eps: Tensor;
  readonly #noise: Tensor;

  constructor(bytes: Uint8Array) {
    const { tensors, metadata } = decode(bytes);
    this.#tensors = tensors;
    this.#recording = JSON.parse(metadata["golden"]!) as Recording;
    const [b, c, h, w] = this.#recording.shape;
    this.#shape = [b, h, w, c];
    this.#noise = input("noise", this.#shape);
    const coefficient = (name: string): Tensor => input(name, [b, 1, 1, 1]);
    const xt = qSample(input("x0", this.#shape), this.#noise, {
      sqrtAlphasCumprod: coefficient("sqrtAlphasCumprod"),
      sqrtOneMinusAlphasCumprod: coefficient("sqrtOneMinusAlphasCumprod"),
    });
    this.#eps = this.#model(this.#scope, xt);
  }

  /** Prediction and the three losses. */
  async forward(backend: Backend): Promise<Pick<Errors, "eps" | "losses">> {
    const losses = Object.fromEntries(lossNames.map((name) => [name, pLosses(name, this.#noise, this.#eps)]));
    await using program = await backend.compile({ outputs: { eps: this.#eps, ...losses } }, this.#parameters());
    const { eps, ...found } = await program.run(this.#feeds());
    return {
      eps: relative(eps!, this.#image("eps")),
      losses: Math.max(...lossNames.map((name) => Math.abs(found[name]![0]! - this.#recording.loss[name]!))),
    };
  }

  /** Prediction alone, and how the program ran it. */
  async prediction(backend: Backend): Promise<Pick<Errors, "eps"> & { readonly how: string | undefined }> {
    await using program = await backend.compile({ outputs: { eps: this.#eps } }, this.#parameters());
    const { eps } = await program.run(this.#feeds());
    return { eps: relative(eps!, this.#image("eps")), how: program.how };
  }

  /** Gradients of the Huber loss by every parameter. */
  async gradients(backend: Backend): Promise<Pick<Errors, "gradients">> {
    const names = [...this.#scope.parameters.keys()];
    const derivatives = gradients(pLosses("huber", this.#noise, this.#eps), this.#variables());
    const step = { outputs: Object.fromEntries(names.map((name, i) => [name, derivatives[i]!])) };
    await using program = await backend.compile(step, this.#parameters());
    const found = await program.run(this.#feeds());
    return { gradients: Math.max(...names.map((name) => relative(found[name]!, this.#parameter(`grad.${name}`)))) };
  }

  /** Ten steps of AdamW on one batch. */
  async training(backend: Backend): Promise<Pick<Errors, "training" | "after">> {
    const loss = pLosses("huber", this.#noise, this.#eps);
    const scope = this.#scope;
    const parameters = this.#variables();
    const scalars = { rate: input("rate", []), unbias: input("unbias", []), decay: input("decay", []) };
    const { x, m, v } = adamw(scope.pack(parameters), scope.pack(gradients(loss, parameters)), scalars, constant(1));
    const step = { outputs: { loss }, updates: { ...scope.unpack(x), m, v } };
    const moments = ["m", "v"].map((name) => [name, new Float32Array(scope.count)] as const);
    await using program = await backend.compile(step, new Map([...moments, ...this.#parameters()]));
    const { lr, weight_decay: weightDecay, losses } = this.#recording.train;
    let training = 0;
    for (const [i, expected] of losses.entries()) {
      const found = await program.run({ ...this.#feeds(), ...feedScalars(adamwScalars({ lr, weightDecay }, i + 1)) });
      training = Math.max(training, Math.abs(found["loss"]![0]! - expected));
    }
    const names = [...scope.parameters.keys()];
    const after = await program.read(names);
    return { training, after: Math.max(...names.map((name) => absolute(after.get(name)!, this.#parameter(`after.${name}`)))) };
  }

  /** Ancestral sampling with the recorded noise. */
  async sample(backend: Backend): Promise<Pick<Errors, "sample">> {
    const { timesteps, schedule: name } = this.#recording.sample;
    const x = variable("x", this.#shape);
    const row = Object.fromEntries(coefficientNames.map((name) => [name, input(name, [])])) as RowCoefficients;
    const next = samplerStep(x, variable("x0", this.#shape), this.#model(new Scope(), x), input("z", this.#shape), row);
    const start = this.#image("sample.xT");
    const state = new Map([...this.#parameters(), ["x", start], ["x0", new Float32Array(start.length)]] as const);
    await using program = await backend.compile({ outputs: {}, updates: { x: next.x, x0: next.x0 } }, state);
    for (const { t, ...coefficients } of rows("ddpm", schedule(name, timesteps), { clip: false })) {
      await program.run({ t: new Int32Array(this.#shape[0]).fill(t), z: this.#noiseAt(t), ...this.#classes(), ...feedScalars(coefficients) });
    }
    return { sample: relative((await program.read(["x"])).get("x")!, this.#image("sample.x0")) };
  }

  #model(p: Scope, x: Tensor): Tensor {
    return model(p, x, input("t", [this.#shape[0]], "int32"), this.#config);
  }

  get #config(): Config {
    const { config } = this.#recording;
    if (!("dim" in config)) return configure(config);
    const { dim, dim_mults: dimMults, use_convnext: convnext, resnet_block_groups: groups = 1 } = config;
    const block = convnext ? "convnext" : "resnet";
    return configure({
      "model.dim": dim,
      "model.dimMults": dimMults,
      "model.groups": groups,
      "model.block": block,
      "model.channels": this.#shape[3],
    });
  }

  #variables(): Tensor[] {
    return [...this.#scope.parameters.values()].map(({ tensor }) => tensor);
  }

  #parameters(): Map<string, Numbers> {
    return new Map([...this.#scope.parameters.keys()].map((name) => [name, this.#parameter(`param.${name}`)]));
  }

  #parameter(name: string): Float32Array {
    const { shape, data } = this.#tensors.get(name)!;
    return fromTorch({ shape, data: Float32Array.from(data) }).data;
  }

  #image(name: string): Float32Array {
    return imagesFromNCHW(Float32Array.from(this.#tensors.get(name)!.data), this.#shape);
  }

  #noiseAt(t: number): Float32Array {
    const length = size(this.#shape);
    return imagesFromNCHW(Float32Array.from(this.#tensors.get("sample.z")!.data.subarray(t * length, (t + 1) * length)), this.#shape);
  }

  #classes(): Record<string, Numbers> {
    const { "model.classes": classes } = this.#config;
    const labels = (this.#recording.labels ?? []).map((label) => (label < classes.length ? label : undefined));
    return classes.length > 0 ? classFeeds(this.#config, labels, labels.length) : {};
  }

  #feeds(): Record<string, Numbers> {
    const t = Int32Array.from(this.#tensors.get("t")!.data);
    const constants = schedule(this.#recording.schedule, this.#recording.timesteps);
    const coefficients = (["sqrtAlphasCumprod", "sqrtOneMinusAlphasCumprod"] as const).map((name) => [name, extract(constants[name], t)]);
    return { x0: this.#image("x0"), noise: this.#image("noise"), t, ...this.#classes(), ...Object.fromEntries(coefficients) };
  }
}

const feedScalars = (scalars: Readonly<Record<string, number>>): Record<string, Float64Array> =>
  Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, Float64Array.of(value)]));

/** The greatest absolute difference; NaN where one is NaN. */
export const absolute = (found: Numbers, expected: Numbers): number =>
  Array.from(expected, (value, i) => Math.abs(value - found[i]!)).reduce((a, b) => Math.max(a, b), 0);

/** The greatest difference relative to the largest expected value. */
export const relative = (found: Numbers, expected: Numbers): number =>
  absolute(found, expected) / Array.from(expected, Math.abs).reduce((a, b) => Math.max(a, b), 1e-30);
