// Trains the small models that the practical work compares, one core being enough, measures them, and writes docs/data/comparisons.json with its figures. Runs that are there
// already are not trained again: nice node --import tsx scripts/comparisons.mjs
import { existsSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { readToDraw } from "../apps/cli/src/drawing.ts";
import { Comparison } from "../apps/cli/src/evaluation/comparison.ts";
import { Drawer } from "../apps/cli/src/evaluation/drawer.ts";
import { writeFigure } from "../apps/cli/src/figure-file.ts";
import { grid } from "../apps/cli/src/picture.ts";
import { figure } from "../apps/cli/src/plot.ts";
import { sheetSvg } from "../apps/cli/src/sheet.ts";
import { parametersOf } from "../packages/core/mod.ts";
import { size } from "../packages/core/src/tensor.ts";
import { ddpm, root } from "./ddpm.mjs";

const [steps, seed] = [200, 0];
const point = { sampler: "ddim", steps: 20, count: 256 };
/** What differs from the demo's preset, which has the cosine schedule, Huber's loss and ResNet blocks, in each run. */
const runs = {
  cosine: [],
  linear: ["--diffusion.schedule", "linear"],
  "linear-scaled": ["--diffusion.schedule", "linear-scaled"],
  l1: ["--train.loss", "l1"],
  l2: ["--train.loss", "l2"],
  convnext: ["--model.block", "convnext"],
  "cosine-again": ["--seed", "1"],
  "sigmoid-alpha-bar": ["--diffusion.schedule", "sigmoid-alpha-bar"],
  quadratic: ["--diffusion.schedule", "quadratic"],
  sigmoid: ["--diffusion.schedule", "sigmoid"],
};
/** What stands beside what, and what each run is called there. */
const comparisons = {
  schedules: {
    cosine: "cosine",
    "cosine-again": "cosine, seed 1",
    linear: "linear",
    "linear-scaled": "linear-scaled",
    "sigmoid-alpha-bar": "sigmoid-alpha-bar",
    quadratic: "quadratic",
    sigmoid: "sigmoid",
  },
  losses: { cosine: "huber", "cosine-again": "huber, seed 1", l1: "l1", l2: "l2" },
  blocks: { cosine: "ResNet", "cosine-again": "ResNet, seed 1", convnext: "ConvNeXt" },
};
const data = ["--data", "shapes", "--data.height", "16", "--data.width", "16", "--preset", "demo"];
const often = ["--train.threads", "1", "--train.checkpointEvery", String(steps / 2), "--train.keepLast", "2"];

const folderOf = (name) => join(root, "runs/comparisons", name);
const checkpointOf = (name, step) => join(folderOf(name), `checkpoints/step-${String(step).padStart(6, "0")}.safetensors`);

for (const [name, flags] of Object.entries(runs)) {
  if (existsSync(checkpointOf(name, steps))) continue;
  const begun = existsSync(join(folderOf(name), "config.json"));
  ddpm("train", ...(begun ? ["--resume"] : [...data, ...often, ...flags]), "--steps", String(steps), "--out", folderOf(name));
}

const real = { height: 16, width: 16, conditional: false, flip: true, most: 2048, others: point.count, seed };
const comparison = await Comparison.open("shapes", { device: "tensorflow:cpu", real });
const models = [];
for (const run of Object.keys(runs)) for (const step of [steps / 2, steps]) models.push({ run, step, ...(await drawn(run, step)) });
const { floor, distances } = await comparison.distances(models.map(({ images }) => images));
await comparison[Symbol.asyncDispose]();
const measured = models.map(({ run, step, parameters }, i) => ({ run, step, parameters, ...numbers(distances[i]) }));

const found = {
  date: new Date().toISOString().slice(0, 10),
  machine: `one thread of ${cpus()[0].model}`,
  data: `shapes of 16 × 16, batches of 32, ${steps} steps, the rest as in --preset demo`,
  images: point.count,
  sampler: point.sampler,
  calls: point.steps,
  floor: numbers(floor),
  comparisons: Object.fromEntries(
    Object.entries(comparisons).map(([title, names]) => [
      title,
      Object.entries(names).flatMap(([run, name]) =>
        measured.filter((model) => model.run === run).map(({ run: _, ...model }) => ({ name, ...model })),
      ),
    ]),
  ),
};
writeFileSync(join(root, "docs/data/comparisons.json"), `${JSON.stringify(found, undefined, 2)}\n`);
for (const title of Object.keys(comparisons)) {
  await writeFigure(join(root, `docs/compared-${title}.svg`), await chartOf(title));
  await writeFigure(join(root, `docs/compared-${title}.png`), await sheetOf(title));
}

/** The images of a run after so many steps, and the number of its parameters. */
async function drawn(run, step) {
  const checkpoint = await readToDraw(checkpointOf(run, step), {}, {});
  const flags = { guidance: 1, seed };
  const folder = join(folderOf(run), `evaluation/${step}`);
  const drawer = await Drawer.open(checkpoint, [point], { flags, like: comparison.real.training, folder, sha256: `${run} ${step}` });
  const [images] = await drawer.draw(comparison.backend);
  return { images, parameters: [...parametersOf(checkpoint.config).values()].reduce((sum, { shape }) => sum + size(shape), 0) };
}

function numbers({ fid, kid }) {
  const estimate = ({ mean, error }) => ({ value: mean, error });
  return { fid: estimate(fid.unbiased), kid: estimate(kid) };
}

/** FID over the steps of training. */
function chartOf(title) {
  const own = found.comparisons[title];
  const bar = ({ name, step, fid: { value, error } }) => ({ name, look: "bar", points: [value - error, value + error].map((y) => [step, y]) });
  const lines = Object.values(comparisons[title]).map((name) => ({
    name,
    look: "dotted",
    points: own.filter((model) => model.name === name).map(({ step, fid }) => [step, fid.value]),
  }));
  const panel = { title: "FID in the features of a classifier of shapes", x: "steps of training", y: "FID", curves: [...lines, ...own.map(bar)] };
  const subtitle = `${point.count} pictures by ${point.sampler} with ${point.steps} calls; bars: ± standard error of the measuring, not of training`;
  return figure([panel], { title: `Compared: ${title}`, subtitle, columns: 1, width: 600, height: 260 });
}

/** The first images of each run, from the same noise. */
async function sheetOf(title) {
  const rows = [];
  for (const [run, label] of Object.entries(comparisons[title])) {
    const { dataset } = models.find((model) => model.run === run && model.step === steps).images;
    const images = await Promise.all(Array.from({ length: 12 }, (_, i) => dataset.pixels(i, 0.5)));
    rows.push({ label, cells: images.map((bytes) => ({ picture: enlarged(bytes) })) });
  }
  return sheetSvg({
    title: `Compared: ${title}`,
    subtitle: `after ${steps} steps of training, from the same noise`,
    columns: Array(12).fill(""),
    rows,
  });
}

const enlarged = (bytes) =>
  grid(
    Float32Array.from(bytes, (byte) => byte / 127.5 - 1),
    1,
    16,
    16,
    1,
    { scale: 3, gap: 0 },
  );
