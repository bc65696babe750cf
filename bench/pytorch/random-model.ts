// Writes a preset's model with random weights, and the noise that a sampler of ours draws with from a seed: random-model.ts PRESET FOLDER
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeModel, imageShape, imagesToNCHW, type Numbers, parametersFrom, presets, trainingStep } from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import { normals, startNoise, stream } from "@ddpm/core/random";
import { encode } from "@ddpm/core/safetensors";

const [preset, folder] = process.argv.slice(2) as [keyof typeof presets, string];
const [seed, count, steps] = [1, 2, 4];
const config = presets[preset];
const { scope } = trainingStep(config);
const shape = imageShape(config, count);
const [, height, width, channels] = shape;

const nchw = (images: Numbers): Float32Array => imagesToNCHW(Float32Array.from(images), shape);
const z = Array.from({ length: steps }, (_, i) => [...nchw(normals(stream(seed, "steps", i), size(shape)))]);
const noise = new Map([
  ["xT", { shape: [count, channels, height, width], data: nchw(startNoise(seed, count, size(shape) / count)) }],
  ["z", { shape: [steps, count, channels, height, width], data: Float32Array.from(z.flat()) }],
]);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "model.safetensors"), encodeModel(parametersFrom(scope, scope.initialValues(0)), { config, step: 0 }));
writeFileSync(join(folder, "noise.safetensors"), encode(noise, {}));
