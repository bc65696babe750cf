import { setTimeout as sleep } from "node:timers/promises";
import type { Team } from "@ddpm/core";
import { Board, type Row, type WorkerState } from "./board.ts";
import { type Api, checked, TensorFlowError } from "./c-api.ts";
import { type ClusterPlan, configProto, type SessionOptions, serverDef } from "./protobuf.ts";
import type { Place } from "./session.ts";

/** Keys between those of two graphs: more sums than a graph has. */
const keysOfGraph = 2 ** 16;

/** Milliseconds between two beats of a worker. */
const beatEvery = 500;

/** Milliseconds that the first worker has to answer a beat. */
const answerWithin = 2000;

/** Beats that a run of all may take after the first worker has ended, who is there for longer. */
const beatsAfterEnd = 3;

/** What to do once workers have parted. */
const startAgain = "start all again, train with --resume";

/** How workers wait for each other. */
export interface Patience {
  /** Seconds until all have to be there. */
  readonly start: number;
  /** Seconds after which a worker that says nothing is given up. */
  readonly silence: number;
  /** Told in one line who is missing. */
  readonly say: (line: string) => void;
}

/** What workers do together cannot go on: one is gone, or the first has ended the run. */
export class WorkersParted extends Error {
  /** Who is gone; undefined where all ended in good order. */
  readonly lost: number | undefined;

  constructor(message: string, { lost, cause }: { readonly lost?: number; readonly cause?: unknown } = {}) {
    super(message, { cause });
    this.lost = lost;
  }
}

/**
 * A worker among others: a server of TensorFlow's own gRPC, through which collectives meet. It listens on its port of every interface, for which TensorFlow
 * has no setting, and asks nobody who they are. It is never freed, as TensorFlow's servers are not.
 */
export class Cluster implements Team, Place {
  readonly rank: number;
  readonly count: number;
  readonly target: string;
  /** Rejects with WorkersParted. */
  readonly parted: Promise<never>;
  readonly #addresses: readonly string[];
  readonly #board: Board;
  readonly #patience: Patience;
  #part!: (error: WorkersParted) => void;
  #partedBy: WorkersParted | undefined;
  #state: WorkerState = "running";
  /** The worker that is lost, so that there is no good order to end in. */
  #lost: number | undefined;
  #stopAsked = false;
  #beating: Promise<void> = Promise.resolve();
  #graphs = 0;
  /** Runs of all workers that have not ended. */
  #runs = 0;

  /**
   * Starts this worker's server and waits until all others are there. Throws an Error where the port cannot be had, and where others do not come, whom it
   * names.
   */
  static async join(api: Api, plan: ClusterPlan, options: SessionOptions, patience: Patience): Promise<Cluster> {
    const cluster = new Cluster(api, plan, options, patience);
    await cluster.#assemble();
    cluster.#beating = cluster.#keepBeating();
    return cluster;
  }

