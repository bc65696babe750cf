/** What this machine has for diffusion models, and what it lacks: what `ddpm doctor` tells. */
import { execFileSync } from "node:child_process";
import { cacheFolder, findTensorFlow, libraryRemedy, type TensorFlowLibrary, tfjsNodeFolder } from "../library.ts";
import { wheels } from "../wheels.ts";
import { cacheFinding } from "./cache.ts";
import { type Finding, fault, note, ok, warning } from "./finding.ts";
import { cpuFinding, diskFinding, memoryFinding, nodeFinding, sharedMemoryFinding, temporaryNeed } from "./machine.ts";
import { askDriver, cudaLibrariesFinding, demanded, driverFindings, driverLibraryFinding, hasCards } from "./nvidia.ts";
import { tryDevice } from "./trial.ts";

/** What a diagnosis looks at besides the machine. */
export interface DiagnosisOptions {
  /** The folder that a run would be written to. */
  readonly out?: string;
  /** Whether what stops a GPU is a fault; otherwise it is a warning. */
  readonly cuda?: boolean;
}

const gib = 2 ** 30;

/** What `ddpm setup` takes on disk, and what pip keeps meanwhile. */
const room = { cpu: { cache: 1.3 * gib, temporary: 0.3 * gib }, cuda: { cache: 6.5 * gib, temporary: 0.8 * gib } };

/** Looks at everything, and really opens each device, in processes of their own. */
export async function diagnose({ out = ".", cuda = false }: DiagnosisOptions = {}): Promise<Finding[]> {
  const library = lookForTensorFlow();
  const flavour = cuda ? "cuda" : "cpu";
  const needed = "directory" in library ? { cache: 0, temporary: 0 } : room[flavour];
  return [
    nodeFinding(),
    cpuFinding(),
    memoryFinding(),
    sharedMemoryFinding(),
    diskFinding({ what: "Run folder", path: out, bytes: gib, remedy: "free some, or choose another --out" }),
    setupOnly(
      diskFinding({ what: "Cache disk", path: cacheFolder(), bytes: needed.cache, remedy: "set XDG_CACHE_HOME to a folder with room" }),
      library,
    ),
    setupOnly(diskFinding(temporaryNeed(needed.temporary)), library),
    cacheFinding(),
    pipFinding(),
    await tensorflowFinding(library),
    ...(await gpuFindings(library)).map((finding) => (cuda ? demanded(finding) : finding)),
    await otherDevice("tfjs-node", `${addonCommands()}; only --device tfjs-node, for debugging, needs it`),
    await otherDevice("wasm", "install the packages again; only sampling without TensorFlow needs it"),
    note("Browser", "not looked at from here", "npx ddpm playground: the page names the device that it takes, and why it takes no other"),
  ];
}

const addonCommands = (): string => {
  const needed = tfjsNodeFolder() === undefined ? ["npm install --ignore-scripts @tensorflow/tfjs-node-gpu"] : [];
  return [...needed, "apt-get install g++", "npx ddpm setup"].join(" && ");
};

type Library = TensorFlowLibrary | { readonly reason: string; readonly remedy: string };

function lookForTensorFlow(): Library {
  try {
    return findTensorFlow();
  } catch (error) {
    const [reason = "", ...remedy] = (error as Error).message.split("; ");
    return { reason, remedy: remedy.join("; ") };
  }
}

/** What only `ddpm setup` needs does not stop training where TensorFlow is. */
const setupOnly = (finding: Finding, library: Library): Finding =>
  finding.level === "fault" && "directory" in library ? { ...finding, level: "warning" } : finding;

function pipFinding(): Finding {
  try {
    const said = execFileSync("python3", ["-m", "pip", "--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return ok("pip", said.split(" from ")[0]!);
  } catch {
    return note("pip", "missing", "apt-get install python3-pip, or your system's like; only npx ddpm setup needs it");
  }
}

async function tensorflowFinding(library: Library): Promise<Finding> {
  if ("reason" in library) return fault("TensorFlow", `missing: ${library.reason}`, library.remedy);
  const trial = await tryDevice("tensorflow:cpu");
  if ("reason" in trial) return fault("TensorFlow", `does not work: ${trial.reason}`, libraryRemedy(library));
  return versionFinding(trial.name, library);
}

/** Whether a TensorFlow that works is the version that ours is tested with. */
export function versionFinding(name: string, { source, directory }: Pick<TensorFlowLibrary, "source" | "directory">): Finding {
  const origin = { given: "as given", cache: "installed by ddpm setup", "tfjs-node-gpu": "of tfjs-node-gpu" }[source];
  const found = `${name} trains, ${origin}: ${directory}`;
  const { version } = wheels.cpu[0]!;
  if (name.startsWith(`TensorFlow ${version} `)) return ok("TensorFlow", found);
  return warning("TensorFlow", `${found}; ours is tested with ${version}`, libraryRemedy({ source, directory }));
}

/** What lies between a card and TensorFlow, and whether it trains there; only as far as there is a card. */
async function gpuFindings(library: Library): Promise<Finding[]> {
  const answer = askDriver();
  const driver = driverFindings(answer);
  const untested = note("GPU", "the CUDA path is untested here: it takes an NVIDIA GPU and TensorFlow with CUDA");
  if (!hasCards(answer) || "reason" in library) return [...driver, untested];
  const libraries = [driverLibraryFinding(), cudaLibrariesFinding(library)];
  if (libraries.some(({ level }) => level === "warning")) return [...driver, ...libraries, untested];
  const trial = await tryDevice("tensorflow:cuda");
  const works =
    "name" in trial
      ? ok("CUDA", `${trial.name} trains`)
      : warning("CUDA", `does not work: ${trial.reason}`, "mend the warnings above; where there is none, train with --device tensorflow:cpu");
  return [...driver, ...libraries, works];
}

async function otherDevice(device: "tfjs-node" | "wasm", remedy: string): Promise<Finding> {
  const trial = await tryDevice(device);
  return "name" in trial ? ok(device, trial.name) : note(device, `does not work: ${trial.reason}`, remedy);
}
