/** How quickly images stream to training, and in how much memory: see bench/README.md. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { shapes } from "@ddpm/core";
import { encode } from "fast-png";
import { progress } from "../src/progress.ts";

const usage = "npm run bench:data -- [--images 200000] [--batch 128] [--epochs 2] [--data PATH [--height N --width N]]";

/** Images of a sub-folder, which is a class. */
const ofClass = 1000;

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "200000" },
    batch: { type: "string", default: "128" },
    epochs: { type: "string", default: "2" },
    data: { type: "string" },
    height: { type: "string", default: "0" },
    width: { type: "string", default: "0" },
    help: { type: "boolean", default: false },
  },
});

/** PNGs of 28×28 in sub-folders. */
async function makeImages(folder: string, count: number): Promise<void> {
  const drawn = shapes({ count });
  using line = progress("make", count);
  for (let i = 0; i < count; i++) {
    const path = join(folder, `class-${Math.floor(i / ofClass)}`);
    if (i % ofClass === 0) await mkdir(path);
    await writeFile(join(path, `${i}.png`), encode({ width: 28, height: 28, channels: 1, depth: 8, data: drawn.pixels(i) }));
    line.update(i + 1);
  }
}

/** In a process of its own, so that its memory is that of streaming alone. */
function measure(data: string): void {
  const { batch, epochs, height, width } = values;
  const stream = fileURLToPath(new URL("./stream.ts", import.meta.url));
  execFileSync(process.execPath, ["--import", "tsx", stream, data, batch, epochs, height, width], { stdio: "inherit" });
}

async function measureNew(count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ddpm-bench-data-"));
  try {
    await makeImages(folder, count);
    measure(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (values.help) console.log(usage);
else {
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`);
  if (values.data) measure(values.data);
  else await measureNew(Number(values.images));
}
