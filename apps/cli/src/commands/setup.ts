import { buildAddon, findTensorFlow, installTensorFlow, wheels } from "@ddpm/backend-node";
import type { Command } from "commander";

interface Options {
  readonly cuda?: true;
  readonly dryRun?: true;
  readonly wheel?: string;
}

export function setupCommand(program: Command): void {
  program
    .command("setup")
    .description("Install TensorFlow into the user's cache (270 MB to fetch, 0.9 GB on disk); does nothing where it is")
    .option("--cuda", "with CUDA, for NVIDIA GPUs (several GB; not yet run by us on a GPU)")
    .option("--dry-run", "only list files, versions and checksums")
    .option("--wheel <file|dir>", "take TensorFlow's wheel, or a folder of the wheels that --dry-run lists, instead of the network")
    .action(setup);
}

async function setup({ cuda, dryRun, wheel }: Options): Promise<void> {
  const flavour = cuda ? "cuda" : "cpu";
  if (dryRun) {
    for (const { file, version, sha256 } of wheels[flavour]) process.stdout.write(`${file}  ${version}  sha256:${sha256}\n`);
    return;
  }
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const folder = await installTensorFlow({ flavour, ...(wheel && { wheel }), say });
  await buildAddon(findTensorFlow(), say);
  process.stdout.write(`TensorFlow is in ${folder}\n`);
}
