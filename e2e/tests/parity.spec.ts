import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "@playwright/test";
import { cli, small } from "./cli.ts";
import { expectOther, expectSame, sample, samplesIn } from "./samples.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Models that are trained here, for a moment each. */
const models = {
  "grey, ResNet": ["--model.channels", "1"],
  "colour, ConvNeXt": ["--model.channels", "3", "--model.block", "convnext"],
  "colour, Ho et al.": ["--model.channels", "3", "--model.architecture", "ddpm", "--model.groups", "4", "--model.attention", "1"],
  "grey, annotated": ["--model.channels", "1", "--model.architecture", "annotated", "--model.groups", "4"],
};
const draws = [
  { sampler: "ddim", steps: 20, count: 4, seed: 1 },
  { sampler: "ddim", steps: 20, count: 4, seed: 2 },
  { sampler: "ddpm", steps: 200, count: 2, seed: 3 },
  { sampler: "ddpm", steps: 200, count: 2, seed: 4 },
];

for (const [i, [name, flags]] of Object.entries(models).entries()) {
  const run = join(folder, `${i}`);
  test.describe(name, () => {
    test.beforeAll(() => cli("train", ...small, ...flags, "--steps", "40", "--out", run));

    for (const { sampler, steps, count, seed } of draws) {
      for (const device of seed === 1 ? ["webgl", "tfjs-webgl", "wasm"] : ["webgl", "wasm"]) {
        test(`${sampler} with ${steps} steps and seed ${seed} draws the same on ${device} as on TensorFlow`, async ({ page }) => {
          const out = join(run, `${sampler}-${seed}.safetensors`);
          if (!existsSync(out))
            cli("sample", "--checkpoint", run, "--sampler", sampler, "--steps", `${steps}`, "--count", `${count}`, "--seed", `${seed}`, "--out", out);
          expectSame(await sample(page, run, device, { sampler, steps, count, seed }), samplesIn(out));
        });
      }
    }
  });
}

test.describe("classes with guidance", () => {
  const run = join(folder, "classes");
  const out = join(run, "classes.safetensors");
  test.beforeAll(() => {
    cli("train", ...small, "--model.channels", "3", "--conditional", "--steps", "40", "--out", run);
    const how = ["--sampler", "ddim", "--steps", "10", "--count", "10", "--seed", "5", "--class", "all", "--guidance", "2"];
    cli("sample", "--checkpoint", run, ...how, "--out", out);
  });

  for (const device of ["webgl", "tfjs-webgl", "wasm"]) {
    test(`draw the same on ${device} as on TensorFlow`, async ({ page }) => {
      const labels = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4];
      const found = await sample(page, run, device, { sampler: "ddim", steps: 10, count: 10, seed: 5, labels, guidance: 2 });
      expectSame(found, samplesIn(out));
      expectOther(await sample(page, run, device, { sampler: "ddim", steps: 10, count: 10, seed: 5, labels, guidance: 1 }), found);
    });
  }
});
