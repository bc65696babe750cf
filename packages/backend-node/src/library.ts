import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type Flavour, wheels } from "./wheels.ts";

/** Where a libtensorflow lies, and who put it there. */
export interface TensorFlowLibrary {
  readonly directory: string;
  readonly ccLibrary: string;
  readonly frameworkLibrary: string;
  readonly source: "given" | "cache" | "tfjs-node-gpu";
}

/** No libtensorflow was found where one was looked for. */
export class TensorFlowMissingError extends Error {
  override readonly name = "TensorFlowMissingError";
}

/** The folder of the user's cache that holds what ddpm installs: `$XDG_CACHE_HOME/ddpm` or `~/.cache/ddpm`. */
export const cacheFolder = (): string => join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "ddpm");

/** Where `ddpm setup` installs TensorFlow. */
export const installFolder = (flavour: Flavour): string => join(cacheFolder(), `tensorflow-${wheels[flavour][0]!.version}-${flavour}`);

/**
 * Finds libtensorflow: in `path` or `$DDPM_TENSORFLOW`, else in `places`, which are where `ddpm setup` puts it and @tensorflow/tfjs-node-gpu.
 * Throws a TensorFlowMissingError that names the remedy; a given path without the library is an error too.
 */
export function findTensorFlow({
  path = process.env["DDPM_TENSORFLOW"],
  places = usualPlaces(),
}: {
  path?: string | undefined;
  places?: readonly Place[];
} = {}): TensorFlowLibrary {
  if (path) {
    const given = inFolder(resolve(path), "given");
    if (given) return given;
    throw new TensorFlowMissingError(
      `Expected libtensorflow_cc.so.2 and libtensorflow_framework.so.2 in ${path} but found no such pair; correct DDPM_TENSORFLOW, or unset it and run npx ddpm setup`,
    );
  }
  for (const place of places) {
    const found = inFolder(...place);
    if (found) return found;
  }
  throw new TensorFlowMissingError("Expected TensorFlow but found none; install it with npx ddpm setup, or sample on --device wasm");
}

type Place = readonly [directory: string, source: TensorFlowLibrary["source"]];

function usualPlaces(): Place[] {
  const installed = (["cuda", "cpu"] as const).map((flavour) => [join(installFolder(flavour), "tensorflow"), "cache"] as const);
  const folder = tfjsNodeFolder();
  return folder === undefined ? installed : [...installed, [join(folder, "deps", "lib"), "tfjs-node-gpu"]];
}

/** The command that replaces a TensorFlow that is missing or does not fit. */
export function libraryRemedy({ source, directory }: Pick<TensorFlowLibrary, "source" | "directory">): string {
  if (source === "given") return "correct DDPM_TENSORFLOW, or unset it and run npx ddpm setup";
  if (source === "tfjs-node-gpu") return "run npx ddpm setup";
  const flavour = directory.startsWith(installFolder("cuda")) ? "cuda" : "cpu";
  return `run rm -r ${installFolder(flavour)} && npx ddpm setup${flavour === "cuda" ? " --cuda" : ""}`;
}

/** Where @tensorflow/tfjs-node-gpu is, which only the device tfjs-node needs, so that it need not be installed. */
export function tfjsNodeFolder(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-node-gpu/package.json"));
  } catch {
    return undefined;
  }
}

function inFolder(directory: string, source: TensorFlowLibrary["source"]): TensorFlowLibrary | undefined {
  const pairs = [
    ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"],
    ["libtensorflow.so", "libtensorflow_framework.so"],
  ] as const;
  const pair = pairs.find((names) => names.every((name) => existsSync(join(directory, name))));
  return pair && { directory, ccLibrary: join(directory, pair[0]), frameworkLibrary: join(directory, pair[1]), source };
}
