// Makes what comes with the program, on two cores: the classifiers of `ddpm evaluate` in five minutes, the page's shapes in two, its Fashion-MNIST in forty; a
// run that was left goes on.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ddpm, root } from "./ddpm.mjs";

/** Eight epochs of a U-Net narrow enough for half floats to take less than 2 MB. */
const narrow = ["--model.dim", "20", "--diffusion.schedule", "cosine", "--diffusion.timesteps", "300"];
const brief = ["--train.emaDecay", "0.999", "--train.lr", "2e-3", "--train.checkpointEvery", "200"];

for (const [data, epochs] of [
  ["shapes", "8"],
  ["fashion-mnist", "12"],
])
  ddpm("classifier", "--data", data, "--epochs", epochs, "--dtype", "F16", "--out", `apps/cli/classifiers/${data}.safetensors`);
await import("./demo.mjs");
const begun = existsSync(join(root, "runs/bundle/config.json"));
ddpm("train", "--out", "runs/bundle", "--steps", "3752", ...(begun ? ["--resume"] : ["--data", "fashion-mnist", ...narrow, ...brief]));
for (const [from, name] of [
  ["runs/demo", "shapes"],
  ["runs/bundle", "fashion"],
])
  ddpm("convert", "--checkpoint", from, "--dtype", "F16", "--out", `apps/playground/public/models/${name}.safetensors`);
