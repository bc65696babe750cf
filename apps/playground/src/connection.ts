import type { Reply, Request } from "./protocol.ts";

export type Job = "draw" | "train";
type Handlers = { readonly [K in Reply["kind"]]?: (reply: Extract<Reply, { kind: K }>) => void };

/** The replies that end a job. */
const ends: readonly Reply["kind"][] = ["done", "trained", "cancelled", "failed"];

/** The page's end of the line to the worker, which begins to load with the first request: the page is there before the model's code is. */
export class Connection {
  #worker: Worker | undefined;
  #job: Job | undefined;
  readonly #listeners: { readonly job: Job | undefined; readonly handlers: Handlers }[] = [];
  readonly #watchers: ((job: Job | undefined) => void)[] = [];

  ask(request: Request, transfer: Transferable[] = []): void {
    this.#worker ??= this.#start();
    if (request.kind === "draw" || request.kind === "train") this.#turnTo(request.kind);
    this.#worker.postMessage(request, transfer);
  }

  /** Calls the handler of each reply; those of a `job` only while it runs. */
  listen(handlers: Handlers, job?: Job): void {
    this.#listeners.push({ job, handlers });
  }

  /** Calls `watch` with the job that runs, or with undefined: now and whenever that changes. */
  watch(watch: (job: Job | undefined) => void): void {
    this.#watchers.push(watch);
    watch(this.#job);
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#hear(data);
    worker.onerror = ({ message }) =>
      this.#hear({
        kind: this.#job ? "failed" : "refused",
        message: message || "Expected the model's code to load but found none of it; reload the page",
      });
    return worker;
  }

  #hear(reply: Reply): void {
    for (const { job, handlers } of this.#listeners) {
      if (job === undefined || job === this.#job) (handlers[reply.kind] as ((reply: Reply) => void) | undefined)?.(reply);
    }
    if (ends.includes(reply.kind)) this.#turnTo(undefined);
  }

  #turnTo(job: Job | undefined): void {
    this.#job = job;
    for (const watch of this.#watchers) watch(job);
  }
}
