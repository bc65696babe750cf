#!/usr/bin/env node
import { nodeComplaint } from "./node-version.js";

const end = (complaint) => {
  process.stderr.write(`ddpm: ${complaint}\n`);
  process.exitCode = 1;
};

const complaint = nodeComplaint();
if (complaint) end(complaint);
// Only now: what an older Node lacks is an error of its import
else
  import("./run.js").catch((error) =>
    end(`Expected ddpm's packages to load but found ${error.message.split("\n")[0]}; run npm install, or npm run setup where ddpm's sources are`),
  );
