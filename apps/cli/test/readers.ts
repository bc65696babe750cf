import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";

import { configure, encodeModel, initialState, parametersFrom, presets, toDiffusers, trainingStep } from "@ddpm/core";
import { decode, encode } from "@ddpm/core/safetensors";

import { mutated, mutatedJson, type Random, withHeader } from "@ddpm/torture/mutation";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { ZipFile } from "yazl";
import { readCheckpoint } from "../src/checkpoint-file.ts";
import { openDataset } from "../src/data/index.ts";
import { pictures } from "../src/data/pictures.ts";
import { RunFolder } from "../src/run-folder.ts";
import { readImages } from "../src/tensor-file.ts";
import { logLines } from "../src/training-log.ts";

/** A reader of files from outside: files that it takes, how they are spoiled, and how it is asked for all that it reads. */
export interface Reader {
  readonly files: readonly Uint8Array[];
  spoil?(files: readonly Uint8Array[], draw: Random): Uint8Array;
  /** Reads bytes, for which it has a folder of its own. */
  read(bytes: Uint8Array, folder: string): Promise<void>;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function written(folder: string, name: string, bytes: Uint8Array): string {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
}

/** Takes the first images of a data set, at a size of its own so that all are decoded. */
async function taken(path: string): Promise<void> {
  const data = await openDataset(path, { height: 6, width: 6 });
  for (let i = 0; i < Math.min(4, data.count); i++) {
    await data.pixels(i, 0.5);
    data.label?.(i);
  }
}

const config = configure(presets.tiny, { "model.dim": 4, "model.dimMults": [1], "model.classes": ["a", "b"] });
const training = trainingStep(config);
const model = parametersFrom(training.scope, initialState(training, 0));

/** With a header that is JSON still, at times. */
function spoiltSafetensors(files: readonly Uint8Array[], draw: Random): Uint8Array {
  if (draw() < 0.5) return mutated(files, draw);
  return withHeader(files[Math.floor(draw() * files.length)]!, (json) => mutatedJson(json, draw));
}

const spoiltJson = (files: readonly Uint8Array[], draw: Random): Uint8Array =>
  draw() < 0.3 ? mutated(files, draw) : Buffer.from(mutatedJson(text(files[0]!), draw));

/** Pictures in every format and colour. */
async function images(): Promise<Uint8Array[]> {
  const raw = (channels: 1 | 3 | 4) =>
    sharp(
      Uint8Array.from({ length: 9 * 7 * channels }, (_, i) => (i * 37) % 256),
      { raw: { width: 9, height: 7, channels } },
    );
  const [grey, colour, clear] = [raw(1), raw(3), raw(4)];
  return Promise.all([
    grey.clone().png().toBuffer(),
    colour.clone().png({ palette: true }).toBuffer(),
    clear.clone().png({ progressive: true }).toBuffer(),
    grey.clone().jpeg().toBuffer(),
    colour
      .clone()
      .jpeg({ progressive: true })
      .withExif({ IFD0: { Copyright: "nobody" } })
      .toBuffer(),
    colour.clone().webp().toBuffer(),
    clear.clone().webp({ lossless: true }).toBuffer(),
    colour.clone().gif().toBuffer(),
  ]);
}

async function archive(files: readonly Uint8Array[]): Promise<Uint8Array> {
  const zip = new ZipFile();
  for (const [i, file] of files.entries()) zip.addBuffer(Buffer.from(file), `${i % 2}/${i}.png`, { compress: i % 3 > 0 });
  zip.end();
  return buffer(zip.outputStream as never);
}

function idx(...shape: number[]): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x800 + shape.length);
  for (const [i, n] of shape.entries()) header.writeUInt32BE(n, 4 + 4 * i);
  return new Uint8Array(
    Buffer.concat([
      header,
      Buffer.alloc(
        shape.reduce((a, b) => a * b),
        7,
      ),
    ]),
  );
}

function parquet(files: readonly Uint8Array[], codec: "UNCOMPRESSED" | "SNAPPY"): Uint8Array {
  const rows = Array.from({ length: 12 }, (_, i) => files[i % files.length]!);
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: "image", data: rows, type: "BYTE_ARRAY" },
        { name: "label", data: rows.map((_, i) => i % 3), type: "INT32" },
      ],
      codec,
      rowGroupSize: 5,
    }),
  );
}

/** A state as a run saves it, with its manifest. */
async function savedState(): Promise<{ readonly state: Uint8Array; readonly manifest: Uint8Array }> {
  const path = mkdtempSync(join(tmpdir(), "ddpm-"));
  try {
    await new RunFolder(path).save(config, training, { state: initialState(training, 0), timesteps: new Map(), step: 5, device: "none" });
    const [manifest, state] = ["json", "safetensors"].map((ending) => readFileSync(join(path, `states/step-000005.${ending}`)));
    return { state: state!, manifest: manifest! };
  } finally {
    rmSync(path, { recursive: true });
  }
}

const wide = configure({ "model.architecture": "ddpm", "model.dim": 4, "model.dimMults": [1, 2], "data.height": 8, "data.width": 8 });

