import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openDevice } from "@ddpm/backend-node";
import { configure, presets, shapes } from "@ddpm/core";
import { figure, times } from "@ddpm/torture";
import { RunFolder } from "./run-folder.ts";
import { trainLoop } from "./training-loop.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const steps = times({ short: 1500, long: 20_000 });
const batch = 4;
/** What may be lost in all of the second half of the steps, in MiB: what allocators keep varies. */
const allowed = { heap: 2, arrays: 2, resident: 24 };

test(`memory stays the same in ${steps} steps of training`, { timeout: 3_600_000 }, async () => {
  const path = mkdtempSync(join(tmpdir(), "ddpm-"));
  try {
    const config = configure(presets.tiny, {
      "data.height": 8,
      "data.width": 8,
      "train.batch": batch,
      "train.sampleEvery": Math.floor(steps / 8),
      "train.checkpointEvery": Math.floor(steps / 8),
    });
    const folder = new RunFolder(path);
    await folder.prepare();
    await using backend = await openDevice("tensorflow:cpu", { purpose: "train", dtype: "float32", say: () => {} });
    const watch = new MemoryWatch(steps);
    const all = shapes({ height: 8, width: 8 });
    const pixels: typeof all.pixels = (...args) => {
      watch.look();
      return all.pixels(...args);
    };
    await trainLoop({ backend, config, dataset: { ...all, pixels }, folder, steps, resume: false });
    const growth = watch.growth();
    figure(`Memory in ${steps} steps: ${watch}`);
    for (const [kind, most] of Object.entries(allowed))
      assert.ok(growth[kind as Kind] <= most, `${kind} grew by ${growth[kind as Kind]} MiB: ${watch}`);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
});

type Kind = keyof typeof allowed;

/** Looks at the process's memory fifty times in the second half of `steps`, when everything is warm. */
class MemoryWatch {
  readonly #images: number;
  readonly #seen: { readonly step: number; readonly mib: Readonly<Record<Kind, number>> }[] = [];
  #looks = 0;

  constructor(steps: number) {
    this.#images = steps * batch;
  }

  /** Called for each image. */
  look(): void {
    this.#looks++;
    if (this.#looks < this.#images / 2 || this.#looks % Math.floor(this.#images / 100) !== 0) return;
    collect();
    const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
    this.#seen.push({ step: this.#looks / batch, mib: { heap: heapUsed / 2 ** 20, arrays: arrayBuffers / 2 ** 20, resident: rss / 2 ** 20 } });
  }

  /** MiB in all of the second half, by the line of least squares. */
  growth(): Record<Kind, number> {
    return mapped((kind) => {
      const [x, y] = [this.#seen.map(({ step }) => step), this.#seen.map(({ mib }) => mib[kind])];
      const [meanX, meanY] = [mean(x), mean(y)];
      const slope = mean(x.map((a, i) => (a - meanX) * (y[i]! - meanY))) / mean(x.map((a) => (a - meanX) ** 2));
      return slope * (x.at(-1)! - x[0]!);
    });
  }

  toString(): string {
    const growth = this.growth();
    const of = (kind: Kind): string => {
      const last = this.#seen.at(-1)!.mib[kind];
      return `${kind} ${last.toFixed(1)} MiB, ${growth[kind] < 0 ? "" : "+"}${growth[kind].toFixed(2)} MiB in the last ${this.#seen.at(-1)!.step - this.#seen[0]!.step} steps`;
    };
    return Object.keys(allowed)
      .map((kind) => of(kind as Kind))
      .join("; ");
  }
}

const mapped = <T>(of: (kind: Kind) => T): Record<Kind, T> =>
  Object.fromEntries(Object.keys(allowed).map((kind) => [kind, of(kind as Kind)])) as Record<Kind, T>;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
