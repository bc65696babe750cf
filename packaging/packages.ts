/** What is published, and a project outside the workspace that installs it as people do. */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));

/** The folders of the packages that are published, each after those that it depends on. */
export const folders = ["packages/core", "packages/backend-tfjs", "packages/backend-node", "packages/backend-web", "apps/cli"].map((folder) =>
  join(root, folder),
);

export const read = (folder: string, name: string): Promise<string> => readFile(join(folder, name), "utf8");

/** Runs a program and returns what it says; throws what it complains of. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await execute(command, args, { cwd, maxBuffer: 1 << 26 }).catch((error: Error & { stdout: string; stderr: string }) => {
    throw new Error(`${command} ${args.join(" ")}: ${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout;
}

/** What this workspace runs of a package that it has. */
export const tool = (name: string): string => fileURLToPath(new URL(`node_modules/.bin/${name}`, import.meta.url));

/** Packs a package as npm does; returns the tarball. */
export async function pack(folder: string, destination: string): Promise<string> {
  const [{ filename }] = JSON.parse(await run("npm", ["pack", "--json", "--pack-destination", destination], folder)) as [{ filename: string }];
  return join(destination, filename);
}

/** An empty project with these packages and what they depend on from the registry, without a script of any of them. */
export async function project(folder: string, tarballs: readonly string[]): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs], folder);
}

/** The example of an installed package's README. */
export async function example(project: string, name: string, language: "js" | "sh"): Promise<string> {
  const readme = await read(join(project, "node_modules/@ddpm", name), "README.md");
  return [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].find(([, found, text]) => found === language && /import |npx ddpm train/.test(text!))![2]!;
}
