/** NVIDIA's cards as the driver tells of them, held against what TensorFlow's build with CUDA asks for. */
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import koffi from "koffi";
import { installFolder, libraryRemedy, type TensorFlowLibrary } from "../library.ts";
import { isAtLeast } from "../library-file.ts";
import { type Finding, fault, note, ok, warning } from "./finding.ts";

/**
 * What the wheel of TensorFlow 2.21.0 says of itself (tensorflow/python/platform/build_info.py), the oldest driver that runs CUDA 12 of any minor
 * version (NVIDIA, CUDA Compatibility), and the libraries that TensorFlow opens by name.
 */
export const cudaBuild = {
  cuda: "12.5",
  driver: "525.60.13",
  oldestKernels: "6.0",
  newestKernels: "9.0",
  libraries: [
    ...["libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11", "libcusolver.so.11"],
    ...["libcusparse.so.12", "libcudnn.so.9", "libcupti.so.12", "libnccl.so.2", "libnvJitLink.so.12"],
  ],
} as const;

const onCpu = "train with --device tensorflow:cpu";

export interface Card {
  readonly name: string;
  readonly driver: string;
  readonly memory: string;
  readonly capability: string;
}

/** The driver's answer: its cards, why there is none, or undefined where nvidia-smi is not installed. */
export type Answer = { readonly cards: readonly Card[] } | { readonly refusal: string } | undefined;

/** Asks nvidia-smi. */
export function askDriver(): Answer {
  const query = ["--query-gpu=name,driver_version,memory.total,compute_cap", "--format=csv,noheader"];
  try {
    return { cards: parseCards(execFileSync("nvidia-smi", query, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 30e3 })) };
  } catch (error) {
    const { code, stdout, stderr, message } = error as NodeJS.ErrnoException & { stdout?: string; stderr?: string };
    if (code === "ENOENT") return undefined;
    const said = `${stdout ?? ""}\n${stderr ?? ""}`.split("\n").map((line) => line.trim());
    return { refusal: said.find((line) => line !== "") ?? message.split("\n")[0]! };
  }
}

/** How many cards the driver answered with. */
export const cardCount = (answer: Answer): number => (answer && "cards" in answer ? answer.cards.length : 0);

/** Whether the driver answered with cards. */
export const hasCards = (answer: Answer): boolean => cardCount(answer) > 0;

function parseCards(text: string): Card[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [name = "", driver = "", memory = "", capability = ""] = line.split(",").map((part) => part.trim());
    return { name, driver, memory, capability };
  });
}

/** What is wrong with the driver, its cards and their permissions; at least one finding. */
export function driverFindings(answer: Answer = askDriver(), { dev = "/dev", hasCard = isCardOnBus } = {}): Finding[] {
  if (!answer) {
    if (!hasCard()) return [note("GPU", "none of NVIDIA's: training takes the CPU")];
    const remedy = "install NVIDIA's driver (apt-get install nvidia-driver, or your system's like); in a container: docker run --gpus all";
    return [warning("GPU", "a card of NVIDIA's is there, but no nvidia-smi: its driver is missing", remedy)];
  }
  if ("refusal" in answer) return [warning("GPU", `nvidia-smi says: ${answer.refusal}`, remedyOf(answer.refusal))];
  if (answer.cards.length === 0) return [note("GPU", "the driver sees none: training takes the CPU", "in a container: docker run --gpus all")];
  return [...answer.cards.map(cardFinding), ...permissionFindings(dev)];
}

