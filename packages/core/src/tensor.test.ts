import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, input, randomUniform, Tensor, total, variable } from "./tensor.ts";

const x = input("x", [2, 3]);
const image = input("image", [1, 4, 4, 2]);
const stream = input("stream", [6], "int32");

test("shapes that do not fit are told with the op, each of them, and the part of the model", () => {
  const mistakes: [() => Tensor, string][] = [
    [() => x.add(input("y", [2])), "add: Cannot broadcast [2,3] with [2]"],
    [() => total([x, x, input("y", [3, 2])]), "addN: Cannot combine [2,3] with [3,2]"],
    [() => x.biasAdd(input("y", [2])), "biasAdd: Cannot add a bias of [2] to [2,3]"],
    [() => x.expand(1, 3), "expand: Cannot expand [2,3] to [1,3]"],
    [() => x.slice(1, 2, 2), "slice: Cannot take 2 from 2 of axis 1 of [2,3]"],
    [() => x.reshape(4), "reshape: Cannot reshape [2,3] to [4]"],
    [() => x.transpose(0, 0), "transpose: Cannot permute [2,3] by [0,0]"],
    [() => concat([x, input("y", [2, 4])], 0), "concat: Cannot concatenate [2,3] with [2,4] along axis 0"],
    [() => x.matmul(x), "matmul: Cannot multiply matrices [2,3] and [2,3]"],
    [() => x.matmul(x, { transposeA: true, transposeB: true }), "matmul: Cannot multiply matrices [2,3]ᵀ and [2,3]ᵀ"],
    [() => image.conv2d(variable("proj.weight", [3, 3, 5, 4])), "conv2d of proj: Cannot convolve [1,4,4,2] with a kernel of [3,3,5,4]"],
    [
      () => new Tensor("conv2dInputGrad", [image, input("kernel", [3, 3, 2, 4])], { shape: [1, 4, 4, 2], stride: 1, padding: 1 }),
      "conv2dInputGrad: Cannot take [1,4,4,2] as the gradient of [1,4,4,4] for a kernel of [3,3,2,4]",
    ],
    [
      () => image.depthwiseConv2d(input("kernel", [7, 7, 2, 2]), 3),
      "depthwiseConv2d: Cannot convolve each channel of [1,4,4,2] with a kernel of [7,7,2,2]",
    ],
    [() => randomUniform(stream, [2, 6], 0), "randomUniform: Cannot draw [2,6], since rows have a multiple of 4 numbers"],
  ];
  for (const [mistake, message] of mistakes) assert.throws(mistake, { name: "RangeError", message });
});
