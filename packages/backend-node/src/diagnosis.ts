import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { loadTfjsNode } from "./addon.ts";
import { cacheFolder, findTensorFlow } from "./library.ts";
import { tensorflow } from "./tensorflow/engine.ts";

export interface Finding {
  readonly what: string;
  readonly found: string;
  /** The command that would mend it, where something is missing. */
  readonly remedy?: string;
}

/** What this machine has for diffusion models, and what it lacks; each device is really opened. */
export const diagnose = async (): Promise<Finding[]> => [
  { what: "Node", found: `${process.version} on ${process.platform} ${process.arch}` },
  { what: "CPU", found: `${cpus().length} cores of ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB memory; ${instructions()}` },
  await probe("TensorFlow", "npx ddpm setup", async () => {
    const { directory, source } = findTensorFlow();
    await using backend = await tensorflow({ device: "cpu" });
    return `${backend.name}, ${source === "given" ? "as given" : source === "cache" ? "installed by ddpm setup" : "of tfjs-node-gpu"}: ${directory}`;
  }),
  await probe("tfjs-node", "--device tfjs-node is for debugging; the other devices work without it", async () => {
    await loadTfjsNode();
    return "addon loads";
  }),
  gpu(),
  { what: "Cache", found: cacheFolder() },
];

async function probe(what: string, remedy: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { what, found: await look() };
  } catch (error) {
    return { what, found: `missing: ${(error as Error).message}`, remedy };
  }
}

function instructions(): string {
  try {
    const flags =
      readFileSync("/proc/cpuinfo", "utf8")
        .match(/^flags\s*:(.*)$/m)?.[1]
        ?.split(" ") ?? [];
    return `${["avx2", "avx512f", "avx512_bf16", "amx_bf16"].filter((flag) => flags.includes(flag)).join(" ")}`;
  } catch {
    return "instruction sets unknown";
  }
}

function gpu(): Finding {
  const untested = "the CUDA path has not been run by us where no GPU was at hand";
  try {
    const found = execFileSync("nvidia-smi", ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return { what: "GPU", found: `${found.trim().replaceAll("\n", "; ")}; ${untested}`, remedy: "npx ddpm setup --cuda" };
  } catch {
    return { what: "GPU", found: `none (nvidia-smi does not answer); ${untested}` };
  }
}
