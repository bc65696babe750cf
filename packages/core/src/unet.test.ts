import assert from "node:assert/strict";
import { test } from "node:test";
import { presets } from "./presets.ts";
import { parametersOf } from "./sampling.ts";
import { Scope } from "./scope.ts";
import { size } from "./shape.ts";
import { input } from "./tensor.ts";

for (const [name, expected] of Object.entries({ notebook: 1_694_929, "ddpm-cifar10": 35_746_307, annotated: 2_020_257 } as const)) {
  test(`the U-Net of the preset ${name} has ${expected.toLocaleString("en")} parameters`, () => {
    const count = [...parametersOf(presets[name as keyof typeof presets]).values()].reduce((n, { shape }) => n + size(shape), 0);
    assert.equal(count, expected);
  });
}

test("a shape error names the block at fault", () => {
  const weight = new Scope("downs.0.0.block1.proj").param("weight", [3, 3, 5, 1], { fanIn: 45 });
  assert.throws(() => input("x", [1, 4, 4, 2]).conv2d(weight), /conv2d of downs.0.0.block1.proj: Cannot convolve \[1,4,4,2\] with a kernel of \[/);
});

test("param() throws for a name that is taken", () => {
  const scope = new Scope("block");
  scope.param("weight", [1], { fill: 0 });
  assert.throws(() => scope.param("weight", [1], { fill: 0 }), /Cannot declare parameter block.weight twice/);
});

test("initialValues() are functions of seed and name, within ±1/√fanIn", () => {
  const scope = new Scope();
  scope.param("a", [1000], { fanIn: 4 });
  scope.param("b", [1000], { fanIn: 4 });
  const { a, b } = Object.fromEntries(scope.initialValues(1));
  assert.notDeepEqual(a, b);
  assert.ok(a!.every((x) => Math.abs(x) <= 0.5) && Math.max(...a!) > 0.45);
});
