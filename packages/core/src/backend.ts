import { type Shape, size } from "./shape.ts";
import { sort, type Tensor } from "./tensor.ts";
import type { Team } from "./workers.ts";

/** Numbers of a tensor, in row-major order. */
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
  /** Of a device that works with those of other processes: who they are. */
  readonly workers?: Team;
  /** Throws a TypeError where `state` lacks a variable of the step, a RangeError where a value has another size. */
  compile(step: Step, state: State): Promise<Program>;
}

/** A step on a device, together with its state. One run at a time. */
export interface Program extends AsyncDisposable {
  /** Of a device that has several ways to run a step: which one this is and why, for people. */
  readonly how?: string;
  /** Feeds every input that the fetched outputs and the updates need; returns the outputs named in `fetch` (all by default). */
  run(feeds: Readonly<Record<string, Numbers>>, fetch?: readonly string[]): Promise<Record<string, Numbers>>;
  /** The present values of variables (all by default). */
  read(names?: readonly string[]): Promise<Map<string, Numbers>>;
  /** Replaces the values of variables. */
  write(state: State): Promise<void>;
}

/** A device is gone and its programs with it: open another, compile again and go on from what was read last. */
export class DeviceLost extends Error {}

/** The variables that a step reads or updates, with their shapes. For backends. */
export function variablesOf({ outputs, updates = {} }: Step): Map<string, Shape> {
  const read = sort([...Object.values(outputs), ...Object.values(updates)]).filter((x): x is Tensor<"variable"> => x.op === "variable");
  const shapes = new Map(read.map(({ attrs: { name, shape } }) => [name, shape]));
  for (const [name, { shape }] of Object.entries(updates)) {
    const known = shapes.get(name) ?? shape;
    if (`${known}` !== `${shape}`) throw new RangeError(`Cannot update ${name} of shape [${known}] with [${shape}]`);
    shapes.set(name, shape);
  }
  return shapes;
}

/** The inputs below `tensors` by name. For backends. */
export const inputsOf = (tensors: Iterable<Tensor>): Map<string, Tensor<"input">> =>
  new Map(
    sort(tensors)
      .filter((x): x is Tensor<"input"> => x.op === "input")
      .map((x) => [x.attrs.name, x]),
  );

/** Throws where `values` are missing (TypeError) or not as many as `shape` holds (RangeError). For backends. */
export function checkValues(name: string, shape: Shape, values: Numbers | undefined): Numbers {
  if (!values) throw new TypeError(`Expected a value for ${name} of shape [${shape}] but found none; give it one`);
  if (values.length !== size(shape))
    throw new RangeError(`Expected ${size(shape)} values for ${name} of shape [${shape}] but found ${values.length}; give it as many`);
  return values;
}

/** Throws as `checkValues` does where `state` lacks one of `variables`, which are a step's, or has another number of values for it. For backends. */
export function checkState(variables: ReadonlyMap<string, Shape>, state: State): void {
  for (const [name, shape] of variables) checkValues(name, shape, state.get(name));
}

/** What a run computes: the outputs named in `fetch`, then the updates. Throws as `checkNames` and `checkValues` do for what it is given. For backends. */
export function checkedRoots({ outputs, updates = {} }: Step, feeds: Readonly<Record<string, Numbers>>, fetch: readonly string[]): Tensor[] {
  checkNames("outputs", fetch, new Map(Object.entries(outputs)));
  const roots = [...fetch.map((name) => outputs[name]!), ...Object.values(updates)];
  for (const [name, { attrs }] of inputsOf(roots)) checkValues(name, attrs.shape, feeds[name]);
  return roots;
}

/** Throws where a name is not among those a program knows. For backends. */
export function checkNames(kind: string, names: Iterable<string>, known: ReadonlyMap<string, unknown>): void {
  for (const name of names)
    if (!known.has(name))
      throw new TypeError(`Expected one of the ${kind} ${[...known.keys()].slice(0, 8).join(", ")} but found ${name}; choose among them`);
}
