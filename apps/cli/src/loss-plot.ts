import { existsSync } from "node:fs";
import { basename } from "node:path";
import { writeFigure } from "./figure-file.ts";
import { Losses, lossFigure } from "./loss-figure.ts";
import type { RunFolder } from "./run-folder.ts";
import type { LogLine } from "./training-log.ts";

/** A run's loss.svg, which is drawn anew as the run goes on. */
export class LossPlot {
  readonly #path: string;
  readonly #losses: Losses;

  private constructor(path: string, losses: Losses) {
    this.#path = path;
    this.#losses = losses;
  }

  /** With what the run's log holds. Throws as `Losses.read` does. */
  static async open(folder: RunFolder): Promise<LossPlot> {
    const [log, name] = [folder.file("log.jsonl"), basename(folder.path)];
    return new LossPlot(folder.file("loss.svg"), existsSync(log) ? await Losses.read(log, name) : new Losses(name));
  }

  add(line: LogLine): void {
    this.#losses.add(line);
  }

  async draw(): Promise<void> {
    await writeFigure(this.#path, await lossFigure([this.#losses]));
  }
}
