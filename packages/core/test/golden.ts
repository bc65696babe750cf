import { existsSync, readFileSync } from "node:fs";

const folders = ["../../../../shared/golden/", "../fixtures/"].map((folder) => new URL(folder, import.meta.url));

/** The bytes of a recorded file: of the whole collection where it is, else of what the package keeps of it. */
export function golden(name: string): Uint8Array {
  const path = folders.map((folder) => new URL(name, folder)).find((url) => existsSync(url));
  if (!path) throw new Error(`Expected ${name} in ${folders.map((folder) => folder.pathname).join(" or ")} but found it in neither`);
  return readFileSync(path);
}

/** The value of a recorded JSON file; Python writes Infinity there, which JSON lacks. */
export const goldenJson = <T>(name: string): T => JSON.parse(new TextDecoder().decode(golden(name)).replaceAll("Infinity", "1e999")) as T;
