import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Imports @tensorflow/tfjs-node-gpu, whose addon `ddpm setup` builds. Throws an error that names the command where it is missing. */
export async function loadTfjsNode(): Promise<unknown> {
  restoreUtil();
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  try {
    return await import("@tensorflow/tfjs-node-gpu");
  } catch (error) {
    const reason = (error as Error).message.split("\n").find((line) => line.trim()) ?? "";
    throw new Error(
      `Expected the addon of @tensorflow/tfjs-node-gpu but it did not load (${reason.slice(0, 120)}); see npx ddpm doctor, or use --device tensorflow`,
      { cause: error },
    );
  }
}

/** tfjs-node 4.22 calls two functions that Node 23 took out of `util`. */
function restoreUtil(): void {
  const util = require("node:util") as Record<string, unknown>;
  util["isNullOrUndefined"] ??= (x: unknown) => x === null || x === undefined;
  util["isArray"] ??= Array.isArray;
}
