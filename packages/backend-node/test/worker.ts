/** One worker of a training: `worker.ts OUT RANK ADDRESSES STEPS CONFIG`. Writes losses and parameters after the last step to OUT. */
import { writeFileSync } from "node:fs";
import { alone, configure, initialState, presets, runStep, shapes, trainingBatch, trainingStep } from "@ddpm/core";
import { tensorflow } from "../src/tensorflow/engine.ts";

const [out, rank, addresses, steps, config] = process.argv.slice(2) as [string, string, string, string, string];
const own = configure(presets.tiny, JSON.parse(config));
const cluster = addresses === "" ? undefined : { addresses: addresses.split(","), rank: Number(rank) };
const backend = await tensorflow({ device: "cpu", threads: 1, cluster });
const workers = backend.workers ?? alone;
const dataset = shapes({ height: own["data.height"], width: own["data.width"] });
const training = trainingStep(own, workers);
const program = await backend.compile(training.step, initialState(training, own.seed));
const losses: number[] = [];
const times: number[] = [];
for (let n = 1; n <= Number(steps); n++) {
  const batch = await trainingBatch(dataset, own, n, workers);
  const t = performance.now();
  losses.push((await runStep(program, own, batch, n, { workers })).loss);
  times.push(performance.now() - t);
}
const parameters = [...training.scope.packValues(await program.read())];
writeFileSync(out, JSON.stringify({ losses, parameters, median: times.sort((a, b) => a - b)[times.length >> 1] }));
await program[Symbol.asyncDispose]();
await backend[Symbol.asyncDispose]();
