import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Config, configKeys, configure, defaults, fields, parseConfig, parseValue } from "./config.ts";
import { presets } from "./presets.ts";

const refuses = (part: object, message: RegExp): void => assert.throws(() => configure(part), { name: "SyntaxError", message });

test("configure() without parts gives the notebook's configuration", () => {
  const config = configure();
  const dim: number = config["model.dim"];
  const block: "resnet" | "convnext" = config["model.block"];
  assert.deepEqual([dim, config["model.dimMults"], block, config["diffusion.timesteps"]], [28, [1, 2, 4], "resnet", 600]);
  assert.deepEqual(config, presets.notebook);
});

test("configure() lets later parts win", () => {
  const config = configure({ "train.batch": 4, seed: 1 }, { seed: 2 });
  assert.deepEqual([config["train.batch"], config.seed], [4, 2]);
  assert.equal(defaults.seed, 0);
});

test("every default and preset is a valid configuration that survives JSON", () => {
  for (const key of configKeys) assert.ok(fields[key].accepts(fields[key].default), key);
  for (const preset of Object.values(presets)) assert.deepEqual(configure(JSON.parse(JSON.stringify(preset)) as Config), preset);
});

test("configure() names the key, what it expected and what it found", () => {
  refuses({ "model.dim": 27 }, /^Expected model\.dim to be an even integer of at least 4 and of at most 8192 but found 27$/);
  refuses({ "model.dim": 2 }, /model\.dim .* found 2$/);
  refuses({ "model.dim": "28" }, /model\.dim .* found "28"$/);
  refuses({ "model.dim": NaN }, /model\.dim .* found NaN$/);
  refuses({ "model.dim": undefined }, /model\.dim .* found undefined$/);
  refuses({ "model.dimMults": [] }, /model\.dimMults to be a list/);
  refuses({ "model.dimMults": [1, 1.5] }, /model\.dimMults .* found \[1,1.5\]$/);
  refuses({ "model.groups": 8 }, /model\.groups to be a divisor of 28, the width of a level, but found 8$/);
  refuses(
    { "data.height": 30 },
    /data\.height to be divisible by 4, which the 3 levels of model\.dimMults halve it by, such as 28 or 32, but found 30$/,
  );
  refuses({ "data.width": 26 }, /data\.width to be divisible by 4/);
  refuses({ "data.width": 3 }, /such as 4, but found 3$/);
  refuses({ "diffusion.timesteps": 0 }, /diffusion\.timesteps .* at least 1 .* found 0$/);
  refuses(
    { "diffusion.timesteps": 10, "diffusion.schedule": "linear-scaled" },
    /^diffusion\.timesteps: Expected betas below 1 but found .*; choose more timesteps or another schedule$/,
  );
  refuses({ "diffusion.schedule": "cosin" }, /one of linear, linear-scaled, cosine.* found "cosin"$/);
  refuses({ "diffusion.zeroTerminalSnr": true }, /diffusion\.objective to be v or x0 with diffusion\.zeroTerminalSnr, .* found "eps"$/);
  refuses(
    { "diffusion.zeroTerminalSnr": true, "diffusion.objective": "v", "diffusion.timesteps": 1 },
    /^diffusion\.timesteps: Expected at least 2 timesteps to rescale .*; choose more$/,
  );
  refuses({ "train.lr": 0 }, /train\.lr to be a number above 0 but found 0$/);
  refuses({ "train.emaDecay": 1 }, /train\.emaDecay .* below 1 but found 1$/);
  refuses({ "train.emaAlso": [0.9, 1] }, /train\.emaAlso to be a list of at most 16 numbers .* below 1, such as .* but found \[0.9,1\]$/);
  refuses({ "train.emaAlso": [0.9, 0.9] }, /train\.emaAlso to be decays that differ .* but found 0\.9,0\.9$/);
  refuses({ "train.emaDecay": 0.5, "train.emaAlso": [0.5] }, /differ from each other and from train\.emaDecay 0\.5 but found 0\.5$/);
  refuses({ "train.batch": 10, "train.accumulate": 4 }, /train\.accumulate to be a divisor of 10, the images of a step, but found 4$/);
  refuses(
    { "train.lrDecay": "linear", "train.warmup": 20, "train.decaySteps": 10 },
    /train\.decaySteps to be above 20, which is train\.warmup, but found 10; choose more of them or a shorter train\.warmup$/,
  );
  refuses({ seed: 2 ** 32 }, /seed .* found 4294967296$/);
  refuses({ seed: -1 }, /seed .* found -1$/);
  for (const part of [null, [], 5])
    assert.throws(() => configure(part as unknown as Config), {
      name: "SyntaxError",
      message: /Expected a configuration to be an object of keys and values but found /,
    });
});

