import { access, constants, readdir, readFile, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import {
  type Checkpoint,
  type CheckpointMetadata,
  type Config,
  configure,
  decodeModel,
  encodeModel,
  type Numbers,
  parametersFrom,
  type State,
  type TrainingStep,
} from "@ddpm/core";
import { absent, makeFolder, temporaryEnding, writeAtomically } from "./files.ts";
import { refuseEdited } from "./run-config.ts";
import { RunLock } from "./run-lock.ts";
import { SavedStates } from "./saved-states.ts";
import { logLines } from "./training-log.ts";

/** What a training state holds for each parameter besides its value: moments and averages, in files under `m/…`, `v/…`, `ema/…`, … */
const partsOf = ({ averages }: TrainingStep): string[] => ["m", "v", ...averages];

/** Before the names of what timesteps have learnt. */
const timestepsPrefix = "timesteps/";

/** A training at a step. */
export interface Saved {
  readonly state: State;
  /** What timesteps have learnt: see `TimestepSampling`. */
  readonly timesteps: State;
  readonly step: number;
  /** What trained it. */
  readonly device: string;
}

/** A folder that holds a training run: config.json, model.safetensors, states/, log.jsonl, loss.svg, TensorBoard events and samples/. */
export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async exists(): Promise<boolean> {
    return stat(this.file("config.json")).then(
      () => true,
      () => false,
    );
  }

  async create(config: Config): Promise<void> {
    await writeAtomically(this.file("config.json"), `${JSON.stringify(config, undefined, 2)}\n`);
  }

  /** Makes the folders. Throws where it may not write. */
  async prepare(): Promise<void> {
    try {
      await makeFolder(this.file("samples"));
      for (const folder of [this.path, this.file("samples")]) await access(folder, constants.W_OK);
    } catch (error) {
      throw new Error(`Expected a folder to write to at ${this.path} but found ${(error as Error).message}; choose another --out`, { cause: error });
    }
  }

  async config(): Promise<Config> {
    const text = await readFile(this.file("config.json"), "utf8");
    try {
      return configure(parsed(text));
    } catch (error) {
      throw new SyntaxError(
        `${this.file("config.json")}: ${(error as Error).message}; put back what was there, or start a new run in another --out`,
        {
          cause: error,
        },
      );
    }
  }

  /** Alone to write to this run from now on. Throws where another process is. */
  lock(): Promise<RunLock> {
    return RunLock.take(this.file("lock"));
  }

  /**
   * Writes the averaged weights as models, `ema` as model.safetensors, others as model-ema-….safetensors, then the whole state with what timesteps have
   * learnt. All of it outlasts a crash at any moment: see `SavedStates`.
   */
  async save(config: Config, training: TrainingStep, { state, timesteps, step, device }: Saved): Promise<void> {
    const { scope } = training;
    const tensors = (values: State, prefix = "") => [...parametersFrom(scope, values)].map(([name, value]) => [prefix + name, value] as const);
    const others = partsOf(training).flatMap((part) => tensors(scope.unpackValues(state.get(part)!), `${part}/`));
    const learnt = [...timesteps].map(
      ([name, values]) => [timestepsPrefix + name, { shape: [values.length], data: Float32Array.from(values) }] as const,
    );
    const all = encodeModel(new Map([...tensors(state), ...others, ...learnt]), { config, step, device });
    const models = this.#models(config, training, { state, step });
    for (const [name, bytes] of models) await writeAtomically(this.file(name), bytes);
    await this.#states.save(step, all, models);
  }

  /** What was saved last and is whole, with its models put back where they are not as they were saved; nothing where none was saved. */
  async load(config: Config, training: TrainingStep): Promise<Saved | undefined> {
    await this.#refuseOlder();
    const found = await this.#states.newest((line) => process.stderr.write(`${line}\n`));
    if (!found) return undefined;
    try {
      const { parameters, metadata } = decodeModel(found.bytes);
      if (!metadata) throw new Error("Cannot go on from a state without metadata");
      refuseEdited(metadata.config, config);
      const saved = savedIn(parameters, metadata, training);
      for (const [name, bytes] of this.#models(metadata.config, training, saved))
        if (!found.matches(name, await readFile(this.file(name)).catch(absent))) await writeAtomically(this.file(name), bytes);
      return saved;
    } catch (error) {
      throw new SyntaxError(`${found.path}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** What to say where the disk has no room for the checkpoints of a training, if anything. */
  async spaceWarning({ scope, averages }: TrainingStep): Promise<string | undefined> {
    const { bavail, bsize } = await statfs(this.path);
    const [free, needed] = [bavail * bsize, 4 * scope.count * (3 * (3 + averages.length) + 2 * averages.length)]; // three states at a time, two models
    if (free >= needed) return undefined;
    const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
    return `The disk of ${this.path} has ${mib(free)} free where checkpoints need ${mib(needed)}; make room, or choose another --out`;
  }

  /** Removes what a crash left in part, and states after `step`, from which the run goes on. */
  async tidy(step: number): Promise<void> {
    await this.#states.tidy(step);
    for (const folder of [this.path, this.file("samples"), this.file("checkpoints")])
      for (const name of (await readdir(folder).catch(absent)) ?? [])
        if (name.endsWith(temporaryEnding)) await rm(join(folder, name), { force: true });
  }

  get #states(): SavedStates {
    return new SavedStates(this.file("states"));
  }

  #models(config: Config, { scope, averages }: TrainingStep, { state, step }: Pick<Saved, "state" | "step">): Map<string, Uint8Array> {
    const model = (name: string) => encodeModel(parametersFrom(scope, scope.unpackValues(state.get(name)!)), { config, step });
    return new Map(averages.map((name) => [name === "ema" ? "model.safetensors" : `model-${name}.safetensors`, model(name)]));
  }

  async #refuseOlder(): Promise<void> {
    const path = this.file("state.safetensors");
    if (!(await stat(path).catch(absent))) return;
    throw new Error(`Expected the run's states in ${this.file("states")} but found ${path}, of an older version; start a new run in another --out`);
  }

  /** The last `count` losses of the log. */
  async losses(count: number): Promise<number[]> {
    const losses: number[] = [];
    for await (const { loss } of logLines(this.file("log.jsonl"))) {
      losses.push(loss!);
      if (losses.length > count) losses.shift();
    }
    return losses;
  }
}

/** What a state's file says of a training. */
function savedIn(parameters: Checkpoint["parameters"], { step, device = "" }: CheckpointMetadata, training: TrainingStep): Saved {
  const { scope } = training;
  const values = (prefix = "") => new Map([...scope.parameters.keys()].map((name) => [name, required(parameters, prefix + name)]));
  const others = partsOf(training).map((part) => [part, scope.packValues(values(`${part}/`))] as const);
  const learnt = [...parameters].filter(([name]) => name.startsWith(timestepsPrefix));
  const timesteps = new Map(learnt.map(([name, { data }]) => [name.slice(timestepsPrefix.length), data]));
  return { state: new Map([...values(), ...others]), timesteps, step, device };
}

function required(parameters: Checkpoint["parameters"], name: string): Numbers {
  const value = parameters.get(name);
  if (!value) throw new Error(`Cannot find ${name} in a training state`);
  return value.data;
}

function parsed(json: string): Partial<Config> {
  try {
    return JSON.parse(json) as Partial<Config>;
  } catch (error) {
    throw new SyntaxError(`Expected a configuration to be JSON but found ${(error as Error).message}`, { cause: error });
  }
}
