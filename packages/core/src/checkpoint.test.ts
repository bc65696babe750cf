import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stateDict } from "../test/state-dict.ts";
import { decodeModel, encodeModel, fromTorch, imagesFromNCHW, imagesToNCHW, type ParameterValue, toTorch } from "./checkpoint.ts";
import { configure } from "./config.ts";
import { encode } from "./safetensors.ts";

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
    const bytes = encode(stateDict(`unet-${name}`), { format: "pt" });
    assert.deepEqual(encodeModel(decodeModel(bytes).parameters), bytes);
  }
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
