import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Runs the command line in the project's folder, showing what it runs; where it fails this program ends likewise. */
export function ddpm(...args) {
  console.log(`$ npx ddpm ${args.join(" ")}`);
  const { status } = spawnSync(join(root, "node_modules", ".bin", "ddpm"), args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) process.exit(status ?? 1);
}
