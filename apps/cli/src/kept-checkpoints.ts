import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Config, decodeModel, encodeModel, type ParameterValue } from "@ddpm/core";
import { absent, makeFolder, writeAtomically } from "./files.ts";
import type { RunFolder } from "./run-folder.ts";

/** The checkpoints that a run keeps besides its model.safetensors: those of its last saves, and the one with the lowest mean training loss. */
export class KeptCheckpoints {
  readonly #folder: RunFolder;
  readonly #config: Config;
  /** Of the last `train.checkpointEvery` steps. */
  readonly #losses: number[];
  #lowest: number;

  private constructor(folder: RunFolder, config: Config, losses: number[], lowest: number) {
    [this.#folder, this.#config, this.#losses, this.#lowest] = [folder, config, losses, lowest];
  }

  /** Knows what a run that goes on has kept; its log ends at the step it goes on from. */
  static async open(folder: RunFolder, config: Config): Promise<KeptCheckpoints> {
    if (!config["train.keepBest"]) return new KeptCheckpoints(folder, config, [], Number.POSITIVE_INFINITY);
    const bytes = await readFile(folder.file("best.safetensors")).catch(absent);
    const lowest = (bytes && decodeModel(bytes).metadata?.loss) ?? Number.POSITIVE_INFINITY;
    return new KeptCheckpoints(folder, config, await folder.losses(config["train.checkpointEvery"]), lowest);
  }

  add(loss: number): void {
    this.#losses.push(loss);
    if (this.#losses.length > this.#config["train.checkpointEvery"]) this.#losses.shift();
  }

  /** Keeps a model; `regular` are the saves that a run makes whether or not it is stopped in between, and only these can be the best. */
  async save(model: ReadonlyMap<string, ParameterValue>, step: number, { regular }: { readonly regular: boolean }): Promise<void> {
    if (this.#config["train.keepLast"] > 0) await this.#keepLast(encodeModel(model, { config: this.#config, step }), step);
    const loss = this.#losses.reduce((a, b) => a + b, 0) / this.#losses.length;
    if (!this.#config["train.keepBest"] || !regular || !(loss < this.#lowest)) return;
    await writeAtomically(this.#folder.file("best.safetensors"), encodeModel(model, { config: this.#config, step, loss }));
    this.#lowest = loss;
  }

  async #keepLast(bytes: Uint8Array, step: number): Promise<void> {
    const folder = this.#folder.file("checkpoints");
    await makeFolder(folder);
    await writeAtomically(join(folder, `step-${String(step).padStart(6, "0")}.safetensors`), bytes);
    const stepOf = (name: string): number => Number(/^step-(\d+)\.safetensors$/.exec(name)![1]);
    const kept = (await readdir(folder)).filter((name) => /^step-\d+\.safetensors$/.test(name)).sort((a, b) => stepOf(a) - stepOf(b));
    for (const name of kept.slice(0, -this.#config["train.keepLast"])) await rm(join(folder, name));
  }
}
