import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { nearest } from "@ddpm/core";

/** Why a path could not be read and what to do, to end "Expected … but found": with the name beside it that may be meant, else `advice`. */
export function unreadable(path: string, error: NodeJS.ErrnoException, advice: string): string {
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
      return missing(path, advice);
    case "EISDIR":
      return `a folder; ${advice}`;
    case "EACCES":
    case "EPERM":
      return `no permission to read it; ask its owner, or ${advice}`;
    default:
      return `${error.message}; ${advice}`;
  }
}

/** As `unreadable` says of a path where nothing is. */
export function missing(path: string, advice: string): string {
  const meant = nearest(basename(path), names(dirname(path)));
  return `no such file or folder; ${meant === undefined ? advice : `did you mean ${join(dirname(path), meant)}?`}`;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
