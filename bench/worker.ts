import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Ask, Reply } from "./protocol.ts";

export type Command = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

/** A contender's process, which answers one request at a time; disposing of it ends it. */
export class Worker implements AsyncDisposable {
  readonly started = performance.now();
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaints = "";

  constructor({ command, args, env }: Command) {
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: "pipe" });
    this.#child.on("error", (error) => this.#hear(String(error)));
    this.#child.stdin?.on("error", (error) => this.#hear(String(error)));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  /** Throws an Error with the worker's own last words where it has ended or refuses. */
  async ask(ask: Ask): Promise<Reply> {
    this.#child.stdin?.write(`${JSON.stringify(ask)}\n`);
    const reply = await this.#reply();
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply;
  }

  /** Seconds since the process was started. */
  get age(): number {
    return (performance.now() - this.started) / 1e3;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    const exited = once(this.#child, "exit");
    this.#child.stdin?.end();
    const impatience = setTimeout(() => this.#child.kill("SIGKILL"), 3000);
    await exited;
    clearTimeout(impatience);
  }

  /** The next line of JSON; libraries that chat on stdout are passed over. */
  async #reply(): Promise<Reply> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(this.#lastWords());
      if (value.startsWith("{")) return JSON.parse(value);
    }
  }

  #hear(text: string): void {
    this.#complaints = (this.#complaints + text).slice(-20_000);
  }

  #lastWords(): string {
    const lines = this.#complaints.split("\n").filter((line) => line.trim() !== "");
    return lines.findLast((line) => /Error\b/.test(line)) ?? lines.at(-1) ?? "The worker ended without a word";
  }
}
