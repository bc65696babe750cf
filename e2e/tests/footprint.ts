// What the page takes up in its browser, for tests that hold it to stay the same
import { readFileSync } from "node:fs";
import type { CDPSession, Page, Worker } from "@playwright/test";
import { type ObjectKind, objectsOf, watchGpu } from "./gpu-watch.ts";

export interface Footprint {
  /** What can be counted: of the page, of WebGL in all contexts, of tfjs. */
  readonly counts: Readonly<Record<string, number>>;
  /** Memory in MiB. */
  readonly memory: Readonly<Record<Memory, number>>;
}

/** Heaps and buffers after garbage collection, WebAssembly's memory, and what the largest renderer and the other processes have resident. */
export type Memory =
  | "page's heap"
  | "page's buffers"
  | "worker's heap"
  | "worker's buffers"
  | "WebAssembly"
  | "renderer"
  | "GPU process"
  | "browser process";

/** Looks at all that a page and its worker hold. */
export class Scales {
  readonly worker: Worker;
  readonly #page: Page;
  readonly #browser: CDPSession;
  readonly #pageTools: CDPSession;
  readonly #workerTools: WorkerTools;

  private constructor(page: Page, browser: CDPSession, pageTools: CDPSession, workerTools: WorkerTools) {
    this.worker = page.workers()[0]!;
    [this.#page, this.#browser, this.#pageTools, this.#workerTools] = [page, browser, pageTools, workerTools];
  }

  /** Before the page is opened: counts the URLs that it makes for blobs, and takes its clock. */
  static async prepare(page: Page): Promise<void> {
    await page.clock.install();
    await page.addInitScript(() => {
      const blobUrls = new Set<string>();
      Object.assign(globalThis, { blobUrls });
      const [create, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
      URL.createObjectURL = (content) => {
        const url = create.call(URL, content);
        blobUrls.add(url);
        return url;
      };
      URL.revokeObjectURL = (url) => {
        blobUrls.delete(url);
        revoke.call(URL, url);
      };
    });
  }

  /** Once the page has its worker, and before that opens a device. */
  static async of(page: Page): Promise<Scales> {
    await watchGpu(page.workers()[0]!);
    const browser = await page.context().browser()!.newBrowserCDPSession();
    const pageTools = await page.context().newCDPSession(page);
    await pageTools.send("Performance.enable");
    return new Scales(page, browser, pageTools, await WorkerTools.of(pageTools));
  }

  /** The footprint of a page that is at rest. */
  async read(): Promise<Footprint> {
    await this.#page.clock.fastForward("01:01"); // the URLs of what was saved are given back after a minute
    const gpu = await this.#gpuCounts(); // before the collection, which also takes contexts that were not given back
    const [page, worker] = [await heapOf(this.#pageTools), await heapOf(this.#workerTools)];
    const { wasm, ...tensors } = await this.#tfjs();
    const memory = {
      "page's heap": page.heap,
      "page's buffers": page.buffers,
      "worker's heap": worker.heap,
      "worker's buffers": worker.buffers,
      WebAssembly: wasm,
      ...(await this.#resident()),
    };
    return { counts: { ...(await this.#pageCounts()), ...gpu, ...tensors }, memory };
  }

  async #pageCounts(): Promise<Record<string, number>> {
    const { metrics } = await this.#pageTools.send("Performance.getMetrics");
    const metric = (wanted: string): number => metrics.find(({ name }) => name === wanted)!.value;
    const urls = await this.#page.evaluate(() => (globalThis as unknown as { blobUrls: Set<string> }).blobUrls.size);
    return { nodes: metric("Nodes"), listeners: metric("JSEventListeners"), workers: this.#page.workers().length, "blob URLs": urls };
  }

  async #gpuCounts(): Promise<Record<string, number>> {
    const contexts = await objectsOf(this.worker);
    const sum = (kind: ObjectKind): number => contexts.reduce((sum, made) => sum + made[kind].count, 0);
    const counts = { textures: sum("Texture"), framebuffers: sum("Framebuffer"), "WebGL buffers": sum("Buffer"), programs: sum("Program") };
    return { contexts: contexts.length, ...counts, shaders: sum("Shader") }; // not fences: tfjs leaves those to the garbage collector
  }

  /** What tfjs counts itself, and the MiB of its WebAssembly. */
  #tfjs(): Promise<{ wasm: number } & Record<string, number>> {
    return this.worker.evaluate((mib) => {
      const { _tfengine: engine } = globalThis as unknown as { _tfengine: TfjsEngine };
      const { numTensors = 0, numBytesInGPUAllocated = 0 } = engine.backendName ? engine.memory() : {};
      const wasm = (engine.registry["wasm"]?.wasm?.HEAPU8.length ?? 0) / mib;
      return { tensors: numTensors, "bytes of tfjs's textures": numBytesInGPUAllocated, wasm };
    }, mib);
  }

  async #resident(): Promise<Record<"renderer" | "GPU process" | "browser process", number>> {
    const { processInfo } = await this.#browser.send("SystemInfo.getProcessInfo");
    const largest = (wanted: string): number => Math.max(...processInfo.filter(({ type }) => type === wanted).map(({ id }) => residentOf(id)));
    return { renderer: largest("renderer"), "GPU process": largest("GPU"), "browser process": largest("browser") };
  }
}

/** What is read of tfjs, which leaves its engine in the worker's global variable `_tfengine`. */
export interface TfjsEngine {
  /** Undefined before a device of tfjs is opened. */
  readonly backendName: string | undefined;
  readonly registry: Readonly<Record<string, { readonly wasm?: { readonly HEAPU8: Uint8Array } }>>;
  memory(): { readonly numTensors: number; readonly numBytesInGPUAllocated?: number };
}

const mib = 2 ** 20;

/** MiB that a process of this machine has in memory, by Linux's account. */
const residentOf = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;

async function heapOf(tools: CDPSession | WorkerTools): Promise<{ readonly heap: number; readonly buffers: number }> {
  await tools.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = await tools.send("Runtime.getHeapUsage");
  return { heap: usedSize / mib, buffers: backingStorageSize / mib };
}

/** The developer tools of a page's worker, reached through the page's: Playwright has no session for workers. */
class WorkerTools {
  readonly #page: CDPSession;
  readonly #session: string;
  readonly #asked: ((answer: { result: never; error?: { message: string } }) => void)[] = [];

  private constructor(page: CDPSession, session: string) {
    [this.#page, this.#session] = [page, session];
    page.on("Target.receivedMessageFromTarget", ({ message }) => {
      const { id, ...answer } = JSON.parse(message);
      this.#asked[id]?.(answer);
    });
  }

  static async of(page: CDPSession): Promise<WorkerTools> {
    const attached = new Promise<string>((resolve) => page.once("Target.attachedToTarget", ({ sessionId }) => resolve(sessionId)));
    await page.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false });
    return new WorkerTools(page, await attached);
  }

  async send(method: "HeapProfiler.collectGarbage" | "Runtime.getHeapUsage"): Promise<{ usedSize: number; backingStorageSize: number }> {
    const answer = new Promise<never>((resolve, reject) => {
      this.#asked.push(({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result)));
    });
    const message = JSON.stringify({ id: this.#asked.length - 1, method });
    await this.#page.send("Target.sendMessageToTarget", { sessionId: this.#session, message });
    return answer;
  }
}
