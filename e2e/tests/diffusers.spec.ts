// A model from diffusers in the Draw tab
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeModel, encodeModel } from "@ddpm/core";
import { expect, type Page } from "@playwright/test";
import { cli, small } from "./cli.ts";
import { test as base, draw, faults, pictures } from "./playground.ts";
import { samplesIn } from "./samples.ts";

/** `converted` is what `ddpm convert` makes of a folder of diffusers with a DDIMScheduler, whose model knows images of a class alone. */
const test = base.extend<Record<never, never>, { converted: string }>({
  converted: [
    async ({ folder }, use) => {
      const at = (name: string): string => join(folder, name);
      const flags = ["--conditional", "--model.architecture", "ddpm", "--model.groups", "4", "--model.channels", "1"];
      cli("train", ...small, ...flags, "--steps", "20", "--out", at("ddpm-run"));
      const { parameters, metadata } = decodeModel(readFileSync(at("ddpm-run/model.safetensors")));
      const table = parameters.get("class_embedding.weight")!;
      const width = table.shape[1]!;
      const data = table.data.map((x, i) => (i % width === width - 1 ? 0 : x)); // diffusers has no embedding for none
      writeFileSync(
        at("from-diffusers.safetensors"),
        encodeModel(new Map([...parameters, ["class_embedding.weight", { ...table, data }]]), metadata),
      );
      cli("convert", "--checkpoint", at("from-diffusers.safetensors"), "--out", at("pipeline"));
      const file = at("pipeline/scheduler/scheduler_config.json");
      const scheduler = JSON.parse(readFileSync(file, "utf8")) as object;
      const own = { _class_name: "DDIMScheduler", timestep_spacing: "linspace", clip_sample: true, steps_offset: 1 };
      writeFileSync(file, JSON.stringify({ ...scheduler, ...own }));
      cli("convert", "--checkpoint", at("pipeline"), "--out", at("converted.safetensors"));
      await use(at("converted.safetensors"));
    },
    { scope: "worker" },
  ],
});

/** The bytes of what `ddpm sample` draws. */
function sampled(checkpoint: string, ...flags: string[]): number[] {
  const out = `${checkpoint}.drawn.safetensors`;
  cli("sample", "--checkpoint", checkpoint, "--class", "0", "--steps", "5", "--count", "2", "--seed", "3", ...flags, "--out", out);
  return Array.from(samplesIn(out), (x) => Math.min(Math.max((x + 1) * 127.5, 0), 255));
}

/** The most that two pictures differ at a pixel, of 255. */
const apart = (found: readonly number[], expected: readonly number[]): number =>
  found.reduce((most, byte, i) => Math.max(most, Math.abs(byte - expected[i]!)), 0);

async function drawn(page: Page): Promise<number[]> {
  await draw(page, 5);
  return (await pictures(page)).flat();
}

test("a model from diffusers is drawn from as its scheduler does, until a person chooses otherwise, the same as by ddpm sample", async ({
  page,
  converted,
}) => {
  await page.goto("/#steps=5&count=2&seed=3&sampler=euler");
  await page.setInputFiles("#file", converted);
  await expect(page.locator("#model")).toContainText("16×16×1 pictures of 5 classes");
  const control = (name: string) => page.locator(`#settings [name=${name}]`);
  const left = (name: string) => control(name).locator("option").first();
  await expect(left("spacing"), "of Euler's method").toHaveText("usual: trailing");
  await expect(control("rederive")).toBeDisabled();
  await control("sampler").selectOption("");
  await expect(left("sampler")).toHaveText("the model's: DDIM, few steps");
  await expect(left("spacing")).toHaveText("the model's: linspace");
  await expect(left("clip")).toHaveText("the model's: yes");
  await expect(left("rederive")).toHaveText("the model's: no");
  await expect(page.locator("#drawing-note")).toHaveText(
    "What is left to the model is as its DDIMScheduler draws. Of its DDIMScheduler: its steps_offset is 1, and here it is always 0: pictures will differ a little.",
  );
  const own = await drawn(page);
  expect(apart(own, sampled(converted))).toBeLessThanOrEqual(1.5);
  for (const [name, value] of [
    ["spacing", "leading"],
    ["clip", "no"],
    ["rederive", "yes"],
  ] as const) {
    await control(name).selectOption(value);
    const found = await drawn(page);
    expect(apart(found, own), name).toBeGreaterThan(10);
    if (name === "rederive") expect(apart(found, sampled(converted, "--rederive"))).toBeLessThanOrEqual(1.5);
    await control(name).selectOption("");
  }
  expect(await faults(page)).toEqual([]);
});

test("a model that knows images of a class alone is asked for one, and not guided", async ({ page, converted, run }) => {
  await page.goto("/#steps=5&guidance=3");
  await page.setInputFiles("#file", converted);
  const picker = page.locator("#class-name");
  await expect(picker.locator("option")).toHaveText(["0", "1", "2", "3", "4", "all, a row each"]);
  await expect(page.getByRole("slider", { name: "Guidance" })).toBeDisabled();
  await draw(page, 5);
  await expect(page.locator("#caption")).toHaveText("Class: 0");
  await page.setInputFiles("#file", join(run, "model.safetensors"));
  await expect(page.locator("#drawing-note")).toHaveText("");
  await expect(page.locator("#settings [name=sampler] option").first()).toHaveText("usual: DDIM, few steps");
});
