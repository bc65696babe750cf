import { expect, test } from "@playwright/test";

/** What src/page.ts gives the page. */
declare const ddpm: {
  conformance(device: string): Promise<Record<string, { error: number; how?: string }>>;
  golden(device: string, name: string): Promise<Record<string, number>>;
  renderer(): { name: string; software: boolean; float32: boolean } | undefined;
  chooseDevice(options?: { training: boolean }): { device: string; reason: string };
};

const tolerances: Readonly<Record<string, number>> = { eps: 1e-4, losses: 1e-5, gradients: 1e-4, training: 1e-5, after: 1e-4 };

test.beforeEach(async ({ page }) => {
  await page.goto("/");
  await page.waitForFunction(() => "ddpm" in globalThis);
});

test("the renderer is known, holds float32, and the choice of a device says why", async ({ page }) => {
  const found = await page.evaluate(() => ddpm.renderer());
  expect(found?.name).toMatch(/\w/);
  expect(found?.float32).toBe(true);
  const sampling = await page.evaluate(() => ddpm.chooseDevice());
  expect(sampling.device).toBe(found?.software ? "wasm" : "webgl");
  expect(sampling.reason).toContain(found?.name);
  expect(await page.evaluate(() => ddpm.chooseDevice({ training: true }))).toMatchObject({ device: "webgl" });
});

for (const device of ["webgl", "tfjs-webgl", "wasm", "cpu"]) {
  test(`every case on ${device} as on the reference`, async ({ page }) => {
    const found = Object.entries(await page.evaluate((device) => ddpm.conformance(device), device));
    expect(found.length).toBeGreaterThan(device === "wasm" ? 15 : 40);
    expect(found.filter(([, { error }]) => !(error < 1e-4))).toEqual([]);
    const planned = found.filter(([name]) => device === "webgl" && name.startsWith("images: "));
    expect(planned.filter(([, { how, error }]) => !how?.includes("draws") || error > 1e-5)).toEqual([]);
  });
}

for (const device of ["tfjs-webgl", "wasm"]) {
  for (const name of ["unet-resnet", "unet-convnext", "unet-rgb", "ddpm-unet", "ddpm-unet-heads", "annotated-unet"]) {
    test(`${name} on ${device} as in PyTorch`, async ({ page }) => {
      const errors = await page.evaluate(([device, name]) => ddpm.golden(device!, name!), [device, name]);
      expect(Object.entries(errors).filter(([what, error]) => !(error < tolerances[what]!))).toEqual([]);
    });
  }
}
