import { type Config, parametersFrom, type TrainingStep } from "@ddpm/core";
import { isRefusal } from "./files.ts";
import { KeptCheckpoints } from "./kept-checkpoints.ts";
import { LossPlot } from "./loss-plot.ts";
import type { RunFolder, Saved } from "./run-folder.ts";
import { logStep } from "./step-log.ts";
import { EventWriter } from "./tensorboard.ts";
import { type LogLine, TrainingLog } from "./training-log.ts";

/** What a training writes as it goes. Where the disk refuses, that is said and the training goes on; what was written before stays whole. */
export class RunRecord implements AsyncDisposable {
  readonly #folder: RunFolder;
  readonly #config: Config;
  readonly #log: TrainingLog;
  readonly #plot: LossPlot;
  readonly #kept: KeptCheckpoints;
  readonly #refused = new Set<string>();
  readonly events: EventWriter;
  #saved: number;
  #savedAt = performance.now();

  private constructor(
    folder: RunFolder,
    config: Config,
    start: number,
    parts: { readonly log: TrainingLog; readonly plot: LossPlot; readonly kept: KeptCheckpoints; readonly events: EventWriter },
  ) {
    [this.#folder, this.#config, this.#saved] = [folder, config, start];
    [this.#log, this.#plot, this.#kept, this.events] = [parts.log, parts.plot, parts.kept, parts.events];
  }

  /** Of a training that goes on after step `start`, which its log is taken back to. */
  static async open(folder: RunFolder, config: Config, start: number): Promise<RunRecord> {
    await folder.tidy(start);
    const log = await TrainingLog.open(folder.path, start);
    const [plot, kept] = [await LossPlot.open(folder), await KeptCheckpoints.open(folder, config)];
    return new RunRecord(folder, config, start, { log, plot, kept, events: await EventWriter.open(folder.path, start) });
  }

  /** The step that was saved last, 0 for none. */
  get saved(): number {
    return this.#saved;
  }

  /** Whether a checkpoint is due after `step`, by steps or by time. */
  due(step: number): boolean {
    const minutes = this.#config["train.checkpointMinutes"];
    return step % this.#config["train.checkpointEvery"] === 0 || (minutes > 0 && performance.now() - this.#savedAt >= 60_000 * minutes);
  }

  async add(line: LogLine & { readonly step: number; readonly loss: number }): Promise<void> {
    await this.#try("the log", () => logStep(this.#log, this.events, line));
    this.#plot.add(line);
    this.#kept.add(line.loss);
  }

  /** Draws loss.svg. */
  async plot(): Promise<void> {
    await this.#try("loss.svg", () => this.#plot.draw());
  }

  /** Tries to write something that a run can do without. */
  async write(what: string, work: () => Promise<void>): Promise<void> {
    await this.#try(what, work);
  }

  /** Saves a checkpoint; `last` is one without another after it, which has to succeed. */
  async save(training: TrainingStep, now: Saved, { last, ends }: { readonly last: boolean; readonly ends: boolean }): Promise<void> {
    this.#savedAt = performance.now();
    const { state, step } = now;
    try {
      await this.#log.sync();
      const averages = parametersFrom(training.scope, training.scope.unpackValues(state.get("ema")!));
      // Before the state: what is kept of a step that a crash then undoes is written again by the run that goes on
      await this.#kept.save(averages, step, { regular: ends || step % this.#config["train.checkpointEvery"] === 0 });
      await this.#folder.save(this.#config, training, now);
      this.#saved = step;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const { message } = error as Error;
      if (last) throw new Error(`${message}; ${keptOf(this.#saved)}`, { cause: error });
      process.stderr.write(`Could not save step ${step}: ${message}; ${keptOf(this.#saved)}, and the next checkpoint is tried when it is due\n`);
    }
  }

  async flush(): Promise<void> {
    await this.#try("TensorBoard's events", () => this.events.flushWhenDue());
  }

  async #try(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (!this.#refused.has(what)) process.stderr.write(`Could not write ${what}: ${(error as Error).message}; training goes on without\n`);
      this.#refused.add(what);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#try("TensorBoard's events", () => this.events.close());
    await this.#log[Symbol.asyncDispose]();
  }
}

/** What is left of a training that cannot go on. */
export const keptOf = (saved: number): string => (saved > 0 ? `the checkpoint of step ${saved} stays as it was` : "nothing was saved yet");
