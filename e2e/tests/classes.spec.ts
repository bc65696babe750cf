// Classes in the Draw tab
import { join } from "node:path";
import { expect } from "@playwright/test";
import { cli } from "./cli.ts";
import { content, draw, faults, open, pictures, test } from "./playground.ts";
import { samplesIn } from "./samples.ts";

test("a person picks a class by its name, which draws something else than another class", async ({ page, classRun }) => {
  await open(page, classRun, "#steps=5&count=2");
  const picker = page.locator("#class-name");
  await expect(picker.locator("option")).toHaveText(["any", "disc", "square", "triangle", "ring", "cross", "all, a row each"]);
  await expect(page.getByRole("slider", { name: "Guidance" })).toBeDisabled();
  const drawn = new Set<string>();
  for (const name of ["any", "disc", "cross"]) {
    await picker.selectOption(name);
    await draw(page, 5);
    await expect(page.locator("#caption")).toHaveText(name === "any" ? "" : `Class: ${name}`);
    drawn.add(await content(page));
  }
  await page.getByRole("slider", { name: "Guidance" }).fill("4");
  await expect(page.getByText("Guidance: 4")).toBeVisible();
  await draw(page, 5);
  expect(drawn.add(await content(page)).size).toBe(4);
  expect(await faults(page)).toEqual([]);
  await expect(page).toHaveURL(/class=4&guidance=4/);
});

test("all classes are a row each, the same as ddpm sample draws", async ({ page, classRun }) => {
  await open(page, classRun, "#steps=5&count=6&seed=3&class=all&guidance=2");
  await draw(page, 5);
  await expect(page.locator("#caption")).toHaveText("A row of each class: disc, square, triangle, ring, cross");
  const found = await pictures(page);
  expect(found.length).toBe(10);
  const out = join(classRun, "all.safetensors");
  const how = ["--sampler", "ddim", "--steps", "5", "--count", "6", "--seed", "3", "--class", "all", "--guidance", "2"];
  cli("sample", "--checkpoint", classRun, ...how, "--out", out);
  const bytes = Array.from(samplesIn(out), (x) => Math.min(Math.max((x + 1) * 127.5, 0), 255));
  for (const [i, byte] of found.flat().entries()) expect(Math.abs(byte - bytes[i]!), `pixel ${i}`).toBeLessThanOrEqual(1.5);
});

test("a link keeps the class until there is a model to ask, and models without classes show no picker", async ({ page, run, classRun }) => {
  await open(page, run, "#steps=2&class=2&guidance=3");
  await expect(page.locator("#classes")).toBeHidden();
  await draw(page, 2);
  await page.setInputFiles("#file", join(classRun, "model.safetensors"));
  await expect(page.locator("#class-name")).toHaveValue("2");
  await expect(page.locator("#guidance")).toHaveValue("3");
  await draw(page, 2);
  await expect(page.locator("#caption")).toHaveText("Class: triangle");
});
