import type { Tensor } from "./tensor.ts";

export type Numbers = Float32Array | Float64Array | Int32Array;

/** Values of variables by name, in row-major order. */
export type State = ReadonlyMap<string, Numbers>;

/** What one run does: `outputs` are computed from feeds and state; then each variable named in `updates` takes its new value. */
export interface Step {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly updates?: Readonly<Record<string, Tensor>>;
}

/** The port: a device that runs graphs. */
export interface Backend extends AsyncDisposable {
  /** What runs, for people: `tensorflow 2.21.0 on the CPU`. */
  readonly name: string;
  /** Throws a TypeError where `state` lacks a variable of the step, a RangeError where a value has another size. */
  compile(step: Step, state: State): Promise<Program>;
}

/** A step on a device, together with its state. One run at a time. */
export interface Program extends AsyncDisposable {
  /** Feeds every input that the fetched outputs and the updates need; returns the outputs named in `fetch` (all by default). */
  run(feeds: Readonly<Record<string, Numbers>>, fetch?: readonly string[]): Promise<Record<string, Numbers>>;
  /** The present values of variables (all by default). */
  read(names?: readonly string[]): Promise<Map<string, Numbers>>;
  /** Replaces the values of variables. */
  write(state: State): Promise<void>;
}
