// Images in a few fused passes of WebGL2; whatever else is asked goes to a device that runs every graph
import type { Backend, Program, State, Step } from "@ddpm/core";
import type { Gpu } from "./gl.ts";
import { NoPlan } from "./graph.ts";
import { type Plan, planOf } from "./planner.ts";
import { PlannedProgram } from "./program.ts";

export interface PlannedOptions {
  readonly name: string;
  /** Opens the device for graphs that have no plan; called once, when it is first needed. */
  readonly general: () => Promise<Backend>;
  /** Told how many shaders of how many are compiled. */
  readonly compiling?: ((done: number, of: number) => void) | undefined;
}

/** Runs graphs of images by `gpu`; the programs of those that have no plan say why in `how`. */
export function planned(gpu: Gpu, { name, general, compiling }: PlannedOptions): Backend {
  let other: Promise<Backend> | undefined;
  const fallback = async (step: Step, state: State, reason: string): Promise<Program> => {
    other ??= general();
    return Object.assign(await (await other).compile(step, state), { how: `op by op, since ${reason}` });
  };
  return {
    name,
    async compile(step, state) {
      const plan = planOrReason(gpu, step);
      if (typeof plan === "string") return await fallback(step, state, plan);
      await gpu.compile(
        plan.passes.map(({ source }) => source),
        compiling,
      );
      return new PlannedProgram(gpu, step, plan, state);
    },
    async [Symbol.asyncDispose]() {
      gpu.dispose();
      await (await other)?.[Symbol.asyncDispose]();
    },
  };
}

function planOrReason(gpu: Gpu, step: Step): Plan | string {
  try {
    const plan = planOf(step);
    for (const { inputs, output } of plan.passes)
      for (const source of [output, ...inputs.values()])
        if ((source.kind === "surface" || source.kind === "table") && Math.max(source.width, source.height) > gpu.longest)
          return `this GPU's textures are no longer than ${gpu.longest} but it needs ${source.width} × ${source.height}`;
    return plan;
  } catch (error) {
    if (error instanceof NoPlan) return error.message;
    throw error;
  }
}
