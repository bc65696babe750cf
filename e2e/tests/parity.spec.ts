import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode, imagesFromNCHW } from "@ddpm/core";
import { expect, test } from "@playwright/test";
import { cli, small } from "./cli.ts";

/** What src/page.ts gives the page. */
declare const ddpm: { sample(device: string, url: string, options: object): Promise<number[]> };

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Models that are trained here, for a moment each. */
const models = {
  "grey, ResNet": ["--model.channels", "1"],
  "colour, ConvNeXt": ["--model.channels", "3", "--model.block", "convnext"],
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
          const { shape, data } = decode(readFileSync(out)).tensors.get("samples")!;
          const [n, c, h, w] = shape as [number, number, number, number];
          const expected = imagesFromNCHW(Float32Array.from(data), [n, h, w, c]);
          await page.route("/checkpoint", (route) => route.fulfill({ path: join(run, "model.safetensors") }));
          await page.goto("/");
          await page.waitForFunction(() => "ddpm" in globalThis);
          const found = await page.evaluate(([device, options]) => ddpm.sample(device, "/checkpoint", options), [
            device,
            { sampler, steps, count, seed },
          ] as const);
          const differences = found.map((x, at) => Math.abs(x - expected[at]!) / 2); // as parts of the range [-1, 1]
          expect(found.length).toBe(expected.length);
          expect(Math.max(...differences)).toBeLessThanOrEqual(1 / 255);
          expect(differences.reduce((sum, x) => sum + x) / differences.length).toBeLessThanOrEqual(0.1 / 255);
          expect(Math.max(...found) - Math.min(...found)).toBeGreaterThan(0.5); // not blank
        });
      }
    }
  });
}
