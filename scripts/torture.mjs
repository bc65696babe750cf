// Runs the long form of the tests of endurance and gathers their figures for RELIABILITY.md. Takes parts of their names: npm run torture kill
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./ddpm.mjs";

const figures = join(tmpdir(), `ddpm-figures-${process.pid}.md`);
const wanted = process.argv.slice(2);
const files = ["packages", "apps", "e2e/tests"]
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, file)))
  .filter((file) => !file.includes("node_modules") && (wanted.length === 0 || wanted.some((part) => file.includes(part))));
const inNode = files.filter((file) => file.endsWith(".torture.test.ts"));
const inBrowser = files.filter((file) => file.endsWith(".torture.spec.ts"));

const node = ["--import", "tsx", "--test", "--test-concurrency=1"];
if (inNode.length > 0) run([...node, ...inNode], root);
if (inBrowser.length > 0) run(["scripts/test.mjs", ...inBrowser.map((file) => file.slice("e2e/".length))], join(root, "e2e"));
if (existsSync(figures)) console.log(`\n${readFileSync(figures, "utf8")}`);
rmSync(figures, { force: true });

function run(args, cwd) {
  const env = { ...process.env, DDPM_TORTURE: "long", DDPM_FIGURES: figures };
  const { status } = spawnSync(process.execPath, args, { cwd, stdio: ["ignore", "inherit", "inherit"], env });
  if (status !== 0) process.exitCode = 1;
}
