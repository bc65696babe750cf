/** Our model behind the bench's protocol. */
import { parseArgs } from "node:util";
import { tensorflow } from "@ddpm/backend-node";
import { imageShape, initialState, presets, runStep, shapes, trainingBatch, trainingStep } from "@ddpm/core";
import { input } from "@ddpm/core/graph";
import { model, Scope } from "@ddpm/core/model";
import { serve } from "../protocol.ts";

const { values } = parseArgs({
  options: {
    mode: { type: "string", default: "train" },
    threads: { type: "string", default: "2" },
    bf16: { type: "boolean", default: false },
    gpu: { type: "boolean", default: false },
  },
});
const config = presets.notebook;
const backend = await tensorflow({ device: values.gpu ? "cuda" : "cpu", threads: Number(values.threads), dtype: values.bf16 ? "bf16" : "float32" });
const training = trainingStep(config);

async function trainer() {
  const dataset = shapes();
  const program = await backend.compile(training.step, initialState(training, 0));
  let step = 0;
  return async () => {
    step++;
    return (await runStep(program, config, await trainingBatch(dataset, config, step), step)).loss;
  };
}

async function forward(count: number) {
  const eps = model(new Scope(), input("x", imageShape(config, count)), input("t", [count], "int32"), config);
  const program = await backend.compile({ outputs: { eps } }, training.scope.initialValues(0));
  const feeds = { x: new Float32Array(count * 784).fill(0.1), t: new Int32Array(count).fill(300) };
  return async () => void (await program.run(feeds));
}

await serve({ versions: { ddpm: backend.name }, ...(values.mode === "train" ? { train: await trainer() } : { forward }) });
