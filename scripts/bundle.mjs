// Makes the checkpoint that comes with the playground: the demo's model, in half floats.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

run(process.execPath, join("scripts", "demo.mjs"));
run(
  join("node_modules", ".bin", "ddpm"),
  "convert",
  "--checkpoint",
  "runs/demo",
  "--dtype",
  "F16",
  "--out",
  "apps/playground/public/models/shapes.safetensors",
);

function run(command, ...args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) process.exit(status ?? 1);
}
