import { setTimeout as sleep } from "node:timers/promises";
import { type Api, newTensor, TensorFlowError, takeTensor } from "./c-api.ts";
import { GraphWriter } from "./graph-writer.ts";
import { attr } from "./protobuf.ts";
import { Session } from "./session.ts";

/** What workers say of themselves. */
const states = ["absent", "running", "asks to stop", "ended"] as const;
/** One of them. */
export type WorkerState = (typeof states)[number];

/** What a worker wrote last. */
export interface Row {
  /** Another one each time that the worker writes. */
  readonly beat: number;
  readonly state: WorkerState;
  /** Whom the worker has given up. */
  readonly lost: number | undefined;
}

/** TF_Code of an answer that did not come in time. */
const deadlineExceeded = 4;

/** Beats are counted up to here and then again from 1, since a float32 cannot count for ever. */
const beats = 2 ** 20;

/** Of which workers a board is. */
export interface BoardOptions {
  readonly workers: number;
  readonly rank: number;
  readonly target: string;
  readonly milliseconds: number;
}

/** Where workers tell each other how they are: a variable [workers, 3] on the first one's server, in which each has a row. */
export class Board {
  readonly #api: Api;
  readonly #session: Session;
  readonly #rank: number;
  readonly #milliseconds: number;
  #beat = 0;
  #pending: Promise<Row[]> | undefined;

  /** `target` is the first worker's server, `milliseconds` how long it has to answer. */
  constructor(api: Api, { workers, rank, target, milliseconds }: BoardOptions) {
    const graph = boardGraph(workers, rank);
    const place = { target, rank: 0, timeout: milliseconds }; // what is late must not keep the process for ever either
    this.#api = api;
    this.#rank = rank;
    this.#milliseconds = milliseconds;
    this.#session = new Session(api, graph, { intraThreads: 1, interThreads: 1, bf16: false, gpu: false }, place);
  }

  /**
   * Writes this worker's row and reads all; undefined where the first worker does not answer in time, after which the next call waits for the same answer
   * if it may still come: until there is a connection TensorFlow waits for ever. Rejects where the first worker cannot be reached.
   */
  async exchange(state: WorkerState, lost?: number): Promise<Row[] | undefined> {
    this.#pending ??= this.#write(state, lost).finally(() => {
      this.#pending = undefined;
    });
    const late = new AbortController();
    try {
      return await Promise.race([this.#pending, sleep(this.#milliseconds, undefined, { signal: late.signal })]);
    } catch (error) {
      if (error instanceof TensorFlowError && error.code === deadlineExceeded) return undefined;
      throw error;
    } finally {
      late.abort();
    }
  }

  async #write(state: WorkerState, lost = -1): Promise<Row[]> {
    if (this.#rank === 0 && this.#beat === 0) await this.#session.run([], [], [], ["clear"]);
    this.#beat = (this.#beat % beats) + 1;
    const row = newTensor(this.#api, "float32", [1, 3], Float32Array.of(this.#beat, states.indexOf(state), lost + 1));
    try {
      const [tensor] = await this.#session.run(["row"], [row], ["rows"], []);
      const rows = takeTensor(this.#api, tensor);
      return Array.from({ length: rows.length / 3 }, (_, i) => {
        const [beat, state, lost] = rows.subarray(3 * i) as unknown as [number, number, number];
        return { beat, state: states[state]!, lost: lost > 0 ? lost - 1 : undefined };
      });
    } finally {
      this.#api.deleteTensor(row);
    }
  }
}

function boardGraph(workers: number, rank: number): Uint8Array {
  const g = new GraphWriter();
  const [float, shape] = [attr.type("float32"), [workers, 3]];
  const board = g.node("VarHandleOp", [], {
    dtype: float,
    shape: attr.shape(shape),
    shared_name: attr.string("board"),
    container: attr.string("board"),
  });
  const zeros = g.constant("float32", shape, new Float32Array(workers * 3));
  g.node("AssignVariableOp", [board, zeros], { dtype: float }, "", "clear");
  const row = g.placeholder("row", "float32", [1, 3]);
  const written = g.node("ResourceScatterUpdate", [board, g.integers([rank]), row], { dtype: float, Tindices: attr.type("int32") });
  g.node("ReadVariableOp", [board, `^${written}`], { dtype: float }, "", "rows");
  return g.bytes();
}
