import { appendFile, mkdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Checkpoint, type Config, configure, decodeModel, encodeModel, type Numbers, type Scope, type State } from "@ddpm/core";
import { writeAtomically } from "./files.ts";

/** What a training state holds for each parameter besides its value: moments and average, in files under `m/…`, `v/…` and `ema/…`. */
const parts = ["m", "v", "ema"] as const;

/** A folder that holds a training run: config.json, model.safetensors, state.safetensors, log.jsonl, TensorBoard events and samples. */
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

  /** Makes the folders. Throws where it may not. */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.file("samples"), { recursive: true });
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

  /** Writes the whole state, then the averaged weights as the model. */
  async save(config: Config, scope: Scope, state: State, step: number): Promise<void> {
    const tensors = (values: State, prefix = "") =>
      [...scope.parameters].map(([name, { shape }]) => [prefix + name, { shape, data: Float32Array.from(values.get(name)!) }] as const);
    const others = parts.flatMap((part) => tensors(scope.unpackValues(state.get(part)!), `${part}/`));
    const averages = tensors(scope.unpackValues(state.get("ema")!));
    const metadata = { config, step };
    await writeAtomically(this.file("state.safetensors"), encodeModel(new Map([...tensors(state), ...others]), metadata));
    await writeAtomically(this.file("model.safetensors"), encodeModel(new Map(averages), metadata));
  }

  /** The state and the step it was saved at. */
  async load(scope: Scope): Promise<{ state: Map<string, Numbers>; step: number }> {
    const path = this.file("state.safetensors");
    const bytes = await readFile(path).catch((error: Error) => {
      throw new Error(`Expected a saved state at ${path} but found none (${error.message}); train into a new --out`, { cause: error });
    });
    try {
      const { parameters, metadata } = decodeModel(bytes);
      if (!metadata) throw new SyntaxError("Expected a training state but its metadata lacks ddpm");
      const values = (prefix = "") => new Map([...scope.parameters.keys()].map((name) => [name, required(parameters, prefix + name)]));
      const others = parts.map((part) => [part, scope.packValues(values(`${part}/`))] as const);
      return { state: new Map([...values(), ...others]), step: metadata.step };
    } catch (error) {
      throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  async log(line: Readonly<Record<string, number>>): Promise<void> {
    await appendFile(this.file("log.jsonl"), `${JSON.stringify(line)}\n`);
  }

  /** Drops the log's lines after `step`, which a resumed run will write again. */
  async rewindLog(step: number): Promise<void> {
    const text = await readFile(this.file("log.jsonl"), "utf8").catch(() => "");
    const kept = text.split("\n").filter((line) => line && (JSON.parse(line) as { step: number }).step <= step);
    if (kept.length === 0) await rm(this.file("log.jsonl"), { force: true });
    else await writeAtomically(this.file("log.jsonl"), `${kept.join("\n")}\n`);
  }
}

function required(parameters: Checkpoint["parameters"], name: string): Numbers {
  const value = parameters.get(name);
  if (!value) throw new SyntaxError(`Expected a training state with ${name} but found none`);
  return value.data;
}
