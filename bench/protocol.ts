import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** One JSON line to a contender's worker. */
export type Ask =
  | { readonly do: "info" }
  | { readonly do: "train"; readonly steps?: number }
  | { readonly do: "forward"; readonly batch: number; readonly repeat?: number }
  | { readonly do: "rss" };

/** Its answer, also one line: seconds are those of one step or of one forward pass. */
export type Reply = {
  readonly seconds?: number;
  readonly loss?: number;
  readonly peakBytes?: number;
  readonly versions?: Readonly<Record<string, string>>;
  readonly error?: string;
};

export type Mode = "train" | "sample";

/** What a contender written in TypeScript implements; the clock and the protocol are `serve`'s. */
export type Contender = {
  readonly versions: Readonly<Record<string, string>>;
  /** One train step of the notebook's model, batch 128, to its loss. */
  train?(): Promise<number>;
  /** Prepares one forward pass of a batch, which must be over when its promise resolves. */
  forward?(batch: number): Promise<() => Promise<void>>;
};

/** Answers the requests on stdin, one at a time, until it ends. */
export async function serve(contender: Contender): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(contender, JSON.parse(line)).catch((error: unknown): Reply => ({ error: String(error) }));
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

async function answer(contender: Contender, ask: Ask): Promise<Reply> {
  switch (ask.do) {
    case "info":
      return { versions: contender.versions };
    case "train":
      return trainSteps(contender, ask.steps ?? 1);
    case "forward":
      return forwards(contender, ask.batch, ask.repeat ?? 1);
    case "rss":
      return { peakBytes: peakBytes() };
  }
}

async function trainSteps({ train }: Contender, steps: number): Promise<Reply> {
  if (train === undefined) throw new TypeError("Expected a worker started with --mode train");
  let loss = Number.NaN;
  const start = performance.now();
  for (let step = 0; step < steps; step++) loss = await train();
  return { seconds: (performance.now() - start) / 1e3 / steps, loss };
}

/** Forward passes that are prepared, by batch: preparing them is part of the warm-up. */
const prepared = new Map<number, () => Promise<void>>();

async function forwards({ forward }: Contender, batch: number, repeat: number): Promise<Reply> {
  if (forward === undefined) throw new TypeError("Expected a worker started with --mode sample");
  const run = prepared.get(batch) ?? (await forward(batch));
  prepared.set(batch, run);
  const start = performance.now();
  for (let pass = 0; pass < repeat; pass++) await run();
  return { seconds: (performance.now() - start) / 1e3 / repeat };
}

/** The process's peak resident memory, as Linux counts it. */
function peakBytes(): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kibibytes) * 1024;
}
