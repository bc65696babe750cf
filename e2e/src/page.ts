// What the tests call inside the page: the suite that every backend passes, on a device of the browser
import { chooseDevice, openDevice, renderer } from "@ddpm/backend-web";
import {
  type Config,
  compileSampler,
  configure,
  decodeModel,
  imageShape,
  type Numbers,
  reference,
  type State,
  type Step,
  samplesOf,
  valuesOf,
} from "@ddpm/core";
import { cases, Replay, relative } from "@ddpm/core/conformance";
import type { SamplerName, Spacing } from "@ddpm/core/diffusion";
import { input, size } from "@ddpm/core/graph";
import { model, Scope } from "@ddpm/core/model";

const wasmPaths = "/wasm/";

interface Conformance {
  /** Greatest error relative to the reference. */
  readonly error: number;
  readonly how: string | undefined;
}

/** How a device runs each case, by name; wasm runs those without gradients. */
async function conformance(device: string): Promise<Record<string, Conformance>> {
  await using backend = await openDevice(device, { wasmPaths });
  const found: Record<string, Conformance> = {};
  for (const { name, step, state, feeds, trains } of cases) {
    if (trains && device === "wasm") continue;
    await using expected = await reference().compile(step, state);
    await using program = await backend.compile(step, state);
    const errorOfOutputs = greatest(await expected.run(feeds), await program.run(feeds));
    const errorOfState = greatest(await expected.read().then(Object.fromEntries), await program.read().then(Object.fromEntries));
    found[name] = { error: Math.max(errorOfOutputs, errorOfState), how: program.how };
  }
  return found;
}

type Values = Readonly<Record<string, Numbers>>;

const greatest = (expected: Values, found: Values): number =>
  Object.entries(expected).reduce((error, [name, values]) => Math.max(error, relative(found[name]!, values)), 0);

/** Errors of a state recorded from PyTorch: prediction and losses, on a device that trains also gradients and ten steps of AdamW. */
async function golden(device: string, name: string): Promise<Record<string, number>> {
  const replay = new Replay(new Uint8Array(await (await fetch(`/golden/${name}.safetensors`)).arrayBuffer()));
  await using backend = await openDevice(device, { wasmPaths });
  return {
    ...(await replay.forward(backend)),
    ...(device === "wasm" ? {} : { ...(await replay.gradients(backend)), ...(await replay.training(backend)) }),
  };
}

/** Prediction and ancestral sampling of a state recorded from PyTorch, as a device that plans sampling runs them. */
async function planned(device: string, name: string): Promise<{ eps: number; sample: number; how: string | undefined }> {
  const replay = new Replay(new Uint8Array(await (await fetch(`/golden/${name}.safetensors`)).arrayBuffer()));
  await using backend = await openDevice(device, { wasmPaths });
  return { ...(await replay.prediction(backend)), ...(await replay.sample(backend)) };
}

interface Forward {
  readonly step: Step;
  readonly state: State;
  readonly feeds: Values;
}

/** What a fresh model predicts for some pictures; its normalisations are not the identity. */
function forwardOf(part: Partial<Config>, batch: number): Forward {
  const config = configure({ "model.dim": 8, "model.dimMults": [1, 2], "data.height": 8, "data.width": 8 }, part);
  const [scope, shape] = [new Scope(), imageShape(config, batch)];
  const step = { outputs: { eps: model(scope, input("x", shape), input("t", [1], "int32"), config) } };
  const moved = (name: string, values: Numbers): Numbers => (name.includes("norm") ? values.map((x, i) => x + 0.3 * Math.sin(i)) : values);
  const state = new Map([...scope.initialValues(1)].map(([name, values]) => [name, moved(name, values)]));
  const x = Float32Array.from({ length: size(shape) }, (_, i) => 1.5 * Math.sin(12.9898 * i) + 0.2);
  return { step, state, feeds: { x, t: Int32Array.of(17) } };
}

/** How a device predicts, its greatest error relative to the reference, and the shaders that it compiled for it. */
async function forward(device: string, part: Partial<Config>, { batches = [1] } = {}) {
  let compiled = 0;
  const compiling = (): void => void compiled++;
  await using backend = await openDevice(device, { wasmPaths, compiling });
  const found = [];
  for (const batch of batches) {
    const { step, state, feeds } = forwardOf(part, batch);
    const before = compiled;
    await using program = await backend.compile(step, state);
    await using expected = await reference().compile(step, state);
    const error = greatest(await expected.run(feeds), await program.run(feeds));
    found.push({ device: backend.name, how: program.how, error, shaders: compiled - before });
  }
  return found;
}

/** Whether a program takes new weights, and whether its second run is as its first. */
async function rewritten(device: string): Promise<{ error: number; again: boolean }> {
  const { step, state, feeds } = forwardOf({}, 1);
  await using backend = await openDevice(device);
  await using program = await backend.compile(step, new Map([...state].map(([name, values]) => [name, values.map((x) => x / 2)])));
  await program.run(feeds);
  await program.write(state);
  await using expected = await reference().compile(step, state);
  const found = await program.run(feeds);
  return { error: greatest(await expected.run(feeds), found), again: greatest(found, await program.run(feeds)) === 0 };
}

/** Images [count, height, width, channels] that the checkpoint at `url` draws. */
async function sample(device: string, url: string, { sampler, steps, spacing, count, seed, labels, guidance = 1 }: SampleOptions): Promise<number[]> {
  const { parameters, metadata } = decodeModel(new Uint8Array(await (await fetch(url)).arrayBuffer()));
  await using backend = await openDevice(device, { wasmPaths });
  await using compiled = await compileSampler(backend, metadata!.config, valuesOf(parameters), {
    sampler,
    steps,
    ...(spacing && { spacing }),
    batch: count,
    guided: guidance !== 1,
  });
  return [...(await samplesOf(compiled, { seed, guidance, ...(labels && { labels }) }))];
}

interface SampleOptions {
  readonly sampler: SamplerName;
  readonly steps: number;
  readonly spacing?: Spacing;
  readonly count: number;
  readonly seed: number;
  readonly labels?: readonly number[];
  readonly guidance?: number;
}

Object.assign(globalThis, { ddpm: { conformance, golden, planned, forward, rewritten, sample, renderer, chooseDevice } });
