/** What earlier set-ups have left in the user's cache. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheFolder, installFolder } from "../library.ts";
import { type Finding, note, ok, warning } from "./finding.ts";

const hour = 3600e3;

/** The cache, with what is left of set-ups that were ended, and of other versions. */
export function cacheFinding(now = Date.now()): Finding {
  const folder = cacheFolder();
  if (!existsSync(folder)) return note("Cache", `${folder} is not there yet: nothing was set up`);
  const current = [installFolder("cpu"), installFolder("cuda")].map((path) => basename(path));
  const names = readdirSync(folder).filter((name) => name.startsWith("tensorflow-"));
  const isWhole = (name: string): boolean => existsSync(join(folder, name, "complete"));
  const age = (name: string): number => now - statSync(join(folder, name)).mtimeMs;
  const remove = (left: readonly string[]): string => `rm -r ${left.map((name) => join(folder, name)).join(" ")}`;
  const torn = names.filter((name) => current.includes(name) && !isWhole(name));
  if (torn.length > 0) return warning("Cache", `${folder} holds ${torn.join(", ")}, which is not complete`, `${remove(torn)} && npx ddpm setup`);
  const others = names.filter((name) => !current.includes(name));
  const young = others.filter((name) => !isWhole(name) && age(name) < hour);
  if (young.length > 0)
    return note("Cache", `${folder}; a set-up seems to be at work in ${young.join(", ")}`, `wait for it; if none is: ${remove(young)}`);
  if (others.length > 0)
    return warning("Cache", `${folder} holds ${others.join(", ")}: of a set-up that was ended, or of another version`, remove(others));
  return ok("Cache", folder);
}
