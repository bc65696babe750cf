import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { golden } from "../test/golden.ts";
import {
  checkModel,
  decodeModel,
  encodeModel,
  fromTorch,
  imagesFromNCHW,
  imagesToNCHW,
  inferModel,
  type ParameterValue,
  parametersFrom,
  toTorch,
} from "./checkpoint.ts";
import { configure } from "./config.ts";
import { decode, encode } from "./safetensors.ts";
import { parametersOf } from "./sampling.ts";
import { Scope } from "./scope.ts";
import { input } from "./tensor.ts";
import { unet } from "./unet.ts";

/** The recorded parameters of a PyTorch model, as a state dict. */
const stateDict = (name: string): Map<string, { shape: readonly number[]; data: Float32Array }> =>
  new Map(
    [...decode(golden(`unet-${name}.safetensors`)).tensors]
      .filter(([key]) => key.startsWith("param."))
      .map(([key, { shape, data }]) => [key.slice("param.".length), { shape, data: data as Float32Array }]),
  );

const range = (...shape: number[]): ParameterValue => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i) });

const config = configure({ "model.dim": 8, "model.dimMults": [1, 2], "model.block": "convnext", seed: 3 });

test("fromTorch() turns [out, in] and OIHW into [in, out] and HWIO", () => {
  assert.deepEqual(fromTorch(range(2, 3)), { shape: [3, 2], data: Float32Array.of(0, 3, 1, 4, 2, 5) });
  assert.deepEqual(fromTorch(range(3)), range(3));
  const { shape, data } = fromTorch(range(5, 4, 3, 2));
  assert.deepEqual(shape, [3, 2, 4, 5]);
  const [o, i, h, w] = [3, 1, 2, 1];
  assert.equal(data[((h * 2 + w) * 4 + i) * 5 + o], ((o * 4 + i) * 3 + h) * 2 + w);
});

test("toTorch() undoes fromTorch()", () => {
  const shape = fc.oneof(...[0, 1, 2, 4].map((rank) => fc.array(fc.nat(4), { minLength: rank, maxLength: rank })));
  fc.assert(
    fc.property(shape, (shape) => {
      assert.deepEqual(toTorch(fromTorch(range(...shape))), range(...shape));
    }),
  );
});

test("layouts refuse three axes and data of another size", () => {
  assert.throws(() => toTorch(range(1, 2, 3)), { name: "RangeError", message: /Cannot lay out \[1,2,3\] as PyTorch does/ });
  assert.throws(() => fromTorch({ shape: [2, 2], data: new Float32Array(3) }), { name: "RangeError", message: "Cannot shape 3 values as [2,2]" });
});

test("images go to NCHW and back", () => {
  const { data } = range(2, 3, 4, 5);
  const nchw = imagesToNCHW(data, [2, 3, 4, 5]);
  assert.equal(nchw[((1 * 5 + 4) * 3 + 2) * 4 + 1], data[((1 * 3 + 2) * 4 + 1) * 5 + 4]);
  assert.deepEqual(imagesFromNCHW(nchw, [2, 3, 4, 5]), data);
  assert.throws(() => imagesToNCHW(data, [1, 3, 4, 5]), RangeError);
});

test("decodeModel() of encodeModel() gives back parameters and metadata", () => {
  const parameters = new Map([
    ["w", range(3, 3, 2, 4)],
    ["m/b", range(4)],
  ]);
  assert.deepEqual(decodeModel(encodeModel(parameters, { config, step: 12 })), { parameters, metadata: { config, step: 12 } });
  const best = { config, step: 12, loss: 1 / 3 };
  assert.deepEqual(decodeModel(encodeModel(parameters, best)).metadata, best);
  assert.deepEqual(decodeModel(encodeModel(parameters, undefined, { dtype: "BF16" })), { parameters });
});

test("a state dict of PyTorch comes back in the same bytes", () => {
  for (const name of ["resnet", "convnext", "rgb"]) {
    const bytes = encode(stateDict(name), { format: "pt" });
    assert.deepEqual(encodeModel(decodeModel(bytes).parameters), bytes);
  }
});

test("inferModel() finds the architecture of recorded PyTorch models", () => {
  const infer = (name: string) => Object.values(inferModel(decodeModel(encode(stateDict(name))).parameters));
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
  const model = decodeModel(encode(stateDict("convnext"))).parameters;
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
  const model = decodeModel(encode(stateDict("convnext"))).parameters;
  checkModel(model, config);
  assert.throws(() => checkModel(model, configure({ "model.dim": 8 })), { name: "SyntaxError", message: /downs\.0\.0\.block1\.proj\.weight/ });
});

test("decodeModel() refuses integers, three axes and metadata that it does not know", () => {
  const refuses = (bytes: Uint8Array, message: RegExp): void => assert.throws(() => decodeModel(bytes), { name: "SyntaxError", message });
  refuses(
    encode(new Map([["n", { shape: [1], data: Int32Array.of(1) }]])),
    /parameter n to hold floats but found I32; save only the model's weights$/,
  );
  refuses(encode(new Map([["w", range(1, 2, 3)]])), /parameter w to have 1, 2 or 4 axes but found \[1,2,3\]; save only a DDPM U-Net$/);
  const withMetadata = (ddpm: string): Uint8Array => encode(new Map(), { ddpm });
  refuses(withMetadata("{"), /Expected the checkpoint's ddpm metadata as JSON but found \{; save the file again$/);
  refuses(withMetadata("null"), /version 1 but found undefined/);
  refuses(withMetadata('{"version":2}'), /to be of version 1 but found 2; update this program or save the file again$/);
  refuses(withMetadata('{"version":1,"step":0}'), /object of keys/);
  refuses(
    withMetadata('{"version":1,"config":{},"step":-1}'),
    /Expected the checkpoint's step to be an integer of at least 0 but found -1; save the file again$/,
  );
  refuses(withMetadata('{"version":1,"config":{"model.dmi":8},"step":1}'), /did you mean model\.dim/);
});
