// The other U-Nets train, resume and draw as the notebook's does
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { decodeModel } from "@ddpm/core";
import { small, stateOf, succeeds } from "./cli-process.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
const at = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true, force: true }));

const ddpm = ["--model.architecture", "ddpm", "--model.dim", "8", "--model.dimMults", "1,2", "--model.groups", "4", "--model.attention", "1"];
const models = {
  ddpm: [...ddpm, "--model.downsamplePadding", "0", "--model.dropout", "0.1", "--conditional"],
  annotated: ["--model.architecture", "annotated", "--model.groups", "4", "--diffusion.variance", "learned", "--model.dropout", "0.1"],
};

for (const [name, flags] of Object.entries(models)) {
  const conditional = flags.includes("--conditional");
  test(`a ${name} model learns, resumes to the same bytes and draws`, async () => {
    const [whole, parts] = [at(`${name}-whole`), at(`${name}-parts`)];
    const train = ["train", ...small, ...flags, "--train.batch", "16"];
    await succeeds(...train, "--steps", "60", "--out", whole);
    await succeeds(...train, "--steps", "23", "--out", parts);
    await succeeds("train", "--resume", "--steps", "60", "--out", parts);
    assert.deepEqual(readFileSync(join(parts, "model.safetensors")), readFileSync(join(whole, "model.safetensors")));
    assert.deepEqual(stateOf(parts), stateOf(whole));

    const lines = readFileSync(join(whole, "log.jsonl"), "utf8").trim().split("\n");
    const losses = lines.map((line) => (JSON.parse(line) as { loss: number }).loss);
    const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
    assert.ok(mean(losses.slice(-10)) < 0.8 * mean(losses.slice(0, 5)), `${losses}`);

    const chosen = conditional ? ["--class", "all", "--guidance", "2"] : [];
    await succeeds("sample", "--checkpoint", whole, "--sampler", "ddim", "--steps", "5", "--count", "5", ...chosen, "--out", at(`${name}.png`));
    assert.equal(decodeModel(readFileSync(join(whole, "model.safetensors"))).metadata!.config["model.architecture"], name);
  });
}
