import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { nearest } from "@ddpm/core/config";

/** Why something could not be read, and what to do. */
interface Unreadable {
  readonly found: string;
  readonly advice: string;
}

/** Why a path could not be read and what to do: to give the name beside it that may be meant, else `advice`. */
export function unreadable(path: string, error: NodeJS.ErrnoException, advice: string): Unreadable {
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
      return missing(path, advice);
    case "EISDIR":
      return { found: "a folder", advice };
    case "EACCES":
    case "EPERM":
      return { found: "no permission to read it", advice: `ask its owner, or ${advice}` };
    default:
      return { found: error.message, advice };
  }
}

/** As `unreadable` says of a path where nothing is. */
export function missing(path: string, advice: string): Unreadable {
  const meant = nearest(basename(path), names(dirname(path)));
  return { found: "no such file or folder", advice: meant === undefined ? advice : `did you mean ${join(dirname(path), meant)}?` };
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
