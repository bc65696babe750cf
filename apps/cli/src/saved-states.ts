import { createHash } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { absent, makeFolder, writeAtomically } from "./files.ts";

/** States that are kept, so that damage to the newest does not end a run. */
const kept = 2;

interface Manifest {
  readonly version: 1;
  readonly step: number;
  /** Length and SHA-256 of the state and of the models of its step, by name. */
  readonly files: Readonly<Record<string, FileFacts>>;
}

interface FileFacts {
  readonly bytes: number;
  readonly sha256: string;
}

/** A state as it was found whole. */
export interface FoundState {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Whether another file that was saved with it is as it was then. */
  matches(name: string, bytes: Uint8Array | undefined): boolean;
}

/**
 * The training states of a run: step-000100.safetensors is whole once step-000100.json, its manifest, is there, which is written last and has its
 * checksum. At any moment, also that of a crash, the newest whole state is the last that was saved or the one before.
 */
export class SavedStates {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Saves a state, then drops older ones. `others` are the files that were saved with it, by name. */
  async save(step: number, state: Uint8Array, others: ReadonlyMap<string, Uint8Array>): Promise<void> {
    await makeFolder(this.#path);
    const [name, manifest] = [fileOf(step, "safetensors"), join(this.#path, fileOf(step, "json"))];
    await rm(manifest, { force: true });
    await writeAtomically(join(this.#path, name), state);
    const files = Object.fromEntries([[name, state] as const, ...others].map(([name, bytes]) => [name, factsOf(bytes)]));
    await writeAtomically(manifest, `${JSON.stringify({ version: 1, step, files } satisfies Manifest, undefined, 2)}\n`);
    for (const old of (await this.#steps()).filter((other) => other < step).slice(kept - 1)) await this.#drop(old);
  }

  /**
   * The newest state that is whole; undefined where none was saved. Drops those that are not, and tells `say` of damaged ones.
   * Throws where states were saved but all of them are damaged.
   */
  async newest(say: (line: string) => void): Promise<FoundState | undefined> {
    const damaged: string[] = [];
    for (const step of await this.#steps()) {
      const path = join(this.#path, fileOf(step, "safetensors"));
      const manifest = await this.#manifest(step);
      const bytes = await readFile(path).catch(absent);
      const fault = manifest instanceof Map ? faultOf(manifest.get(fileOf(step, "safetensors")), bytes) : manifest;
      if (fault === undefined) {
        const facts = manifest as Map<string, FileFacts>;
        for (const line of damaged) say(`Left out a damaged checkpoint, and goes on with the one before: ${line}`);
        return { path, bytes: bytes!, matches: (name, bytes) => faultOf(facts.get(name), bytes) === undefined };
      }
      damaged.push(`${path}: ${fault}`);
    }
    if (damaged.length === 0) return undefined;
    throw new Error(`Expected a whole checkpoint but found ${damaged.join("; ")}; put one back from a copy, or start a new run in another --out`);
  }

  /** Drops what a crash left of a save that was not finished, and states after `step`, which the run will come to again. */
  async tidy(step: number): Promise<void> {
    const steps = new Set((await this.#steps()).filter((other) => other <= step));
    const names = await readdir(this.#path).catch(absent);
    for (const name of names ?? []) if (!steps.has(stepOf(name))) await rm(join(this.#path, name), { force: true });
  }

  /** The steps that have a manifest, newest first. */
  async #steps(): Promise<number[]> {
    const names = (await readdir(this.#path).catch(absent)) ?? [];
    return names
      .filter((name) => name.endsWith(".json"))
      .map(stepOf)
      .filter(Number.isInteger)
      .sort((a, b) => b - a);
  }

  /** The manifest first: without it the state counts as not saved. */
  async #drop(step: number): Promise<void> {
    for (const ending of ["json", "safetensors"]) await rm(join(this.#path, fileOf(step, ending)), { force: true });
  }

  /** What a manifest says, or what is wrong with it. */
  async #manifest(step: number): Promise<Map<string, FileFacts> | string> {
    try {
      const { version, files } = JSON.parse(await readFile(join(this.#path, fileOf(step, "json")), "utf8")) as Manifest;
      if (version !== 1) return `its manifest is of version ${JSON.stringify(version)}, which this program does not know`;
      return new Map(Object.entries(files));
    } catch (error) {
      return `its manifest cannot be read (${(error as Error).message})`;
    }
  }
}

const fileOf = (step: number, ending: string): string => `step-${String(step).padStart(6, "0")}.${ending}`;

/** Not a number for a file of another name. */
const stepOf = (name: string): number => Number(/^step-(\d+)\.(?:json|safetensors)$/.exec(name)?.[1]);

const factsOf = (bytes: Uint8Array): FileFacts => ({ bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });

/** What is wrong with a file, if anything. */
function faultOf(expected: FileFacts | undefined, bytes: Uint8Array | undefined): string | undefined {
  if (!expected) return "its manifest does not name it";
  if (!bytes) return "it is missing";
  const found = factsOf(bytes);
  if (found.bytes !== expected.bytes) return `expected ${expected.bytes} bytes but found ${found.bytes}`;
  return found.sha256 === expected.sha256 ? undefined : `expected the SHA-256 ${expected.sha256} but found ${found.sha256}`;
}
