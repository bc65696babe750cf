import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { loadTfjsNode } from "./addon.ts";
import { openDevice } from "./devices.ts";
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
  await probe(
    "pip",
    "apt-get install python3-pip, or your system's like; only npx ddpm setup needs it",
    async () => execFileSync("python3", ["-m", "pip", "--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split(" from ")[0]!,
  ),
  await probe("TensorFlow", process.env["DDPM_TENSORFLOW"] ? "unset DDPM_TENSORFLOW" : "npx ddpm setup", async () => {
    const { directory, source } = findTensorFlow();
    await using backend = await tensorflow({ device: "cpu" });
    return `${backend.name}, ${source === "given" ? "as given" : source === "cache" ? "installed by ddpm setup" : "of tfjs-node-gpu"}: ${directory}`;
  }),
  await probe("tfjs-node", "apt-get install g++ && npx ddpm setup; only --device tfjs-node, for debugging, needs it", async () => {
    await loadTfjsNode();
    return "addon loads";
  }),
  await probe("wasm", "npm run setup", async () => (await openDevice("wasm", { purpose: "sample", dtype: "float32", say: () => {} })).name),
  await gpu(),
  { what: "Cache", found: cacheFolder() },
];

async function probe(what: string, remedy: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { what, found: await look() };
  } catch (error) {
    return { what, found: `missing: ${(error as Error).message.split("\n")[0]}`, remedy };
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

async function gpu(): Promise<Finding> {
  const untested = "we have not run the CUDA path ourselves: no GPU was at hand";
  const card = nvidiaCard();
  if (!card) return { what: "GPU", found: `none (nvidia-smi does not answer); ${untested}` };
  return probe("GPU", "npx ddpm setup --cuda", async () => {
    await using backend = await tensorflow({ device: "cuda" });
    return `${card}, used by ${backend.name}; ${untested}`;
  });
}

function nvidiaCard(): string | undefined {
  try {
    const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
    return execFileSync("nvidia-smi", query, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .trim()
      .replaceAll("\n", "; ");
  } catch {
    return undefined;
  }
}
