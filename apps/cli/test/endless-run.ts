// Writes a run as training does, without computing anything, as fast as the disk takes it and until it is killed: each number of step n is n.
import { writeSync } from "node:fs";
import { configure, initialState, type Numbers, presets, trainingStep } from "@ddpm/core";
import { RunFolder } from "../src/run-folder.ts";
import { RunRecord } from "../src/run-record.ts";

const folder = new RunFolder(process.argv[2]!);
const config = configure(presets.tiny, { "train.keepLast": 2, "train.keepBest": true, "train.emaAlso": [0.5] });
const training = trainingStep(config);

await folder.prepare();
await using _lock = await folder.lock();
await folder.create(config);
const found = await folder.load(config, training);
const start = found?.step ?? 0;
await using record = await RunRecord.open(folder, config, start);
const shapes = initialState(training, 0);
for (let step = start + 1; ; step++) {
  await record.add({ step, loss: 1 / step });
  const state = new Map([...shapes].map(([name, values]): [string, Numbers] => [name, values.slice().fill(step)]));
  await record.save(training, { state, timesteps: new Map(), step, device: "none" }, { last: false, ends: true });
  await record.flush();
  writeSync(1, `${step}\n`);
}
