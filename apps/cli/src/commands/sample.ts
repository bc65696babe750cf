import { extname } from "node:path";
import { openDevice } from "@ddpm/backend-node";
import { type Config, imageShape, labelsInRows } from "@ddpm/core";
import { samplers } from "@ddpm/core/diffusion";
import { type Command, Option } from "commander";
import { checkpointHelp } from "../checkpoint-file.ts";
import { labelsOf } from "../class-labels.ts";
import { pictures, picturesHelp } from "../data/pictures.ts";
import {
  checkGuidance,
  draw,
  drawBatches,
  type Edit,
  factsOf,
  howToDraw,
  readToDraw,
  type SamplerFlags,
  type Sampling,
  samplerFlags,
  samplerOption,
  samplerOptions,
} from "../drawing.ts";
import { writerTo } from "../image-writer.ts";
import { maskAt } from "../mask.ts";
import { configOf, configOptions, count, describesModel, deviceOption, positiveShare } from "../options.ts";
import { say } from "../say.ts";
import { readImages } from "../tensor-file.ts";
import { Trajectory } from "../trajectory.ts";
import { UsageError } from "../usage-error.ts";
import { version } from "../version.ts";
import { agree } from "../workers/agreement.ts";
import { asWorker, writes } from "../workers/worker.ts";

interface Options extends SamplerFlags {
  readonly checkpoint: string;
  readonly count: number;
  readonly class?: string;
  readonly init?: string;
  readonly image?: string;
  readonly strength?: number;
  readonly mask?: string;
  readonly repaint?: number;
  readonly out: string;
  readonly trajectory?: string;
  readonly device: string;
}

/** Strength and repaintings unless told. */
const usual = { strength: 0.6, repaint: 5 } as const;

export function sampleCommand(program: Command): void {
  const command = program
    .command("sample")
    .description("Draw images with a trained model; files hold NCHW float32 in [-1, 1]")
    .requiredOption("--checkpoint <file|dir>", checkpointHelp);
  samplerOptions(command, samplerOption("ddpm"))
    .addOption(new Option("--count <n>", "number of images").argParser(count).default(16).conflicts("init"))
    .option("--class <names>", "what to draw, by name or number with commas, or all: a row of the grid for each")
    .option("--init <file>", "safetensors file whose xT [N,C,H,W] replaces the drawn start")
    .addOption(new Option("--image <path>", `start from images in place of noise: ${picturesHelp}`).conflicts("init"))
    .addOption(new Option("--strength <x>", `how far to change --image, to 1 (${usual.strength}; 1 with --mask)`).argParser(positiveShare))
    .option("--mask <file>", "draw anew only the part of --image that is white in this picture")
    .addOption(
      new Option("--repaint <n>", `with --mask: how often to go over each stretch so that it fits (${usual.repaint}; 1 with dpm++)`).argParser(count),
    )
    .requiredOption("--out <path>", "grid.png, samples.safetensors, or a folder for one PNG each")
    .option("--trajectory <file>", "the way from noise to images as well: a strip.png (or .svg) or a moving way.gif")
    .addOption(deviceOption())
    .action(sample);
  configOptions(command, describesModel);
}

async function sample(options: Options, command: Command): Promise<void> {
  checkEditing(options);
  checkGuidance(options);
  const worker = asWorker(options.device);
  const writer = writes(worker) ? await writerTo(options.out) : undefined;
  if (writer && options.trajectory !== undefined) await Trajectory.check(options.trajectory, options.out);
  const xT = options.init === undefined ? undefined : await readImages(options.init, "xT");
  const [, , height, width] = xT?.shape ?? [];
  const checkpoint = await readToDraw(options.checkpoint, configOf({ ...options }, describesModel), {
    ...(height && width && { "data.height": height, "data.width": width }),
  });
  const { config } = checkpoint;
  const how = howToDraw(checkpoint, samplerFlags(command, options), "ddpm");
  checkSampler(how);
  const start = xT?.as([config["model.channels"], config["data.height"], config["data.width"]]);
  const { total, labels, columns } = layout(start?.count ?? options.count, start !== undefined, options.class, config);
  const edit = await editOf(how, config, total);
  const names = labels?.map((label) => config["model.classes"][label]!);
  const trajectory = options.trajectory === undefined ? undefined : new Trajectory(options.trajectory, { columns, names });
  await using backend = await openDevice(options.device, { purpose: "sample", dtype: "float32", threads: worker?.cores, cluster: worker, say });
  const drawing = { total, labels, start: start?.values, edit, trajectory };
  if (backend.workers) await agree(backend, { ...factsOf(checkpoint, how, drawing), ...way(options), device: backend.name, version });
  if (!writer) {
    for await (const _ of drawBatches(backend, checkpoint, how, drawing)); // the first worker has them, too
    return;
  }
  const values = await draw(backend, checkpoint, how, drawing);
  await writer(values, imageShape(config, total), columns);
  await trajectory?.write();
  const by = backend.workers ? ` by ${backend.workers.count} workers` : "";
  const andWay = options.trajectory === undefined ? "" : `, and the way there: ${options.trajectory}`;
  process.stdout.write(`Drew ${total} images with ${how.sampler} on ${backend.name}${by}: ${options.out}${andWay}\n`);
}

/** What a trajectory shows depends on its kind, which all workers have to know. */
const way = ({ trajectory }: Options): { trajectory?: string } => (trajectory === undefined ? {} : { trajectory: extname(trajectory) });

interface Layout {
  readonly total: number;
  readonly labels?: readonly number[];
  readonly columns?: number;
}

/** Each class in a row of the grid, all rows of one length: as many images as asked for or, unless that is `fixed`, a few more. */
function layout(count: number, fixed: boolean, names: string | undefined, config: Config): Layout {
  if (names === undefined) return { total: count };
  const classes = labelsOf(names, config);
  if (classes.length === 1) return { total: count, labels: Array.from({ length: count }, () => classes[0]!) };
  const rows = labelsInRows(classes, count);
  return { ...rows, total: fixed ? count : rows.labels.length };
}

function checkEditing({ image, mask, strength, repaint }: Options): void {
  const needs = (flag: string, other: string): UsageError => new UsageError(`Expected ${other} with ${flag} but found ${flag} alone; add ${other}`);
  if (strength !== undefined && image === undefined) throw needs("--strength", "--image");
  if (mask !== undefined && image === undefined) throw needs("--mask", "--image");
  if (repaint !== undefined && mask === undefined) throw needs("--repaint", "--mask");
}

/** Throws a UsageError for a sampler that cannot do what a mask asks of it. */
function checkSampler({ mask, repaint, sampler }: Options & Sampling): void {
  if (mask !== undefined && sampler === "heun")
    throw new UsageError("Expected a --sampler for --mask that corrects no step but found heun; choose another");
  if (repaint !== undefined && repaint > 1 && samplers[sampler].chained)
    throw new UsageError(
      `Expected a --sampler for --repaint whose steps do not build on each other but found ${sampler}; choose ddpm, ddim or euler`,
    );
}

async function editOf({ image, mask, strength, repaint, sampler }: Options & Sampling, config: Config, total: number): Promise<Edit | undefined> {
  if (image === undefined) return undefined;
  const { count, values } = await pictures(image, config, total);
  const elements = values.length / count;
  const images = Float32Array.from({ length: total * elements }, (_, i) => values[i % values.length]!);
  return {
    images,
    mask: mask === undefined ? undefined : await maskAt(mask, config),
    strength: strength ?? (mask === undefined ? usual.strength : 1),
    repaint: repaint ?? (samplers[sampler].chained ? 1 : usual.repaint),
  };
}
