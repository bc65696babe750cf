// Builds the site with the playground below it, or with `dev` serves it while one writes.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { root } from "../site/repository.ts";

const [command = "build"] = process.argv.slice(2);
const docs = join(root, "docs");
const playground = join(root, "apps/playground");

run("typedoc", docs);
run("vite", playground, "build", playground, "--outDir", join(docs, "public/playground"), "--emptyOutDir");
run("vitepress", docs, command, docs);

/** Runs a tool of a workspace, in its folder, as this program runs: with what lets its configuration import the workspace's sources. */
function run(tool: string, workspace: string, ...args: string[]): void {
  const require = createRequire(join(workspace, "package.json"));
  const manifest = require.resolve(`${tool}/package.json`);
  const { bin } = require(manifest);
  const { status } = spawnSync(process.execPath, [...process.execArgv, join(dirname(manifest), bin[tool]), ...args], {
    cwd: workspace,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}
