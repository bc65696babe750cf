/** The process of `tryDevice`: trains one step where the device trains, samples where it does not, and says how that went as JSON. */
import {
  type Backend,
  compileSampler,
  configure,
  initialState,
  parametersOf,
  presets,
  shapes,
  trainingBatch,
  trainingFeeds,
  trainingStep,
} from "@ddpm/core";
import { openDevice } from "../devices.ts";

const size = { "data.height": 8, "data.width": 8 };
const config = configure(presets.tiny, { ...size, "train.batch": 2 });

async function train(backend: Backend): Promise<void> {
  const training = trainingStep(config);
  await using program = await backend.compile(training.step, initialState(training, 0));
  const batch = await trainingBatch(shapes({ height: 8, width: 8 }), config, 1);
  const { loss } = await program.run(trainingFeeds(config, batch, 1));
  if (!Number.isFinite(loss![0])) throw new Error(`Cannot train with a loss of ${loss![0]}`);
}

async function sample(backend: Backend): Promise<void> {
  const weights = initialState(trainingStep(config), 0);
  const own = new Map([...parametersOf(config).keys()].map((name) => [name, weights.get(name)!]));
  await using sampler = await compileSampler(backend, config, own, { sampler: "ddim", steps: 1, batch: 1 });
  for await (const { x } of sampler.draw({ seed: 0 })) await x();
}

async function outcome(device: string): Promise<{ name: string } | { reason: string }> {
  const purpose = device === "wasm" ? "sample" : "train";
  try {
    await using backend = await openDevice(device, { purpose, dtype: "float32", say: () => {} });
    await (purpose === "train" ? train(backend) : sample(backend));
    return { name: backend.name };
  } catch (error) {
    return { reason: (error as Error).message.split("\n")[0]! };
  }
}

process.stdout.write(`${JSON.stringify(await outcome(process.argv[2]!))}\n`);
