/** Streams epochs of a data set as training does, but with nothing to train, and prints images a second and memory. */
import { loadavg } from "node:os";
import { type Dataset, stepsPerEpoch } from "@ddpm/core";
import { batch } from "@ddpm/core/training";
import { BrokenImages } from "../src/data/broken.ts";
import { openDataset } from "../src/data/index.ts";
import { ReadAhead } from "../src/data/read-ahead.ts";

const [data, ...numbers] = process.argv.slice(2) as [string, ...string[]];
const [size, epochs, height, width] = numbers.map(Number) as [number, number, number, number];

const MB = 2 ** 20;

async function epoch(dataset: Dataset, number: number): Promise<void> {
  const steps = stepsPerEpoch(dataset, size);
  const first = number * steps + 1;
  const ahead = new ReadAhead((step) => batch(dataset, { seed: 0, batch: size, step, flip: true }), first, first + steps - 1);
  const [began, worked] = [performance.now(), process.cpuUsage()];
  for (let step = 0; step < steps; step++) {
    await ahead.next();
    ahead.fill();
  }
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(worked);
  const rate = Math.round(dataset.count / seconds).toLocaleString("en");
  const resident = (process.memoryUsage().rss / MB).toFixed(0);
  console.log(
    `epoch ${number + 1}: ${rate} images/s, ${steps} batches in ${seconds.toFixed(1)} s (${((user + system) / 1e6).toFixed(1)} s of CPU), resident ${resident} MiB`,
  );
}

const began = performance.now();
const broken = new BrokenImages();
const dataset = await openDataset(data, { height: height || undefined, width: width || undefined, broken, say: console.log });
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(`open: ${dataset.count.toLocaleString("en")} images of ${dataset.height}×${dataset.width}×${dataset.channels} in ${seconds} s`);
for (let number = 0; number < epochs; number++) await epoch(dataset, number);
console.log(`peak resident ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB, ${broken.count} broken, load ${loadavg()[0]!.toFixed(1)}`);
