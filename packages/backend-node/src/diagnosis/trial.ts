/** Tries a device in a process of its own, since a library that does not fit may end the process. */
import { execFile } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { DeviceName } from "../devices.ts";
import { cudaComplaint, cudaLogging } from "./nvidia.ts";

/** What a device calls itself, once it has done what it is for, or why it could not. */
export type Trial = { readonly name: string } | { readonly reason: string };

const minutes = 60e3;

const withComplaint = (trial: Trial, complaint: string): Trial =>
  "reason" in trial && complaint ? { reason: `${trial.reason} (TensorFlow: ${complaint})` } : trial;

/** `.ts` where sources run, which Node reads through tsx; `.js` where they are built. */
const extension = extname(import.meta.url);
const loader = extension === ".ts" ? ["--import", import.meta.resolve("tsx")] : [];

export function tryDevice(device: DeviceName): Promise<Trial> {
  const args = [...loader, fileURLToPath(new URL(`trial-main${extension}`, import.meta.url)), device];
  return new Promise((resolve) => {
    const env = { ...process.env, ...(device === "tensorflow:cuda" && cudaLogging) };
    execFile(process.execPath, args, { timeout: 3 * minutes, env }, (error, stdout, stderr) => {
      const said = stdout.split("\n").findLast((line) => line.startsWith("{"));
      const complaint = cudaComplaint(stderr);
      if (said) return resolve(withComplaint(JSON.parse(said) as Trial, complaint));
      const last = complaint || stderr.trim().split("\n").at(-1) || "it said nothing";
      const end = error?.killed ? "took more than 3 minutes" : error?.signal ? `was ended by ${error.signal}` : `ended with ${error?.code ?? 0}`;
      resolve({ reason: `a process that tried it ${end}: ${last.slice(0, 200)}` });
    });
  });
}