/** A folder that diffusers could have saved, of which one JSON file is spoilt. */
function ofDiffusers(name: string): Reader {
  const { scope } = trainingStep(wide);
  const weights = encodeModel(parametersFrom(scope, scope.initialValues(0)));
  const files = Object.entries(toDiffusers(wide, new Map()).files).map(([name, json]) => [name, Buffer.from(JSON.stringify(json))] as const);
  return {
    files: [new Map(files).get(name)!],
    spoil: spoiltJson,
    read: async (bytes, folder) => {
      for (const part of ["unet", "scheduler"]) mkdirSync(join(folder, part), { recursive: true });
      for (const [name, json] of files) written(folder, name, json);
      written(folder, "unet/diffusion_pytorch_model.safetensors", weights);
      written(folder, name, bytes);
      await readCheckpoint(folder);
    },
  };
}

/** A folder of diffusers whose weights are in two files, of which the index is spoilt. */
function sharded(): Reader {
  const { scope } = trainingStep(wide);
  const { tensors } = decode(encodeModel(parametersFrom(scope, scope.initialValues(0))));
  const shards = [0, 1].map((k) => [`${k}.safetensors`, new Map([...tensors].filter((_, i) => i % 2 === k))] as const);
  const map = shards.flatMap(([file, part]) => [...part.keys()].map((name) => [name, file]));
  return {
    files: [Buffer.from(JSON.stringify({ metadata: { total_size: 1 }, weight_map: Object.fromEntries(map) }))],
    spoil: spoiltJson,
    read: async (bytes, folder) => {
      written(folder, "config.json", Buffer.from(JSON.stringify(toDiffusers(wide, new Map()).files["unet/config.json"])));
      for (const [name, part] of shards) written(folder, name, encode(part));
      written(folder, "diffusion_pytorch_model.safetensors.index.json", bytes);
      await readCheckpoint(folder);
    },
  };
}

/** All readers by the name of what they read. */
export async function readers(): Promise<Readonly<Record<string, Reader>>> {
  const [all, saved] = [await images(), await savedState()];
  const half = encodeModel(model, { config, step: 3 }, { dtype: "F16" });
  const lines = Array.from({ length: 5 }, (_, i) => JSON.stringify({ step: i + 1, epoch: 0, loss: 0.5, lossQ1: 0.25 }));
  return {
    safetensors: {
      files: [encodeModel(model, { config, step: 3 }), half, encodeModel(model)],
      spoil: spoiltSafetensors,
      read: async (bytes, folder) => void (await readCheckpoint(written(folder, "model.safetensors", bytes), { "model.groups": 1 })),
    },
    "UNet2DModel of diffusers": ofDiffusers("unet/config.json"),
    "DDPMScheduler of diffusers": ofDiffusers("scheduler/scheduler_config.json"),
    "index of weights of diffusers": sharded(),
    "tensors of images": {
      files: [encode(new Map([["samples", { shape: [2, 1, 4, 4], data: new Float32Array(32) }]]))],
      spoil: spoiltSafetensors,
      read: async (bytes, folder) => void (await readImages(written(folder, "x.safetensors", bytes), "samples")).as([1, 4, 4]),
    },
    "config.json": {
      files: [Buffer.from(JSON.stringify(config))],
      spoil: spoiltJson,
      read: async (bytes, folder) => {
        written(folder, "config.json", bytes);
        await new RunFolder(folder).config();
      },
    },
    "log.jsonl": {
      files: [Buffer.from(`${lines.join("\n")}\n`)],
      spoil: (files, draw) => (draw() < 0.5 ? mutated(files, draw) : Buffer.from(mutatedJson(lines[0]!, draw).concat("\n", lines[1]!))),
      read: async (bytes, folder) => {
        for await (const _ of logLines(written(folder, "log.jsonl", bytes)));
      },
    },
    "states and manifests": {
      files: [saved.manifest],
      spoil: spoiltJson,
      read: async (bytes, folder) => {
        mkdirSync(join(folder, "states"), { recursive: true });
        written(folder, "states/step-000005.safetensors", saved.state);
        written(folder, "states/step-000005.json", bytes);
        await new RunFolder(folder).load(config, training);
      },
    },
    idx: { files: [idx(5, 6, 6), idx(2, 9, 7)], read: (bytes, folder) => taken(written(folder, "images-idx3-ubyte", bytes)) },
    "idx in gzip": {
      files: [gzipSync(idx(5, 6, 6)), gzipSync(idx(2, 9, 7))],
      spoil: (files, draw) => (draw() < 0.5 ? mutated(files, draw) : gzipSync(mutated([idx(5, 6, 6)], draw))),
      read: (bytes, folder) => taken(written(folder, "images-idx3-ubyte.gz", bytes)),
    },
    CIFAR: { files: [new Uint8Array(3073 * 3).fill(3)], read: (bytes, folder) => taken(written(folder, "data_batch_1.bin", bytes)) },
    "PNG, JPEG, WebP, GIF": {
      files: all,
      read: async (bytes, folder) => void (await pictures(written(folder, "picture.png", bytes), config, 1)),
    },
    "folders of images": {
      files: all,
      read: (bytes, folder) => {
        written(folder, "picture.png", bytes);
        return taken(folder);
      },
    },
    zip: { files: [await archive(all), await archive(all.slice(0, 1))], read: (bytes, folder) => taken(written(folder, "images.zip", bytes)) },
    parquet: {
      files: [parquet(all, "UNCOMPRESSED"), parquet(all.slice(0, 2), "SNAPPY")],
      read: (bytes, folder) => taken(written(folder, "images.parquet", bytes)),
    },
  };
}
