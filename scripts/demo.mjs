// The main job on an embedded default: trains a small U-Net on procedural shapes for about two minutes and draws a grid with it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ddpm, root } from "./ddpm.mjs";

const steps = "1300";
const resume = existsSync(join(root, "runs/demo/config.json")) ? ["--resume"] : [];
const size = resume.length > 0 ? [] : ["--preset", "demo", "--data", "shapes", "--conditional", "--data.height", "16", "--data.width", "16"];

ddpm("train", "--out", "runs/demo", "--steps", steps, ...size, ...resume);
ddpm("sample", "--checkpoint", "runs/demo", "--class", "all", "--count", "40", "--guidance", "2", "--out", "runs/demo/grid.png");
console.log(
  "\nThe picture:    runs/demo/grid.png\nThe checkpoint: runs/demo/model.safetensors\nNext:           npx ddpm playground --checkpoint runs/demo\n                npx ddpm train --data fashion-mnist --out runs/fashion",
);
