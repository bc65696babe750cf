// A browser may take a WebGL context away: a driver restarts, a laptop sleeps, too many pages want one
import { type Backend, DeviceLost, type Program } from "@ddpm/core";
import type { MathBackendWebGL } from "@tensorflow/tfjs-backend-webgl";
import * as tf from "@tensorflow/tfjs-core";

const context = (): WebGLRenderingContext => (tf.backend() as MathBackendWebGL).gpgpu.gl;

/** What tfjs draws on at present. */
export const tfjsCanvas = (): EventTarget => context().canvas;

/** Rejects with DeviceLost when the context of `canvas` is lost; without it whoever waits for its data would wait for ever. */
export function lost(canvas: EventTarget): Promise<never> {
  const lost = new Promise<never>((_, reject) => {
    const tell = (): void => reject(new DeviceLost("The browser took WebGL's context away; open the device again"));
    canvas.addEventListener("webglcontextlost", tell, { once: true });
  });
  lost.catch(() => {}); // nobody need be waiting at that moment
  return lost;
}

/** Lets tfjs begin anew with WebGL where its context is lost. */
export function forgetLost(): void {
  const factory = tf.findBackendFactory("webgl");
  if (tf.getBackend() !== "webgl" || !context().isContextLost()) return;
  tf.removeBackend("webgl");
  tf.registerBackend("webgl", factory);
}

/** `backend`, whose work fails as soon as `lost` does. */
export function losable(backend: Backend, lost: Promise<never>): Backend {
  const unlessLost = <T>(work: Promise<T>): Promise<T> => Promise.race([work, lost]);
  const guarded = (program: Program): Program => ({
    ...(program.how !== undefined && { how: program.how }),
    run: (feeds, fetch) => unlessLost(program.run(feeds, fetch)),
    read: (names) => unlessLost(program.read(names)),
    write: (state) => unlessLost(program.write(state)),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  });
  return {
    name: backend.name,
    compile: async (step, state) => guarded(await unlessLost(backend.compile(step, state))),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}
