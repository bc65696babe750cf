import { type Backend, checkedRoots, checkNames, checkValues, type Numbers, type Program, type State, type Step, variablesOf } from "./backend.ts";
import { kernels } from "./reference-kernels.ts";
import { sort, type Tensor } from "./tensor.ts";

/** The oracle: every graph in plain float64 loops. Slow, exact, and at home wherever JavaScript runs. */
export const reference = (): Backend => ({
  name: "reference (float64)",
  compile: async (step, state) => new ReferenceProgram(step, state),
  [Symbol.asyncDispose]: async () => {},
});

/** The value of each node below `roots`; inputs and variables come from `values`. */
export function evaluate(roots: readonly Tensor[], values: State = new Map()): Float64Array[] {
  const known = new Map<Tensor, Float64Array>();
  for (const tensor of sort(roots))
    known.set(
      tensor,
      value(
        tensor,
        tensor.inputs.map((x) => known.get(x)!),
        values,
      ),
    );
  return roots.map((root) => known.get(root)!);
}

function value(tensor: Tensor, inputs: readonly Float64Array[], values: State): Float64Array {
  if (tensor.op === "input" || tensor.op === "variable") {
    const { name, shape } = (tensor as Tensor<"input" | "variable">).attrs;
    return new Float64Array(checkValues(name, shape, values.get(name)));
  }
  return (kernels[tensor.op] as (inputs: readonly Float64Array[], y: Tensor) => Float64Array)(inputs, tensor);
}

class ReferenceProgram implements Program {
  readonly #step: Step;
  readonly #state: Map<string, Numbers>;

  constructor(step: Step, state: State) {
    this.#step = step;
    this.#state = new Map([...variablesOf(step)].map(([name, shape]) => [name, Float64Array.from(checkValues(name, shape, state.get(name)))]));
  }

  async run(feeds: Readonly<Record<string, Numbers>>, fetch: readonly string[] = Object.keys(this.#step.outputs)): Promise<Record<string, Numbers>> {
    const roots = checkedRoots(this.#step, feeds, fetch);
    const results = evaluate(roots, new Map([...this.#state, ...Object.entries(feeds)]));
    for (const [i, name] of Object.keys(this.#step.updates ?? {}).entries()) this.#state.set(name, results[fetch.length + i]!);
    return Object.fromEntries(fetch.map((name, i) => [name, results[i]!]));
  }

  async read(names: readonly string[] = [...this.#state.keys()]): Promise<Map<string, Numbers>> {
    checkNames("variables", names, this.#state);
    return new Map(names.map((name) => [name, this.#state.get(name)!.slice()]));
  }

  async write(state: State): Promise<void> {
    for (const [name, values] of state) {
      const old = this.#state.get(name);
      if (old) this.#state.set(name, Float64Array.from(checkValues(name, [old.length], values)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state.clear();
  }
}
