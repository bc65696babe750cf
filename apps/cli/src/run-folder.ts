import { access, appendFile, constants, mkdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Checkpoint,
  type Config,
  configure,
  decodeModel,
  encodeModel,
  type Numbers,
  parametersFrom,
  type State,
  type TrainingStep,
} from "@ddpm/core";
import { absent, writeAtomically } from "./files.ts";

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

/** A folder that holds a training run: config.json, model.safetensors, state.safetensors, log.jsonl, loss.svg, TensorBoard events and samples. */
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
      await mkdir(this.file("samples"), { recursive: true });
      for (const folder of [this.path, this.file("samples")]) await access(folder, constants.W_OK);
    } catch (error) {
      throw new Error(`Expected a folder to write to at ${this.path} but found ${(error as Error).message}; choose another --out`, { cause: error });
    }
  }

  async config(): Promise<Config> {
    const text = await readFile(this.file("config.json"), "utf8");
    try {
      return configure(JSON.parse(text));
    } catch (error) {
      throw new SyntaxError(`${this.file("config.json")}: ${(error as Error).message}`, { cause: error });
    }
  }

  /**
   * Writes the whole state, with what timesteps have learnt, then the averaged weights as models: `ema` as model.safetensors, others as
   * model-ema-….safetensors.
   */
  async save(config: Config, training: TrainingStep, { state, timesteps, step, device }: Saved): Promise<void> {
    const { scope } = training;
    const tensors = (values: State, prefix = "") => [...parametersFrom(scope, values)].map(([name, value]) => [prefix + name, value] as const);
    const others = partsOf(training).flatMap((part) => tensors(scope.unpackValues(state.get(part)!), `${part}/`));
    const learnt = [...timesteps].map(
      ([name, values]) => [timestepsPrefix + name, { shape: [values.length], data: Float32Array.from(values) }] as const,
    );
    const metadata = { config, step };
    const all = new Map([...tensors(state), ...others, ...learnt]);
    await writeAtomically(this.file("state.safetensors"), encodeModel(all, { ...metadata, device }));
    for (const name of training.averages) {
      const file = name === "ema" ? "model.safetensors" : `model-${name}.safetensors`;
      await writeAtomically(this.file(file), encodeModel(parametersFrom(scope, scope.unpackValues(state.get(name)!)), metadata));
    }
  }

  /** What was saved last; nothing where the run was stopped before it saved any. */
  async load(training: TrainingStep): Promise<Saved | undefined> {
    const { scope } = training;
    const path = this.file("state.safetensors");
    const bytes = await readFile(path).catch(absent);
    if (!bytes) return undefined;
    try {
      const { parameters, metadata } = decodeModel(bytes);
      if (!metadata) throw new SyntaxError("Expected a training state but its metadata lacks ddpm");
      const values = (prefix = "") => new Map([...scope.parameters.keys()].map((name) => [name, required(parameters, prefix + name)]));
      const others = partsOf(training).map((part) => [part, scope.packValues(values(`${part}/`))] as const);
      const learnt = [...parameters].filter(([name]) => name.startsWith(timestepsPrefix));
      const timesteps = new Map(learnt.map(([name, { data }]) => [name.slice(timestepsPrefix.length), data]));
      return { state: new Map([...values(), ...others]), timesteps, step: metadata.step, device: metadata.device ?? "" };
    } catch (error) {
      throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  async log(line: Readonly<Record<string, number>>): Promise<void> {
    await appendFile(this.file("log.jsonl"), `${JSON.stringify(line)}\n`);
  }

  /** The losses of the steps in the log. */
  async losses(): Promise<number[]> {
    const text = (await readFile(this.file("log.jsonl"), "utf8").catch(absent)) ?? "";
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => (JSON.parse(line) as { loss: number }).loss);
  }

  /** Drops the log's lines after `step`, which a resumed run will write again. */
  async rewindLog(step: number): Promise<void> {
    const text = (await readFile(this.file("log.jsonl"), "utf8").catch(absent)) ?? "";
    const kept = text.split("\n").filter((line) => stepOf(line) <= step);
    if (kept.length === 0) await rm(this.file("log.jsonl"), { force: true });
    else await writeAtomically(this.file("log.jsonl"), `${kept.join("\n")}\n`);
  }
}

/** The step of a line of the log; infinite for one that a crash cut off. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as { step: number }).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function required(parameters: Checkpoint["parameters"], name: string): Numbers {
  const value = parameters.get(name);
  if (!value) throw new SyntaxError(`Expected a training state with ${name} but found none`);
  return value.data;
}
