// What the tests call inside the page: the suite that every backend passes, on a device of the browser
import { chooseDevice, openDevice, renderer } from "@ddpm/backend-web";
import { compileSampler, decodeModel, type Numbers, reference, type SamplerName, samplesOf, valuesOf } from "@ddpm/core";
import { cases, Replay, relative } from "@ddpm/core/conformance";

const wasmPaths = "/wasm/";

/** Greatest error of each case relative to the reference, by name; wasm runs those without gradients. */
async function conformance(device: string): Promise<Record<string, number>> {
  await using backend = await openDevice(device, { wasmPaths });
  const errors: Record<string, number> = {};
  for (const { name, step, state, feeds, trains } of cases) {
    if (trains && device === "wasm") continue;
    await using expected = await reference().compile(step, state);
    await using program = await backend.compile(step, state);
    const errorOfOutputs = greatest(await expected.run(feeds), await program.run(feeds));
    errors[name] = Math.max(errorOfOutputs, greatest(await expected.read().then(Object.fromEntries), await program.read().then(Object.fromEntries)));
  }
  return errors;
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

/** Images [count, height, width, channels] that the checkpoint at `url` draws. */
async function sample(device: string, url: string, { sampler, steps, count, seed }: SampleOptions): Promise<number[]> {
  const { parameters, metadata } = decodeModel(new Uint8Array(await (await fetch(url)).arrayBuffer()));
  await using backend = await openDevice(device, { wasmPaths });
  await using compiled = await compileSampler(backend, metadata!.config, valuesOf(parameters), { sampler, steps, batch: count });
  return [...(await samplesOf(compiled, { seed }))];
}

interface SampleOptions {
  readonly sampler: SamplerName;
  readonly steps: number;
  readonly count: number;
  readonly seed: number;
}

Object.assign(globalThis, { ddpm: { conformance, golden, sample, renderer, chooseDevice } });
