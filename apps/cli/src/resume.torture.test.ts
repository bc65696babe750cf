import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openDevice } from "@ddpm/backend-node";
import { type Config, configure, presets, trainingStep } from "@ddpm/core";
import { normals, stream, uniforms } from "@ddpm/core/random";
import { figure, long, seed, times } from "@ddpm/torture";
import { encode } from "fast-png";
import { openDataset } from "./data/index.ts";
import { Interrupted } from "./interrupt.ts";
import { RunFolder } from "./run-folder.ts";
import { trainLoop } from "./training-loop.ts";

const root = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(root, { recursive: true, force: true }));
const pictures = join(root, "pictures");
const steps = 16;

/** Pictures of two classes, larger than the model's, so that there is something to crop; an odd number, so that the last batch of an epoch is padded. */
before(() => {
  for (const [i, name] of ["a", "b"].entries()) {
    mkdirSync(join(pictures, name), { recursive: true });
    for (let n = 0; n < 7 + i; n++) {
      const data = Uint8Array.from(normals(stream(n, "noise", i + 1), 12 * 10), (z) => 128 + 40 * z);
      writeFileSync(join(pictures, name, `${n}.png`), encode({ width: 12, height: 10, channels: 1, data }));
    }
  }
});

const base: Partial<Config> = {
  "data.name": "shapes",
  "data.height": 8,
  "data.width": 8,
  "train.batch": 4,
  "train.sampleEvery": 1000,
  "train.checkpointEvery": 3,
};

/** In short the first is tried in float32 and the second in bf16. */
const cases: Readonly<Record<string, Partial<Config>>> = {
  "streamed pictures by class, cropped at random and mirrored, in two parts of a step, the best kept": {
    "data.name": pictures,
    "data.crop": "random",
    "model.classes": ["a", "b"],
    "train.classDropout": 0.4,
    "train.accumulate": 2,
    "train.keepBest": true,
  },
  "a learned variance by importance sampling, warm-up, decay, clipping, dropout and several averages": {
    "diffusion.variance": "learned",
    "diffusion.schedule": "linear",
    "train.timesteps": "importance",
    "train.warmup": 4,
    "train.lrDecay": "cosine",
    "train.decaySteps": steps,
    "train.clip": 0.5,
    "model.dropout": 0.2,
    "train.emaAlso": [0.5, 0.9],
  },
  "nothing but the defaults": {},
  "ConvNeXt, velocity, min-SNR and zero terminal SNR": {
    "model.block": "convnext",
    "diffusion.objective": "v",
    "diffusion.zeroTerminalSnr": true,
    "train.minSnr": 5,
    "train.lrDecay": "linear",
    "train.decaySteps": steps,
  },
  "steps that are all skipped from the third on": { "train.lr": 1e30, "train.maxSkips": steps },
};
for (const [i, dtype] of (["float32", "bf16"] as const).entries()) {
  const tried = long ? Object.entries(cases) : [Object.entries(cases)[i]!];
  test(`a run in ${dtype} that is stopped at any moment ends with the same bytes`, { timeout: 3_600_000 }, async (t) => {
    await using backend = await openDevice("tensorflow:cpu", { purpose: "train", dtype, say: () => {} });
    const draws = random(seed);
    const counts = { stops: 0, runs: 0 };
    for (const [name, part] of tried) {
      await t.test(name, async () => {
        const config = configure(presets.tiny, base, part, { "train.dtype": dtype });
        const conditional = config["model.classes"].length > 0;
        const open = () => openDataset(config["data.name"], { height: 8, width: 8, channels: 1, crop: config["data.crop"], conditional });
        const trained = async (folder: RunFolder, to: number, resume: boolean) =>
          trainLoop({ backend, config, dataset: await open(), folder, steps: to, resume });
        const whole = new RunFolder(mkdtempSync(join(root, "whole-")));
        await whole.prepare();
        await trained(whole, steps, false);

        for (let i = 0; i < times({ short: 1, long: 12 }); i++) {
          const parts = new RunFolder(mkdtempSync(join(root, "parts-")));
          await parts.prepare();
          let [at, stops] = [1 + Math.floor(draws() * 6), 0];
          await trained(parts, at, false);
          for (; at < steps; stops++) at = await reached(() => trained(parts, steps, true), stops < 2 ? 40 + 600 * draws() : undefined);
          counts.stops += stops;
          counts.runs++;
          assert.deepEqual(await told(parts, config), await told(whole, config));
        }
      });
    }
    figure(`Resumed in ${dtype}: ${counts.runs} runs of ${tried.length} kinds, stopped ${counts.stops} times, all with the same bytes`);
  });
}

/** The step that a training reaches, where Ctrl-C may come after some milliseconds. */
async function reached(work: () => Promise<unknown>, interruptAfter: number | undefined): Promise<number> {
  const timer = interruptAfter === undefined ? undefined : setTimeout(() => process.emit("SIGINT", "SIGINT"), interruptAfter);
  try {
    await work();
    return steps;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return Number(/step (\d+)/.exec(error.message)![1]);
  } finally {
    clearTimeout(timer);
  }
}

/** All that a run leaves and that must not depend on where it was stopped. */
async function told(folder: RunFolder, config: Config): Promise<unknown> {
  const models = readdirSync(folder.path).filter((name) => /^(model.*|best)\.safetensors$/.test(name));
  const saved = await folder.load(config, trainingStep(config));
  return {
    models: models.sort().map((name) => [name, readFileSync(folder.file(name)).toString("base64")]),
    saved,
    log: readFileSync(folder.file("log.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => {
        const { seconds: _, wait: __, imagesPerSecond: ___, ...facts } = JSON.parse(line) as Record<string, number>;
        return facts;
      }),
  };
}

/** Numbers in [0, 1) in a row of their own. */
function random(seed: number): () => number {
  let n = 0;
  return () => uniforms(stream(seed, "start", ++n), 4)[0]!;
}
