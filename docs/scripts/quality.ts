// Writes docs/data/quality.json, the table of the page on numbers, from evaluations: quality.mjs "model, weights=folder" …, folders as ddpm evaluate leaves them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./ddpm.mjs";

const estimate = (found) => found && { value: found.mean, error: found.error };

const rows = process.argv.slice(2).flatMap((argument) => {
  const [names, folder] = argument.split("=");
  const at = names.lastIndexOf(", ");
  const { floor, results, bound, features } = JSON.parse(readFileSync(join(folder, "evaluation.json"), "utf8"));
  return results.map(({ sampler, steps, distances: { count, fid, kid } }) => ({
    model: names.slice(0, at),
    weights: names.slice(at + 2),
    sampler,
    steps,
    samples: count,
    features: features.name,
    fid: estimate(fid?.unbiased),
    fidFloor: estimate(floor.fid?.unbiased),
    kid: estimate(kid),
    kidFloor: estimate(floor.kid),
    bitsPerDim: estimate(bound?.bits),
  }));
});
const file = join(root, "docs/data/quality.json");
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(rows, undefined, 2)}\n`);
