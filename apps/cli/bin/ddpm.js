#!/usr/bin/env node
// Runs the TypeScript sources as they are: nothing has to be built
import { nodeComplaint } from "./node-version.js";

const complaint = nodeComplaint();
if (complaint) {
  process.stderr.write(`ddpm: ${complaint}\n`);
  process.exitCode = 1;
} else {
  // Only now: what an older Node lacks is an error of its import
  import("./run.js");
}