test("configure() holds each architecture to what it has", () => {
  const ddpm = { "model.architecture": "ddpm", "model.dim": 8, "model.dimMults": [1, 2], "data.height": 8, "data.width": 8 } as const;
  assert.equal(configure(ddpm, { "model.attention": [1], "model.headDim": 16, "model.groups": 4 })["model.headDim"], 16);
  refuses({ "model.architecture": "unet" }, /model\.architecture to be one of notebook, ddpm, annotated but found "unet"$/);
  refuses(
    { "model.attention": [0] },
    /^Expected model\.attention to be left at \[\] for model\.architecture notebook, which has nothing of the kind, but found \[0\]$/,
  );
  refuses({ "model.architecture": "annotated", "model.block": "convnext" }, /model\.block to be left at "resnet" for model\.architecture annotated/);
  refuses({ ...ddpm, "model.dimMults": [2, 4] }, /model\.dimMults to be a list that begins with 1 for model\.architecture ddpm, but found 2,4$/);
  refuses({ ...ddpm, "model.attention": [0, 2] }, /model\.attention to be levels of 0 to 1, which model\.dimMults has, but found 2$/);
  refuses({ ...ddpm, "model.headDim": 12 }, /model\.headDim to be 0 or a divisor of 16, the width of a level with attention, but found 12$/);
  refuses({ ...ddpm, "model.groups": 3 }, /model\.groups to be a divisor of 8/);
  refuses({ "model.architecture": "annotated", "model.groups": 3 }, /model\.groups to be a divisor of 28/);
});

test("configure() suggests the nearest key for an unknown one", () => {
  refuses({ "model.dims": 28 }, /^Expected a configuration key but found model\.dims; did you mean model\.dim\?$/);
  refuses({ dim: 28 }, /did you mean model\.dim\?$/);
  refuses({ "train.weight_decay": 0 }, /did you mean train\.weightDecay\?$/);
  refuses({ "zzzzz.qqqqqqqq": 0 }, /the keys are model\.architecture, model\.dim, /);
  refuses(JSON.parse('{"__proto__": 1}') as object, /found __proto__/);
});

test("groups matter to ResNet blocks only", () => {
  assert.equal(configure({ "model.groups": 8, "model.block": "convnext" })["model.groups"], 8);
  assert.equal(configure({ "model.groups": 7 })["model.groups"], 7);
  refuses({ "model.groups": 8, "model.dim": 4, "model.dimMults": [2, 4] }, /divisor of 4/);
});

test("parseValue() reads flags", () => {
  const mults: readonly number[] = parseValue("model.dimMults", "1,2,4");
  assert.deepEqual(mults, [1, 2, 4]);
  assert.deepEqual(parseValue("model.dimMults", "[1, 2]"), [1, 2]);
  assert.deepEqual(parseValue("model.attention", ""), []);
  assert.deepEqual(parseValue("model.classes", "[cat, dog]"), ["cat", "dog"]);
  assert.equal(parseValue("train.lr", "1e-4"), 1e-4);
  assert.deepEqual(
    ["0.99,0.5", "[0.99]", "", "[]"].map((text) => parseValue("train.emaAlso", text)),
    [[0.99, 0.5], [0.99], [], []],
  );
  assert.equal(parseValue("data.flip", "false"), false);
  assert.equal(parseValue("model.block", "convnext"), "convnext");
  assert.deepEqual(parseConfig({ seed: "7", "model.dim": "8" }), { seed: 7, "model.dim": 8 });
});

test("parseValue() refuses texts that a key cannot have", () => {
  for (const [key, text] of [
    ["model.dim", ""],
    ["model.dim", "x"],
    ["model.dimMults", "1,,2"],
    ["model.dimMults", ""],
    ["model.attention", "1,"],
    ["train.emaAlso", "0.9,"],
    ["data.flip", "yes"],
    ["train.lr", "Infinity"],
  ] as const) {
    assert.throws(() => parseValue(key, text), { name: "SyntaxError", message: new RegExp(`^Expected ${key} to be .* but found "`) });
  }
  assert.throws(() => parseConfig({ "model.dmi": "4" }), { name: "SyntaxError", message: /did you mean model\.dim\?/ });
});

test("configure() of anything gives a configuration or a SyntaxError", () => {
  const part = fc.dictionary(fc.constantFrom(...configKeys), fc.oneof(fc.jsonValue(), fc.integer(), fc.array(fc.nat(9))));
  fc.assert(
    fc.property(fc.oneof(part, fc.jsonValue()), (part) => {
      try {
        configure(part as Partial<Config>);
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
