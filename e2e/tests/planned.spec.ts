// WebGL in a few fused passes: as exact as every other device, on every model, and honest about what it leaves to others
import { expect, test } from "@playwright/test";

interface Found {
  readonly device: string;
  readonly how: string | undefined;
  readonly error: number;
  readonly shaders: number;
}

/** What src/page.ts gives the page. */
declare const ddpm: {
  planned(device: string, name: string): Promise<{ eps: number; sample: number; how: string | undefined }>;
  forward(device: string, part: object, options?: { batches?: number[] }): Promise<Found[]>;
  chooseDevice(options: { training: boolean }): { reason: string };
  rewritten(device: string): Promise<{ error: number; again: boolean }>;
};

test.beforeEach(async ({ page }) => {
  await page.goto("/");
  await page.waitForFunction(() => "ddpm" in globalThis);
});

for (const name of ["unet-resnet", "unet-convnext", "unet-rgb", "ddpm-unet", "ddpm-unet-heads", "annotated-unet"]) {
  test(`${name} predicts and samples in planned passes as in PyTorch`, async ({ page }) => {
    const { eps, sample, how } = await page.evaluate((name) => ddpm.planned("webgl", name), name);
    expect(how).toMatch(/draws/);
    expect(eps).toBeLessThanOrEqual(1e-5);
    expect(sample).toBeLessThanOrEqual(1e-4);
  });
}

const models = {
  "the smallest": {},
  "two groups": { "model.groups": 2 },
  "groups that cut through texels": { "model.dim": 12, "model.groups": 4 },
  "widths and sizes that four does not divide": {
    "model.dim": 6,
    "model.dimMults": [1, 3],
    "data.height": 10,
    "data.width": 6,
    "model.channels": 3,
  },
  "one level": { "model.dimMults": [1], "data.height": 5, "data.width": 7 },
  "widths that fall": { "model.dim": 6, "model.dimMults": [2, 1] },
  "three levels, wider than high": { "model.dimMults": [1, 1, 2], "data.height": 4, "data.width": 20 },
  "a variance of its own": { "diffusion.variance": "learned", "model.channels": 3 },
  ConvNeXt: { "model.block": "convnext", "model.dim": 6, "model.dimMults": [1, 3] },
  "Ho et al.": {
    "model.architecture": "ddpm",
    "model.dim": 12,
    "model.groups": 4,
    "model.attention": [0],
    "model.downsamplePadding": 0,
    "data.width": 6,
  },
  "Ho et al. with heads, of one group": { "model.architecture": "ddpm", "model.headDim": 4, "model.attention": [1], "model.normEps": 0.1 },
  "the annotated diffusion model": { "model.architecture": "annotated", "model.groups": 2, "data.height": 12, "data.width": 20 },
};

for (const [name, part] of Object.entries(models)) {
  test(`a model of ${name} is as exact as the reference, with the same shaders for every batch`, async ({ page }) => {
    const found = await page.evaluate((part) => ddpm.forward("webgl", part, { batches: [1, 3] }), part);
    for (const { how, error } of found) {
      expect(how).toMatch(/draws/);
      expect(error).toBeLessThanOrEqual(1e-5);
    }
    expect(found[0]!.shaders).toBeGreaterThan(10);
    expect(found[1]!.shaders).toBe(0);
  });
}

test("new weights take effect, and a run is repeated to the bit", async ({ page }) => {
  const { error, again } = await page.evaluate(() => ddpm.rewritten("webgl"));
  expect(error).toBeLessThanOrEqual(1e-5);
  expect(again).toBe(true);
});

test("a browser with half floats alone is detected, that is said, and it draws nearly the same", async ({ page }) => {
  await page.evaluate(() => {
    const { getExtension } = WebGL2RenderingContext.prototype as { getExtension(name: string): unknown };
    Object.assign(WebGL2RenderingContext.prototype, {
      getExtension(this: WebGL2RenderingContext, name: string) {
        return name === "EXT_color_buffer_float" ? null : getExtension.call(this, name);
      },
    });
  });
  expect(await page.evaluate(() => ddpm.chooseDevice({ training: true }).reason)).toContain("half floats");
  const sides = { "model.dimMults": [1, 2, 4], "data.height": 28, "data.width": 28 }; // seven pixels at the deepest level
  const [found] = await page.evaluate((part) => ddpm.forward("webgl", part), sides);
  expect(found!.how).toMatch(/draws/);
  expect(found!.device).toContain("half");
  expect(found!.error).toBeLessThan(2e-2);
  expect(found!.error).toBeGreaterThan(1e-5);
});