function remedyOf(refusal: string): string {
  if (/version mismatch/i.test(refusal)) return "the driver was updated while it was loaded: restart the machine";
  if (/insufficient permissions/i.test(refusal))
    return "become a member of the group that owns /dev/nvidia0: sudo usermod -aG video $USER, then log in again";
  if (/couldn't communicate|not loaded|no devices/i.test(refusal))
    return "load the driver: sudo modprobe nvidia; where that fails, install it again for this kernel and restart; in a container: docker run --gpus all";
  return `correct the driver until nvidia-smi lists the cards, or ${onCpu}`;
}

function cardFinding({ name, driver, memory, capability }: Card): Finding {
  const found = `${name}, ${memory}, compute capability ${capability || "unknown"}, driver ${driver}`;
  if (!isAtLeast(driver, cudaBuild.driver))
    return warning(
      "GPU",
      `${found}: TensorFlow's CUDA ${cudaBuild.cuda} needs driver ${cudaBuild.driver} or newer`,
      `update NVIDIA's driver, or ${onCpu}`,
    );
  if (/^\d/.test(capability) && !isAtLeast(capability, cudaBuild.oldestKernels))
    return warning("GPU", `${found}: TensorFlow's kernels are for ${cudaBuild.oldestKernels} and newer`, onCpu);
  if (/^\d/.test(capability) && Number.parseInt(capability, 10) > Number.parseInt(cudaBuild.newestKernels, 10))
    return note("GPU", `${found}: newer than TensorFlow's kernels, so the driver compiles them when they are first used, which takes minutes`);
  return ok("GPU", found);
}

/** The device files that CUDA opens. Opening is the test, since access rights alone say little in a container. */
function permissionFindings(dev: string): Finding[] {
  const names = existsSync(dev) ? readdirSync(dev).filter((name) => /^nvidia(\d+|ctl|-uvm)$/.test(name)) : [];
  const closed = names.map((name) => join(dev, name)).filter((path) => !opens(path));
  if (closed.length === 0) return [];
  const { gid } = statSync(closed[0]!);
  const remedy = `sudo usermod -aG $(getent group ${gid} | cut -d: -f1) $USER, then log in again; where the group is root: sudo chmod a+rw ${closed.join(" ")}`;
  return [warning("GPU", `${closed.join(", ")} cannot be opened: no permission`, remedy)];
}

function opens(path: string): boolean {
  try {
    closeSync(openSync(path, "r+"));
    return true;
  } catch (error) {
    return !["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "");
  }
}

/** The driver's own library, which a container gets from its host. */
export function driverLibraryFinding(name = "libcuda.so.1"): Finding {
  try {
    koffi.load(name);
    return ok("Driver", `${name} loads`);
  } catch {
    return warning(
      "Driver",
      `${name} does not load, though nvidia-smi answers`,
      "install the driver's libraries (libcuda1); in a container: docker run --gpus all",
    );
  }
}

const systemFolders = ["/usr/local/cuda/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib64"];

/** The libraries of CUDA that a TensorFlow opens: beside it where pip's wheels lie, else where the loader looks. */
export function cudaLibrariesFinding(library: Pick<TensorFlowLibrary, "source" | "directory">, system: readonly string[] = systemFolders): Finding {
  const { source, directory } = library;
  if (source === "cache" && !directory.startsWith(installFolder("cuda")))
    return warning("CUDA", "TensorFlow is installed without CUDA", "npx ddpm setup --cuda");
  const beside = join(dirname(directory), "nvidia");
  const own = existsSync(beside) ? readdirSync(beside).map((name) => join(beside, name, "lib")) : [];
  const given = (process.env["LD_LIBRARY_PATH"] ?? "").split(":").filter((folder) => folder !== "");
  const folders = [...own, ...given, ...system];
  const missing = cudaBuild.libraries.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (missing.length === 0) return ok("CUDA", `all ${cudaBuild.libraries.length} libraries are there`);
  const remedies = {
    cache: libraryRemedy(library),
    given: "install them beside TensorFlow, or unset DDPM_TENSORFLOW and run npx ddpm setup --cuda",
    "tfjs-node-gpu": "npx ddpm setup --cuda",
  };
  return warning("CUDA", `missing: ${missing.join(", ")}`, remedies[source]);
}

/** What TensorFlow wrote of the libraries of CUDA that it did not find, or of a driver that it could not start; nothing where neither. */
export function cudaComplaint(log: string): string {
  const names = [...log.matchAll(/Could not load dynamic library '([^']+)'/g)].map(([, name]) => name!);
  const missing = cudaBuild.libraries.filter((name) => names.includes(name));
  if (missing.length > 0) return `it does not find ${missing.join(", ")}`;
  return /failed call to cuInit: .*/.exec(log)?.[0] ?? "";
}

/** What makes TensorFlow write that. */
export const cudaLogging = { TF_CPP_MIN_LOG_LEVEL: "0", TF_CPP_VMODULE: "dso_loader=1" };

/** Whether the PCI bus has a display controller of NVIDIA's. */
function isCardOnBus(bus = "/sys/bus/pci/devices"): boolean {
  const facts = (device: string, name: string): string => {
    const path = join(bus, device, name);
    return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  };
  const devices = existsSync(bus) ? readdirSync(bus) : [];
  return devices.some((device) => facts(device, "vendor") === "0x10de" && facts(device, "class").startsWith("0x03"));
}

/** A finding as a fault, where a GPU is asked for. */
export const demanded = (finding: Finding): Finding =>
  finding.level === "warning" || (finding.what === "GPU" && finding.level === "note" && /none/.test(finding.found))
    ? fault(finding.what, finding.found, finding.remedy ?? "take a machine with an NVIDIA GPU, or leave --cuda out")
    : finding;
