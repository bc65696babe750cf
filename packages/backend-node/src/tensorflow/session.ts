import { promisify } from "node:util";
import { type Api, checked, type Output, type Pointer, throwIfFailed, withBuffer } from "./c-api.ts";
import { type Bytes, configProto, integer, type SessionOptions, taskName } from "./protobuf.ts";

/** RunOptions: run in the calling thread, which is quicker where the work is small. */
const inCallerThread = integer(3, -1);

/** RunOptions: fail after so many milliseconds where another process does not answer. */
const within = (milliseconds: number): Bytes => integer(2, milliseconds);

/** Where a graph runs that is not of this process alone: a worker's server, and its rank. */
export interface Place {
  readonly target: string;
  readonly rank: number;
  /** Milliseconds after which a run fails where the server does not answer. */
  readonly timeout?: number;
}

/** A graph in a TensorFlow session. */
export class Session {
  readonly #api: Api;
  readonly #graph: Pointer;
  readonly #session: Pointer;
  readonly #runOptions: Pointer;
  readonly #operations = new Map<string, Pointer>();
  readonly #run: (...args: unknown[]) => Promise<unknown>;

  constructor(api: Api, graphDef: Bytes, options: SessionOptions, place?: Place) {
    this.#api = api;
    this.#graph = api.newGraph();
    this.#run = promisify(api.run.async as (...args: unknown[]) => void);
    const runOptions = place ? place.timeout && within(place.timeout) : options.interThreads === 1 && inCallerThread;
    this.#runOptions = runOptions ? api.newBuffer(runOptions, runOptions.length) : null;
    try {
      importGraph(api, this.#graph, graphDef, place);
      this.#session = newSession(api, this.#graph, options, place);
    } catch (error) {
      api.deleteGraph(this.#graph);
      throw error;
    }
  }

  /** Whether a GPU takes part. */
  get hasGpu(): boolean {
    return checked(this.#api, (status) => {
      const devices = this.#api.listDevices(this.#session, status);
      const types = Array.from({ length: this.#api.deviceCount(devices) }, (_, i) => this.#api.deviceType(devices, i, status));
      this.#api.deleteDevices(devices);
      return types.includes("GPU");
    });
  }

  /** Feeds tensors to placeholders, runs `targets`, and returns one tensor for each of `fetches`; the caller deletes them all. */
  async run(feeds: readonly string[], values: readonly Pointer[], fetches: readonly string[], targets: readonly string[]): Promise<Pointer[]> {
    const output = (name: string): Output => ({ oper: this.#operation(name), index: 0 });
    const results: Pointer[] = fetches.map(() => null);
    const [ins, outs, operations] = [feeds.map(output), fetches.map(output), targets.map((name) => this.#operation(name))];
    const status = this.#api.newStatus();
    try {
      await this.#run(
        ...[this.#session, this.#runOptions, ins, values, ins.length, outs, results, outs.length],
        ...[operations, operations.length, null, status],
      );
      throwIfFailed(this.#api, status);
    } finally {
      this.#api.deleteStatus(status);
    }
    return results;
  }

  close(): void {
    checked(this.#api, (status) => this.#api.closeSession(this.#session, status));
    checked(this.#api, (status) => this.#api.deleteSession(this.#session, status));
    this.#api.deleteGraph(this.#graph);
    if (this.#runOptions) this.#api.deleteBuffer(this.#runOptions);
  }

  #operation(name: string): Pointer {
    const operation = this.#operations.get(name) ?? this.#api.operation(this.#graph, name);
    if (!operation) throw new TypeError(`Cannot find ${name} in the graph`);
    this.#operations.set(name, operation);
    return operation;
  }
}

function importGraph(api: Api, graph: Pointer, graphDef: Bytes, place?: Place): void {
  const options = api.newImportOptions();
  if (place) api.setDefaultDevice(options, taskName(place.rank));
  try {
    withBuffer(api, graphDef, (buffer) => checked(api, (status) => api.importGraph(graph, buffer, options, status)));
  } finally {
    api.deleteImportOptions(options);
  }
}

function newSession(api: Api, graph: Pointer, options: SessionOptions, place?: Place): Pointer {
  const sessionOptions = api.newSessionOptions();
  const config = configProto(options, place?.rank);
  if (place) api.setTarget(sessionOptions, place.target);
  try {
    checked(api, (status) => api.setConfig(sessionOptions, config, config.length, status));
    return checked(api, (status) => api.newSession(graph, sessionOptions, status));
  } finally {
    api.deleteSessionOptions(sessionOptions);
  }
}
