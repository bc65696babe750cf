// What a worker takes of the GPU, seen from outside the code that takes it
import type { Worker } from "@playwright/test";

/** How many objects of a kind there are, and how many there were at most. */
export interface Made {
  readonly count: number;
  readonly most: number;
}

/** What `watchGpu` leaves in the worker. */
declare const gpuWatch: {
  /** WebGL contexts that were ever made. */
  opened: number;
  /** Those that are neither lost nor collected. */
  living(): WebGL2RenderingContext[];
  readonly made: Record<string, Made>;
};

/** Counts the WebGL contexts that a worker makes from now on, and their objects. */
export const watchGpu = (worker: Worker): Promise<void> =>
  worker.evaluate(() => {
    let contexts: WeakRef<WebGL2RenderingContext>[] = [];
    const known = new WeakSet<RenderingContext>();
    const made: Record<string, { count: number; most: number }> = {};
    const living = (): WebGL2RenderingContext[] => {
      contexts = contexts.filter((context) => context.deref()?.isContextLost() === false);
      return contexts.flatMap((context) => context.deref() ?? []);
    };
    const watch = { opened: 0, living, made };
    Object.assign(globalThis, { gpuWatch: watch });
    const original = OffscreenCanvas.prototype.getContext as (...args: unknown[]) => RenderingContext;
    OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...args: unknown[]) {
      const context = original.apply(this, args);
      if (context instanceof WebGL2RenderingContext && !known.has(context)) {
        known.add(context);
        living();
        contexts.push(new WeakRef(context));
        watch.opened++;
      }
      return context;
    } as typeof OffscreenCanvas.prototype.getContext;
    const prototype = WebGL2RenderingContext.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
    const counted = {
      Texture: "createTexture",
      Framebuffer: "createFramebuffer",
      Buffer: "createBuffer",
      Sync: "fenceSync",
      Program: "createProgram",
      Shader: "createShader",
    };
    for (const [kind, creates] of Object.entries(counted)) {
      const own = { count: 0, most: 0 };
      made[kind] = own;
      const [create, remove] = [prototype[creates]!, prototype[`delete${kind}`]!];
      prototype[creates] = function (...args) {
        own.most = Math.max(own.most, ++own.count);
        return create.apply(this, args);
      };
      prototype[`delete${kind}`] = function (...args) {
        own.count--;
        return remove.apply(this, args);
      };
    }
  });

/** How many textures, framebuffers, buffers, fences, programs and shaders there are. */
export const objectsOf = (worker: Worker): Promise<Record<string, Made>> => worker.evaluate(() => structuredClone(gpuWatch.made));

/** How many contexts there were, and how many are left. */
export const contextsOf = (worker: Worker): Promise<{ readonly opened: number; readonly living: number }> =>
  worker.evaluate(() => ({ opened: gpuWatch.opened, living: gpuWatch.living().length }));

/** Takes all contexts away, as a browser may. */
export const loseContexts = (worker: Worker): Promise<void> =>
  worker.evaluate(() => {
    for (const context of gpuWatch.living()) context.getExtension("WEBGL_lose_context")!.loseContext();
  });
