import assert from "node:assert/strict";
import { test } from "node:test";
import { cases, Replay } from "../conformance/mod.ts";
import { golden } from "../test/golden.ts";
import { gradients } from "./gradient.ts";
import { evaluate, reference } from "./reference.ts";
import { input, variable } from "./tensor.ts";

/** Greatest errors: the libraries work out sinusoids, and the annotated model all, in float32. */
const recordings = {
  "unet-resnet": 1e-6,
  "unet-convnext": 1e-6,
  "unet-rgb": 1e-6,
  "ddpm-unet": 1e-6,
  "ddpm-unet-heads": 2e-6,
  "annotated-unet": 2e-5,
};

for (const [name, limit] of Object.entries(recordings)) {
  test(`reference replays ${name}: prediction, losses, gradients, sampling and ten steps of AdamW`, async () => {
    const replay = new Replay(golden(`${name}.safetensors`));
    const backend = reference();
    const errors = {
      ...(await replay.forward(backend)),
      ...(await replay.gradients(backend)),
      ...(await replay.sample(backend)),
      ...(await replay.training(backend)),
    };
    const { after, ...others } = errors;
    for (const [what, error] of Object.entries(others)) assert.ok(error < limit, `${what}: ${error}`);
    assert.ok(after < 1e-5, `after: ${after}`);
  });
}

for (const { name, step, state, feeds } of cases.filter(({ step }) => "gradient0" in step.outputs)) {
  test(`gradients of ${name} agree with central differences`, () => {
    const loss = (feeds: Readonly<Record<string, ArrayLike<number>>>): number => {
      const [y] = evaluate(
        [step.outputs["y"]!],
        new Map([...state, ...Object.entries(feeds).map(([key, x]) => [key, Float64Array.from(x)] as const)]),
      );
      return y!.reduce((sum, value, i) => sum + value * feeds["weights"]![i]!, 0);
    };
    for (const [output, tensor] of Object.entries(step.outputs).filter(([key]) => key !== "y")) {
      const key = output.replace("gradient", "x");
      const [found] = evaluate([tensor], new Map(Object.entries(feeds)));
      for (let i = 0; i < found!.length; i += Math.ceil(found!.length / 7)) {
        const shifted = (by: number) => ({ ...feeds, [key]: Float64Array.from(feeds[key]!, (x, j) => (j === i ? x + by : x)) });
        const expected = (loss(shifted(1e-5)) - loss(shifted(-1e-5))) / 2e-5;
        assert.ok(Math.abs(found![i]! - expected) <= 1e-5 * Math.max(1, Math.abs(expected)), `${output}[${i}]: ${found![i]} against ${expected}`);
      }
    }
  });
}

test("gradients() of a loss that does not depend on x is zero", () => {
  const [dx] = gradients(input("y", []).mul(2), [input("x", [3])]);
  assert.deepEqual([...evaluate([dx!])[0]!], [0, 0, 0]);
});

test("gradients() throws for a loss that is no scalar", () => {
  assert.throws(() => gradients(input("y", [2]), []), /Cannot take gradients of \[2\]/);
});

test("compile() names the variable that the state lacks", async () => {
  const step = cases.find(({ state }) => state.size > 0)!.step;
  await assert.rejects(reference().compile(step, new Map()), /Expected a value for w0 of shape \[3\] but found none; give it one/);
  const wrong = { outputs: { w: variable("w", [3]) }, updates: { w: input("x", [2]) } };
  await assert.rejects(reference().compile(wrong, new Map()), /Cannot update w of shape \[3\] with \[2\]/);
});
