import assert from "node:assert/strict";
import { test } from "node:test";
import { quote } from "./quote.ts";

const diffusion = "packages/core/src/diffusion.ts";

test("quote() takes a declaration with the comment above it, and tells its line", () => {
  const { code, line } = quote(diffusion, "qSample");
  assert.match(code, /^\/\*\* Eq\. 4: [^\n]*\nexport const qSample = \(\n {2}x0: Tensor,\n[\s\S]*noise\.mul\(sqrtOneMinusAlphasCumprod\)\);$/);
  assert.equal(line, quote(diffusion, "qSample", { from: "Tensor => x0.mul", to: ";" }).line - 5);
});

test("quote() takes what is declared within another, as if it stood alone", () => {
  assert.match(quote("packages/core/src/schedule.ts", "schedules.cosine").code, /^\/\*\* Nichol [^\n]*\ncosine: \(timesteps\) => /);
  assert.match(quote("packages/core/src/scope.ts", "Scope.param").code, /^\/\*\* Declares a parameter[\s\S]*\nparam\(name: string/);
});

test("quote() takes the lines from one text to the next that has another", () => {
  const { code } = quote("packages/core/src/unet.ts", "unet", { from: "const skips", to: "skips.push" });
  assert.match(code, /^const skips: Tensor\[\] = \[\];\nfor [\s\S]*\n {2}skips\.push\(h\);$/);
});

test("quote() throws for what is not there any more, or more than once", () => {
  assert.throws(() => quote(diffusion, "pSampel"), /Expected a declaration of pSampel in .*diffusion\.ts but found none; name one that is there/);
  assert.throws(
    () => quote("packages/core/src/loss.ts", "gradient"),
    /Expected one declaration of gradient in .* but found more; name what it is declared within/,
  );
  assert.throws(
    () => quote(diffusion, "qStep", { from: "x0.mul", to: "x0.mul" }),
    /Expected a line with x0\.mul in qStep in .* but found none; quote what is there/,
  );
});
