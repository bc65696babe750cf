// What a worker takes of the GPU, seen from outside the code that takes it
import type { Worker } from "@playwright/test";

export type ObjectKind = "Texture" | "Framebuffer" | "Buffer" | "Sync" | "Program" | "Shader";

/** How many objects of a kind there are, and how many there were at most. */
interface Made {
  count: number;
  most: number;
}

type Objects = Readonly<Record<ObjectKind, Made>>;

/** What `watchGpu` leaves in the worker. */
declare const gpuWatch: {
  /** WebGL contexts that were ever made. */
  opened: number;
  /** Those that are neither lost nor collected. */
  living(): WebGL2RenderingContext[];
  /** What was made in one of them. */
  madeIn(context: WebGL2RenderingContext): Objects;
};

/** Counts the WebGL contexts that a worker makes from now on, and their objects. */
export const watchGpu = (worker: Worker): Promise<void> =>
  worker.evaluate(() => {
    const creates: Readonly<Record<ObjectKind, string>> = {
      Texture: "createTexture",
      Framebuffer: "createFramebuffer",
      Buffer: "createBuffer",
      Sync: "fenceSync",
      Program: "createProgram",
      Shader: "createShader",
    };
    const made = new WeakMap<RenderingContext, Objects>();
    let contexts: WeakRef<WebGL2RenderingContext>[] = [];
    const living = (): WebGL2RenderingContext[] => contexts.flatMap((context) => context.deref() ?? []).filter((context) => !context.isContextLost());
    const madeIn = (context: WebGL2RenderingContext): Objects => {
      if (!made.has(context)) {
        contexts = [...living(), context].map((context) => new WeakRef(context));
        made.set(context, Object.fromEntries(Object.keys(creates).map((kind) => [kind, { count: 0, most: 0 }])) as unknown as Objects);
        watch.opened++;
      }
      return made.get(context)!;
    };
    const watch = { opened: 0, living, madeIn };
    Object.assign(globalThis, { gpuWatch: watch });
    const original = OffscreenCanvas.prototype.getContext as (...args: unknown[]) => RenderingContext;
    OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...args: unknown[]) {
      const context = original.apply(this, args);
      if (context instanceof WebGL2RenderingContext) madeIn(context);
      return context;
    } as typeof OffscreenCanvas.prototype.getContext;
    const prototype = WebGL2RenderingContext.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const [kind, creating] of Object.entries(creates) as [ObjectKind, string][]) {
      const [create, remove] = [prototype[creating]!, prototype[`delete${kind}`]!];
      prototype[creating] = function (this: WebGL2RenderingContext, ...args) {
        const own = madeIn(this)[kind];
        own.most = Math.max(own.most, ++own.count);
        return create.apply(this, args);
      };
      prototype[`delete${kind}`] = function (this: WebGL2RenderingContext, ...args) {
        madeIn(this)[kind].count--;
        return remove.apply(this, args);
      };
    }
  });

/** How many textures, framebuffers, buffers, fences, programs and shaders there are in each context that is left. */
export const objectsOf = (worker: Worker): Promise<Objects[]> => worker.evaluate(() => structuredClone(gpuWatch.living().map(gpuWatch.madeIn)));

/** WebGL contexts that were ever made. */
export const contextsOpened = (worker: Worker): Promise<number> => worker.evaluate(() => gpuWatch.opened);

/** Takes all contexts away, as a browser may. */
export const loseContexts = (worker: Worker): Promise<void> =>
  worker.evaluate(() => {
    for (const context of gpuWatch.living()) context.getExtension("WEBGL_lose_context")!.loseContext();
  });
