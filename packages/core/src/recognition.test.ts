import assert from "node:assert/strict";
import { test } from "node:test";
import { stateDict } from "../test/state-dict.ts";
import { decodeModel, type ParameterValue, parametersFrom } from "./checkpoint.ts";
import { configure } from "./config.ts";
import { presets } from "./presets.ts";
import { checkModel, inferModel } from "./recognition.ts";
import { encode } from "./safetensors.ts";
import { parametersOf } from "./sampling.ts";
import { Scope } from "./scope.ts";
import { input } from "./tensor.ts";
import { unet } from "./unet.ts";

const range = (...shape: number[]): ParameterValue => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i) });

const config = configure({ "model.dim": 8, "model.dimMults": [1, 2], "model.block": "convnext", seed: 3 });

test("inferModel() finds the architecture of recorded PyTorch models", () => {
  const infer = (name: string) => Object.values(inferModel(decodeModel(encode(stateDict(`unet-${name}`))).parameters));
  assert.deepEqual(infer("resnet"), [8, [1, 2, 4], "resnet", 1, []]);
  assert.deepEqual(infer("convnext"), [8, [1, 2], "convnext", 1, []]);
  assert.deepEqual(infer("rgb"), [16, [1, 2], "resnet", 3, []]);
});

test("inferModel() tells how many classes a model has, and checkModel() those of another number apart", () => {
  const config = configure({ "model.dim": 8, "model.dimMults": [1, 2], "model.classes": ["cat", "dog", "owl"] });
  const parameters = parametersOf(config);
  const inferred = inferModel(parameters);
  assert.deepEqual(inferred["model.classes"], ["0", "1", "2"]);
  checkModel(parameters, config);
  assert.throws(
    () => checkModel(parameters, { ...inferred, "model.classes": ["cat"] }),
    /U-Net with class_emb\.weight of \[32,2\] but found \[32,4\]; check that the file is whole$/,
  );
  assert.throws(
    () => checkModel(parameters, { ...inferred, "model.classes": [] }),
    /Expected a DDPM U-Net without class_emb\.weight but found it; check that the file holds this model and nothing else$/,
  );
});

test("inferModel() sees that a model learns its variance", () => {
  const scope = new Scope();
  unet(scope, input("x", [1, 4, 4, 3]), input("t", [1], "int32"), { dim: 8, dimMults: [1, 2], block: "resnet", groups: 1, outputs: 6 });
  const parameters = parametersFrom(scope, scope.initialValues(0));
  assert.deepEqual(Object.values(inferModel(parameters)), [8, [1, 2], "resnet", 3, [], "learned"]);
  const fixed = configure({ "model.dim": 8, "model.dimMults": [1, 2], "model.channels": 3 });
  assert.throws(() => checkModel(parameters, fixed), { name: "SyntaxError", message: /final_conv\.1\.weight of \[3,8,1,1\] but found \[6,8,1,1\]/ });
});

test("inferModel() names the first parameter that is missing, unexpected or of a wrong shape", () => {
  const model = decodeModel(encode(stateDict("unet-convnext"))).parameters;
  const refuses = (parameters: Map<string, ParameterValue>, message: RegExp): void =>
    assert.throws(() => inferModel(parameters), { name: "SyntaxError", message });
  refuses(new Map(), /U-Net with init_conv\.weight but found no parameter/);
  refuses(new Map([["conv1.weight", range(1)]]), /U-Net with init_conv\.weight but found conv1\.weight; save model\.state_dict\(\) of one$/);
  refuses(
    new Map([...model, ["init_conv.weight", range(3)]]),
    /init_conv\.weight of 4 axes but found \[3\]; check that the file holds a DDPM U-Net$/,
  );
  refuses(new Map([...model, ["fc.bias", range(1)]]), /without fc\.bias/);
  const none = encode(new Map([["class_emb.weight", { shape: [0, 60_000_000], dtype: "F32", data: new Float32Array(0) }]]), {});
  assert.throws(() => decodeModel(none), {
    name: "SyntaxError",
    message: /class_emb\.weight to hold numbers but found \[0,60000000\]; save the model anew$/,
  });
  refuses(new Map([...model, ["time_mlp.1.weight", range(9, 32)]]), /model\.dim/);
  refuses(new Map([...model, ["mid_attn.fn.fn.to_out.weight", range(1, 1, 2, 5)]]), /to_out\.weight of \[16,128,1,1\] but found \[5,2,1,1\]/);
  for (const name of model.keys()) {
    const less = new Map(model);
    less.delete(name);
    refuses(less, /^Expected /);
  }
});

test("checkModel() compares parameters with a configuration", () => {
  const model = decodeModel(encode(stateDict("unet-convnext"))).parameters;
  checkModel(model, config);
  assert.throws(() => checkModel(model, configure({ "model.dim": 8 })), { name: "SyntaxError", message: /downs\.0\.0\.block1\.proj\.weight/ });
});

test("inferModel() finds the architecture of what diffusers and the annotated diffusion model save", () => {
  const infer = (name: string) => inferModel(decodeModel(encode(stateDict(name))).parameters);
  const both = { "model.dimMults": [1, 2], "model.classes": [] };
  const ddpm = { ...both, "model.architecture": "ddpm", "model.channels": 3 };
  assert.deepEqual(infer("ddpm-unet"), { ...ddpm, "model.dim": 4, "model.blocks": 1, "model.attention": [1] });
  const heads = { ...ddpm, "model.dim": 8, "model.blocks": 2, "model.attention": [0], "model.classes": ["0", "1"] };
  assert.deepEqual(infer("ddpm-unet-heads"), heads);
  assert.deepEqual(infer("annotated-unet"), { ...both, "model.architecture": "annotated", "model.dim": 4, "model.channels": 1 });
});

test("inferModel() of a preset's parameters gives what describes their shapes", () => {
  const described = (architecture: string, preset: keyof typeof presets, part: object): void => {
    const config = configure(presets[preset], { "model.classes": ["cat", "dog"], "diffusion.variance": "learned" });
    const { "model.classes": classes, ...inferred } = inferModel(parametersOf(config));
    const shared = { "model.architecture": architecture, "model.dim": config["model.dim"], "model.dimMults": config["model.dimMults"] };
    assert.deepEqual(inferred, { ...shared, ...part, "model.channels": config["model.channels"], "diffusion.variance": "learned" });
    assert.deepEqual(classes, ["0", "1"]);
  };
  described("ddpm", "ddpm-cifar10", { "model.blocks": 2, "model.attention": [1] });
  described("annotated", "annotated", {});
});
