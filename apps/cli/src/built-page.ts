import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** The folder of the built page; where its sources are, in the workspace, it is built anew, which takes a second. Throws where they do not build. */
export async function builtPage(page = ownPage()): Promise<string> {
  if (existsSync(join(page, "vite.config.ts"))) await build(page);
  return join(page, "dist");
}

const require = createRequire(import.meta.url);
const ownPage = (): string => dirname(require.resolve("#page/policy.json"));

/** What the page may do: the directives of its Content-Security-Policy. */
export const pagePolicy = (): readonly string[] => require("#page/policy.json") as readonly string[];

async function build(page: string): Promise<void> {
  const vite = join(dirname(createRequire(join(page, "package.json")).resolve("vite/package.json")), "bin/vite.js");
  await promisify(execFile)(process.execPath, [vite, "build", page]).catch((cause: Error & { readonly stderr: string }) => {
    const reason = cause.stderr.split("\n").find((line) => /error/i.test(line)) ?? cause.message;
    throw new Error(`Expected the page in ${page} to build but found ${reason.trim()}; mend it, or fetch the sources anew`, { cause });
  });
}