  private constructor(api: Api, plan: ClusterPlan, options: SessionOptions, patience: Patience) {
    this.rank = plan.rank;
    this.count = plan.addresses.length;
    this.target = startServer(api, plan, options);
    this.#addresses = plan.addresses;
    this.#patience = patience;
    this.#board = new Board(api, { workers: this.count, rank: this.rank, target: `grpc://${plan.addresses[0]}`, milliseconds: answerWithin });
    this.parted = new Promise((_, reject) => {
      this.#part = (error) => {
        this.#lost ??= error.lost;
        this.#partedBy = error;
        reject(error);
      };
    });
    this.parted.catch(() => {}); // told to whoever races with it
  }

  /** What names the next graph; workers make the same graphs in the same order. */
  nextKey(): number {
    return ++this.#graphs * keysOfGraph;
  }

  get stopAsked(): boolean {
    return this.#stopAsked;
  }

  askToStop(): void {
    if (this.#state === "running") this.#state = "asks to stop";
  }

  check(): void {
    if (this.#partedBy) throw this.#partedBy;
  }

  /** Ends this worker's part. The first one, whose end is everyone's, waits a moment for the others to hear of it, or of the worker that is lost. */
  async leave(): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "ended";
    await this.#beating;
    if (this.#lost === 0) return; // and the board with it
    try {
      for (let i = 0; i < (this.#lost === undefined ? 10 : 4); i++) {
        const rows = await this.#board.exchange("ended", this.#lost);
        if (this.rank > 0 || rows?.every(({ state }) => state === "ended")) return;
        await sleep(beatEvery);
      }
    } catch {
      // the first worker has left before: there is nobody to tell
    }
  }

  /** A run of all workers: ends when one is lost, though TensorFlow would wait for it for ever. */
  async together<R>(running: Promise<R>): Promise<R> {
    this.#runs++;
    try {
      return await Promise.race([running, this.parted]);
    } catch (error) {
      const explained = await this.#explained(error);
      if (explained instanceof WorkersParted) this.#lost ??= explained.lost;
      throw explained;
    } finally {
      this.#runs--;
    }
  }

  /**
   * What broke a run, of which TensorFlow tells in its own words: it passes the worker it missed from neighbour to neighbour. That one may have ended
   * because another is lost, whom the board names; where the board does not answer it is the first.
   */
  async #explained(error: unknown): Promise<unknown> {
    const details = error instanceof TensorFlowError ? error.details : "";
    const named = [...details.matchAll(/remote target \/job:worker\/replica:0\/task:(\d+)/g)].at(-1)?.[1];
    if (named === undefined) return error;
    const rows = await this.#board.exchange(this.#state).catch(() => undefined);
    return this.#gone(rows ? (lostBy(rows, this.rank) ?? Number(named)) : 0, error);
  }

  async #assemble(): Promise<void> {
    const { start, say } = this.#patience;
    const began = performance.now();
    let next = 5000;
    for (;;) {
      const rows = await this.#board.exchange("running").catch(() => undefined); // the first worker may not be ready yet
      const missing = this.#addresses.map((_, rank) => rank).filter((rank) => (rows ? rows[rank]!.state === "absent" : rank === 0));
      if (missing.length === 0) return;
      const names = missing.map((rank) => this.#name(rank)).join(", ");
      const waited = performance.now() - began;
      if (waited > start * 1000)
        throw new Error(
          `Expected all ${this.count} workers within ${start} s but found nothing of ${names}; start them, and check addresses and firewalls between the machines`,
        );
      if (waited > next) {
        say(`Waiting for ${names}`);
        next *= 2;
      }
      await sleep(Math.min(beatEvery, 200));
    }
  }

  async #keepBeating(): Promise<void> {
    const silence = this.#patience.silence * 1000;
    let [unanswered, afterEnd] = [0, 0];
    const heard = this.#addresses.map(() => ({ beat: 0, missed: 0 }));
    while (this.#state !== "ended") {
      await sleep(beatEvery);
      let rows: Row[] | undefined;
      try {
        rows = await this.#board.exchange(this.#state, this.#lost);
      } catch (error) {
        return this.#part(this.#gone(0, error));
      }
      unanswered = rows ? 0 : unanswered + answerWithin + beatEvery;
      if (unanswered > silence) return this.#part(this.#silent(0));
      if (!rows) continue;
      const told = lostBy(rows, this.rank);
      if (told !== undefined) return this.#part(this.#gone(told));
      // A run that the first has finished is about to finish here too
      if (this.rank > 0 && rows[0]!.state === "ended" && (this.#runs === 0 || ++afterEnd > beatsAfterEnd))
        return this.#part(new WorkersParted(`Expected to go on but found that ${this.#name(0)} has ended the run; ${startAgain}`));
      this.#stopAsked ||= rows.some(({ state }) => state === "asks to stop");
      for (const [rank, { beat, state }] of rows.entries()) {
        const last = heard[rank]!;
        // Counted in own beats, so that a process that was stopped itself does not blame others
        const missed = state === "ended" ? this.#runs > 0 : beat === last.beat;
        heard[rank] = { beat, missed: missed ? last.missed + 1 : 0 };
        if (heard[rank].missed * beatEvery <= silence) continue;
        return this.#part(state === "ended" ? this.#gone(rank) : this.#silent(rank));
      }
    }
  }

  #gone(rank: number, cause?: unknown): WorkersParted {
    const message = `Expected ${this.#name(rank)} to go on but found it gone: it has ended or its connection broke; see its log, and ${startAgain}`;
    return new WorkersParted(message, { lost: rank, cause });
  }

  #silent(rank: number): WorkersParted {
    const [name, seconds] = [this.#name(rank), this.#patience.silence];
    return new WorkersParted(
      `Expected to hear of ${name} but found nothing for ${seconds} s: it hangs, is stopped or is cut off; end it, and ${startAgain}`,
      { lost: rank },
    );
  }

  #name(rank: number): string {
    return `worker ${rank} (${this.#addresses[rank]})`;
  }
}

/** Whom one of the workers has given up, if anyone but the worker `rank`. */
const lostBy = (rows: readonly Row[], rank: number): number | undefined => rows.find(({ lost }) => lost !== undefined && lost !== rank)?.lost;

function startServer(api: Api, plan: ClusterPlan, options: SessionOptions): string {
  const definition = serverDef(plan, configProto(options, plan.rank));
  try {
    const server = checked(api, (status) => api.newServer(definition, definition.length, status));
    checked(api, (status) => api.startServer(server, status));
    return api.serverTarget(server);
  } catch (error) {
    throw new Error(
      `Expected worker ${plan.rank} to listen on the port of ${plan.addresses[plan.rank]} but found ${(error as Error).message}; stop what listens there, or choose another port`,
      { cause: error },
    );
  }
}
