import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceLost } from "@ddpm/core";
import { Watch } from "./lost.ts";

class Context {
  readonly canvas = new EventTarget();
  lost = false;
  isContextLost = (): boolean => this.lost;
  lose(): void {
    this.lost = true;
    this.canvas.dispatchEvent(new Event("webglcontextlost"));
  }
}

const watched = (): { context: Context; watch: Watch } => {
  const context = new Context();
  return { context, watch: new Watch(context as unknown as WebGL2RenderingContext) };
};

test("work ends when the context is lost, and what comes after does not begin", async () => {
  const { context, watch } = watched();
  const waiting = watch.unlessLost(() => new Promise(() => {}));
  context.lose();
  await assert.rejects(waiting, DeviceLost);
  await assert.rejects(
    watch.unlessLost(async () => assert.fail("work begins on a lost context")),
    DeviceLost,
  );
});

test("what comes from a context that is lost unnoticed is not taken for a result", async () => {
  const { context, watch } = watched();
  const zeros = watch.unlessLost(async () => {
    context.lost = true;
    return new Float32Array(4);
  });
  await assert.rejects(zeros, DeviceLost);
});

test("work that ends leaves nothing behind, and its own errors stay", async () => {
  const { watch } = watched();
  assert.equal(await watch.unlessLost(async () => 3), 3);
  await assert.rejects(
    watch.unlessLost(async () => {
      throw new RangeError("own");
    }),
    RangeError,
  );
  assert.equal(watch.waiting, 0);
});
