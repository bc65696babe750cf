import { type Backend, checkedRoots, type Numbers, type Program, type State, type Step, variablesOf } from "../src/backend.ts";
import { reference } from "../src/reference.ts";
import { kernels } from "../src/reference-kernels.ts";
import { sort, type Tensor } from "../src/tensor.ts";

/** One worker's part of a lockstep. */
export type WorkerProgram = Pick<Program, "run" | "read">;

/** Programs of workers on the float64 reference, whose `allReduce` adds up what all of them have: a run ends when every one has been asked to run. */
export function lockstep(steps: readonly Step[], state: State): WorkerProgram[] {
  const states = steps.map(
    (step) => new Map<string, Numbers>([...variablesOf(step).keys()].map((name) => [name, Float64Array.from(state.get(name)!)])),
  );
  let waiting: { readonly feeds: Readonly<Record<string, Numbers>>; readonly rank: number; readonly done: (results: Float64Array[]) => void }[] = [];

  function runAll(): void {
    const calls = waiting.toSorted((a, b) => a.rank - b.rank);
    waiting = [];
    const roots = calls.map(({ feeds, rank }) => checkedRoots(steps[rank]!, feeds, Object.keys(steps[rank]!.outputs)));
    const nodes = roots.map((roots) => sort(roots));
    const known = calls.map(() => new Map<Tensor, Float64Array>());
    for (let i = 0; i < nodes[0]!.length; i++) {
      const values = calls.map(({ feeds, rank }) => valueAt(nodes[rank]![i]!, known[rank]!, new Map([...states[rank]!, ...Object.entries(feeds)])));
      const reduced = nodes[0]![i]!.op === "allReduce";
      const sum = values[0]!.map((_, at) => values.reduce((total, worker) => total + worker[at]!, 0));
      for (const [rank, value] of values.entries()) known[rank]!.set(nodes[rank]![i]!, reduced ? sum : value);
    }
    for (const { rank, done } of calls) {
      const results = roots[rank]!.map((root) => known[rank]!.get(root)!);
      const names = Object.keys(steps[rank]!.updates ?? {});
      for (const [i, name] of names.entries()) states[rank]!.set(name, results[results.length - names.length + i]!);
      done(results);
    }
  }

  return steps.map((step, rank) => ({
    async run(feeds) {
      const results = await new Promise<Float64Array[]>((done) => {
        waiting.push({ feeds, rank, done });
        if (waiting.length === steps.length) runAll();
      });
      return Object.fromEntries(Object.keys(step.outputs).map((name, i) => [name, results[i]!]));
    },
    read: async () => new Map(states[rank]),
  }));
}

/** Devices of as many workers on the float64 reference: what has sums over workers runs in lockstep once all have compiled it. */
export function lockstepBackends(count: number): Backend[] {
  const own = reference();
  let compiling: { readonly step: Step; readonly rank: number; readonly done: (program: WorkerProgram) => void }[] = [];
  const together = (rank: number, step: Step): Promise<WorkerProgram> =>
    new Promise((done) => {
      compiling.push({ step, rank, done });
      if (compiling.length < count) return;
      const calls = compiling.toSorted((a, b) => a.rank - b.rank);
      compiling = [];
      const programs = lockstep(
        calls.map(({ step }) => step),
        new Map(),
      );
      for (const { rank, done } of calls) done(programs[rank]!);
    });
  return Array.from({ length: count }, (_, rank) => ({
    ...own,
    workers: { rank, count, stopAsked: false, askToStop: () => {}, check: () => {} },
    async compile(step, state) {
      if (!sort(Object.values(step.outputs)).some(({ op }) => op === "allReduce")) return own.compile(step, state);
      return { ...(await together(rank, step)), write: async () => {}, [Symbol.asyncDispose]: async () => {} };
    },
  }));
}

function valueAt(tensor: Tensor, known: ReadonlyMap<Tensor, Float64Array>, given: State): Float64Array {
  if (tensor.op === "input" || tensor.op === "variable") return Float64Array.from(given.get((tensor as Tensor<"input" | "variable">).attrs.name)!);
  const inputs = tensor.inputs.map((x) => known.get(x)!);
  return (kernels[tensor.op] as (inputs: readonly Float64Array[], y: Tensor) => Float64Array)(inputs, tensor);
}
