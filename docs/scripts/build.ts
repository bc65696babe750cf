// Builds the site with the playground below it, or with `dev` serves it while one writes.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { root } from "../site/repository.ts";

const [command = "build"] = process.argv.slice(2);
const docs = join(root, "docs");
const playground = join(root, "apps/playground");

run("vite", playground, "build", playground, "--outDir", join(docs, "public/playground"), "--emptyOutDir");
run("vitepress", docs, command, docs);

/** Runs a tool of a workspace. */
function run(tool: string, workspace: string, ...args: string[]): void {
  const manifest = createRequire(join(workspace, "package.json")).resolve(`${tool}/package.json`);
  execFileSync(process.execPath, [join(dirname(manifest), "bin", `${tool}.js`), ...args], { stdio: "inherit" });
}
