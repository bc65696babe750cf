/** Weights in several safetensors files, shards, with an index of which has which tensor: what is large is saved so by diffusers and transformers. */
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { DiffusersJson } from "@ddpm/core";
import { decode, quoted, type SafetensorsFile, type StoredTensor } from "@ddpm/core/safetensors";
import { readJson } from "./json-file.ts";
import { unreadable } from "./missing-file.ts";

/** Whether a file of this name is an index: `….safetensors.index.json`, or with a variant's name in it. */
export const isShardIndex = (name: string): boolean => /\.safetensors\.index(\.\w+)?\.json$/.test(name);

/** The bytes of each shard by its path, and the shard of each tensor. */
export interface Shards {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly shardOf: ReadonlyMap<string, string>;
}

/**
 * Reads all that an index names, which are files beside it and nothing else. Throws a SyntaxError for an index that is none or names others, an Error where a
 * shard cannot be read.
 */
export async function readShards(path: string): Promise<Shards> {
  const shardOf = shardsIn(path, (await readJson(path))?.["weight_map"]);
  const files = new Map<string, Uint8Array>();
  for (const shard of [...new Set(shardOf.values())].sort()) files.set(shard, await bytesOf(shard, path));
  return { files, shardOf };
}

function shardsIn(path: string, map: unknown): Map<string, string> {
  const entries = typeof map === "object" && map !== null && !Array.isArray(map) ? Object.entries(map as DiffusersJson) : [];
  if (entries.length === 0)
    throw new SyntaxError(`${path}: Expected a weight_map with the file of each tensor but found none; fetch or save the model again`);
  return new Map(
    entries.map(([tensor, name]) => {
      if (typeof name === "string" && /^[^/\\\0]+\.safetensors$/.test(name)) return [tensor, join(dirname(path), name)];
      const found = JSON.stringify(name).slice(0, 80);
      throw new SyntaxError(
        `${path}: Expected a .safetensors file beside it for ${quoted(tensor)} but found ${found}; fetch or save the model again`,
      );
    }),
  );
}

const bytesOf = (shard: string, index: string): Promise<Uint8Array> =>
  readFile(shard).catch((cause: NodeJS.ErrnoException) => {
    const { found, advice } = unreadable(shard, cause, "fetch or save the model again, with all of its files");
    throw new Error(`Expected ${shard}, as ${basename(index)} names it, but found ${found}; ${advice}`, { cause });
  });

/** The tensors of all shards. Throws a SyntaxError that names the shard where it is damaged, or has other tensors than the index says. */
export function joined({ files, shardOf }: Shards): SafetensorsFile {
  const tensors = new Map<string, StoredTensor>();
  for (const [shard, bytes] of files)
    try {
      for (const [name, tensor] of decode(bytes).tensors) {
        if (shardOf.get(name) !== shard)
          throw new SyntaxError(`Expected no tensor ${quoted(name)}, which the index does not give it, but found one; fetch or save the model again`);
        tensors.set(name, tensor);
      }
    } catch (error) {
      throw new SyntaxError(`${basename(shard)}: ${(error as Error).message}`, { cause: error });
    }
  const [missing] = [...shardOf].filter(([name]) => !tensors.has(name));
  if (missing) {
    const [name, shard] = missing;
    throw new SyntaxError(`${basename(shard)}: Expected tensor ${quoted(name)}, as the index says, but found none; fetch or save the model again`);
  }
  return { tensors, metadata: {} };
}
