import { readFile, stat } from "node:fs/promises";
import type { DiffusersJson } from "@ddpm/core";

/** Bytes of a JSON file that is read: those with a beta for each of a million steps have fewer. */
const most = 2 ** 25;

/** The object in a JSON file that diffusers wrote; undefined where there is no file. Throws a SyntaxError where it is too large or no JSON. */
export async function readJson(path: string): Promise<DiffusersJson | undefined> {
  const entry = await stat(path).catch(() => undefined);
  if (!entry?.isFile()) return undefined;
  if (entry.size > most)
    throw new SyntaxError(`${path}: Expected JSON of at most ${most} bytes but found ${entry.size}; check that it is a configuration`);
  try {
    return Object(JSON.parse(await readFile(path, "utf8"))) as DiffusersJson;
  } catch (cause) {
    throw new SyntaxError(`${path}: Expected JSON but found ${(cause as Error).message}; save the model again`, { cause });
  }
}
