// A browser may take a WebGL context away: a driver restarts, a laptop sleeps, too many pages want one
import { type Backend, DeviceLost, type Program } from "@ddpm/core";
import type { MathBackendWebGL } from "@tensorflow/tfjs-backend-webgl";
import * as tf from "@tensorflow/tfjs-core";

/** Ends the work on a context that is lost: without it whoever waits for its data would wait for ever, or get zeros. */
export class Watch {
  readonly #gl: WebGLRenderingContext | WebGL2RenderingContext;
  readonly #waiting = new Set<(error: DeviceLost) => void>();

  constructor(gl: WebGLRenderingContext | WebGL2RenderingContext) {
    this.#gl = gl;
    gl.canvas.addEventListener("webglcontextlost", () => {
      for (const reject of this.#waiting) reject(gone());
    });
  }

  /** Works that are under way. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** What `work` gives; throws DeviceLost as soon as the context is lost. */
  async unlessLost<T>(work: () => Promise<T>): Promise<T> {
    if (this.#gl.isContextLost()) throw gone();
    let stop: (error: DeviceLost) => void = () => {};
    const lost = new Promise<never>((_, reject) => {
      stop = reject;
      this.#waiting.add(stop);
    });
    try {
      const value = await Promise.race([lost, work()]);
      if (this.#gl.isContextLost()) throw gone();
      return value;
    } catch (error) {
      throw this.#gl.isContextLost() ? gone() : error;
    } finally {
      this.#waiting.delete(stop);
    }
  }

  /** `program`, whose work fails as soon as the context is lost. */
  guard(program: Program): Program {
    return {
      ...(program.how !== undefined && { how: program.how }),
      run: (feeds, fetch) => this.unlessLost(() => program.run(feeds, fetch)),
      read: (names) => this.unlessLost(() => program.read(names)),
      write: (state) => this.unlessLost(() => program.write(state)),
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  }
}

const gone = (): DeviceLost => new DeviceLost("The browser took WebGL's context away; open the device again");

const contextOf = (backend: unknown): WebGLRenderingContext => (backend as MathBackendWebGL).gpgpu.gl;

/** The context that tfjs draws on at present. */
export const tfjsContext = (): WebGLRenderingContext => contextOf(tf.backend());

/** Lets tfjs begin anew with WebGL where its context is lost. */
export function forgetLost(): void {
  const present = tf.findBackend("webgl");
  if (!present || !contextOf(present).isContextLost()) return;
  const factory = tf.findBackendFactory("webgl");
  tf.removeBackend("webgl");
  tf.registerBackend("webgl", factory);
}

/** `backend`, whose programs fail as soon as the context is lost. */
export function losable(backend: Backend, watch: Watch): Backend {
  return {
    name: backend.name,
    compile: async (step, state) => watch.guard(await watch.unlessLost(() => backend.compile(step, state))),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}
