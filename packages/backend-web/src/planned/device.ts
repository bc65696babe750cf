// Images in a few fused passes of WebGL2; whatever else is asked goes to a device that runs every graph
import type { Backend, Program, State, Step } from "@ddpm/core";
import { checkState, variablesOf } from "@ddpm/core/backend";
import type { Watch } from "../lost.ts";
import { type Gpu, Refused } from "./gl.ts";
import { NoPlan } from "./graph.ts";
import { type Plan, planOf } from "./planner.ts";
import { PlannedProgram } from "./program.ts";

export interface PlannedOptions {
  readonly name: string;
  /** Of the GPU's context. */
  readonly watch: Watch;
  /** Opens the device for graphs that have no plan, when one comes. */
  readonly general: () => Promise<Backend>;
  /** Told how many shaders of how many are compiled. */
  readonly compiling?: ((done: number, of: number) => void) | undefined;
}

/** Runs graphs of images by `gpu`; the programs of those that have no plan, or none that the driver takes, say why in `how`. */
export function planned(gpu: Gpu, { name, watch, general, compiling }: PlannedOptions): Backend {
  let other: Backend | undefined;
  const fallback = async (step: Step, state: State, reason: string): Promise<Program> => {
    other ??= await general();
    const program = await other.compile(step, state);
    return Object.assign(program, { how: `op by op, since ${reason}` });
  };
  const compile = async (step: Step, state: State): Promise<Program> => {
    const plan = planOf(step);
    checkLimits(gpu, plan);
    const sources = plan.passes.map(({ source }) => source);
    await gpu.compile(sources, compiling);
    return new PlannedProgram(gpu, step, plan, state);
  };
  return {
    name,
    async compile(step, state) {
      checkState(variablesOf(step), state);
      try {
        return watch.guard(await watch.unlessLost(() => compile(step, state)));
      } catch (error) {
        if (error instanceof NoPlan || error instanceof Refused) return await fallback(step, state, error.message);
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      gpu.dispose();
      await other?.[Symbol.asyncDispose]();
    },
  };
}

/** Throws Refused where a pass needs more than the GPU has. */
function checkLimits({ longest, units }: Gpu, { passes }: Plan): void {
  for (const { name, inputs, output } of passes) {
    const textures = [...inputs.values()].filter((source) => source.kind === "surface" || source.kind === "table");
    if (textures.length > units) throw new Refused(`a shader reads ${units} textures at most here but ${name} needs ${textures.length}`);
    for (const { width, height } of [output, ...textures])
      if (Math.max(width, height) > longest) throw new Refused(`textures are no longer than ${longest} here but ${name} needs ${width} × ${height}`);
  }
}
