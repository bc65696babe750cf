/** One worker of a training: `worker.ts RANK ADDRESSES STEPS CONFIG PATIENCE`; addresses "" for one alone. Says each step, and losses and parameters at the end. */
import { createHash } from "node:crypto";
import { alone, configure, initialState, presets, runStep, shapes, trainingBatch, trainingStep } from "@ddpm/core";
import { exitNow } from "../src/tensorflow/c-api.ts";
import { tensorflow } from "../src/tensorflow/engine.ts";

const [rank, addresses, steps, config, start] = process.argv.slice(2) as [string, string, string, string, string];
const own = configure(presets.tiny, JSON.parse(config));
const tell = (line: unknown): void => void process.send!(line);
const patience = { start: Number(start), silence: 3, say: (line: string) => tell({ said: line }) };
const cluster = addresses === "" ? undefined : { plan: { addresses: addresses.split(","), rank: Number(rank) }, patience };
try {
  await using backend = await tensorflow({ device: "cpu", threads: 1, cluster });
  const workers = backend.workers ?? alone;
  const dataset = shapes({ height: own["data.height"], width: own["data.width"] });
  const training = trainingStep(own, workers);
  await using program = await backend.compile(training.step, initialState(training, own.seed));
  for (let n = 1; n <= Number(steps); n++) {
    const { loss } = await runStep(program, own, await trainingBatch(dataset, own, n, workers), n, { workers });
    tell({ step: n, loss });
  }
  const parameters = training.scope.packValues(await program.read());
  const last = { parameters: [...parameters], bytes: createHash("sha256").update(parameters).digest("hex") };
  process.send!(last, () => process.disconnect());
} catch (error) {
  process.send!({ failed: (error as Error).message }, () => exitNow(3));
}
