/** How the schedulers of diffusers draw, in flags of ours. */
import { type SamplerName, samplers } from "../sampler.ts";
import { evenSpacingNames, type Spacing } from "../spacing.ts";
import { type DiffusersJson, refuse } from "./json.ts";

interface Known {
  readonly sampler: SamplerName;
  /** Where a file is silent. */
  readonly spacing: Spacing;
  /** Whether it can clip x0, which it then does where a file is silent. */
  readonly clips: boolean;
  /** Values of its other keys that are as here, which are also those where a file is silent. */
  readonly same: DiffusersJson;
}

const sigmas = { use_exponential_sigmas: false, use_beta_sigmas: false, final_sigmas_type: "zero" };

/** Its schedulers that are samplers of ours. */
const known: Readonly<Record<string, Known>> = {
  DDPMScheduler: { sampler: "ddpm", spacing: "leading", clips: true, same: { steps_offset: 0 } },
  DDIMScheduler: { sampler: "ddim", spacing: "leading", clips: true, same: { steps_offset: 0, set_alpha_to_one: true } },
  EulerDiscreteScheduler: {
    sampler: "euler",
    spacing: "linspace",
    clips: false,
    same: { ...sigmas, steps_offset: 0, interpolation_type: "linear", timestep_type: "discrete", sigma_min: null, sigma_max: null },
  },
  DPMSolverMultistepScheduler: {
    sampler: "dpm++",
    spacing: "linspace",
    clips: false,
    same: {
      ...sigmas,
      steps_offset: 0,
      solver_order: 2,
      algorithm_type: "dpmsolver++",
      solver_type: "midpoint",
      lower_order_final: true,
      euler_at_final: false,
      use_lu_lambdas: false,
      use_flow_sigmas: false,
    },
  },
};

const ownKeys = ["_class_name", "clip_sample", "clip_sample_range", "timestep_spacing", "use_karras_sigmas"];

/** What of a scheduler's file says how to draw, in its own keys; the noise is not among it. */
export function drawingOf(file: DiffusersJson): DiffusersJson {
  const scheduler = knownAs(file["_class_name"]);
  const keys = [...ownKeys, ...Object.keys(scheduler?.same ?? {})];
  return Object.fromEntries(keys.flatMap((key) => (file[key] === undefined ? [] : [[key, file[key]]])));
}

/** What of a file, as by `drawingOf`, the scheduler of a `DDPMPipeline` or a `DDIMPipeline` can be written back with. */
export const writtenBack = (file: DiffusersJson | undefined): DiffusersJson =>
  file && ["ddpm", "ddim"].includes(knownAs(file["_class_name"])?.sampler ?? "") ? drawingOf(file) : {};

function knownAs(name: unknown = "DDPMScheduler"): Known | undefined {
  return Object.hasOwn(known, String(name)) ? known[String(name)] : undefined;
}

/** How to draw as a scheduler does where that is not what we do unless told, a line each. Throws a SyntaxError for what we cannot do. */
export function drawingAdvice({ _class_name: name = "DDPMScheduler", ...file }: DiffusersJson): string[] {
  const { thresholding = false } = file;
  if (thresholding !== false) refuse("thresholding", "false", thresholding, "dynamic thresholds are not known here: set it to false to draw without");
  const scheduler = knownAs(name);
  if (!scheduler)
    return [`Its scheduler, ${shown(name)}, is not known here: its noise is taken and its way of drawing is not, so choose a --sampler`];
  const flags = flagsOf(scheduler, file);
  const others = Object.entries(scheduler.same).filter(([key, value]) => file[key] !== undefined && file[key] !== value);
  return [
    ...(flags.length > 0 || scheduler.sampler !== "ddpm"
      ? [`To draw as its ${String(name)} does: ${[`--sampler ${scheduler.sampler}`, ...flags].join(" ")}`]
      : []),
    ...others.map(
      ([key, value]) => `Its scheduler's ${key} is ${shown(file[key])}, and here it is always ${shown(value)}: pictures will differ a little`,
    ),
  ];
}

const shown = (value: unknown): string => JSON.stringify(value).slice(0, 80);

function flagsOf({ sampler, clips, spacing: usual }: Known, file: DiffusersJson): string[] {
  const { clip_sample: clipped = true, clip_sample_range: range = 1, timestep_spacing: even = usual } = file;
  const clip = clips && Boolean(clipped);
  if (clip && range !== 1) refuse("clip_sample_range", "1", range, "x0 is clipped to ±1 here: set it to 1, or clip_sample to false");
  if (!(evenSpacingNames as readonly unknown[]).includes(even)) refuse("timestep_spacing", evenSpacingNames.join(", "), even, "leave it out");
  const spacing = file["use_karras_sigmas"] === true ? "karras" : even;
  return [
    ...(clip === samplers[sampler].clip ? [] : ["--no-clip"]),
    ...(clip && sampler === "ddim" ? ["--no-rederive"] : []),
    ...(spacing === samplers[sampler].spacing ? [] : [`--spacing ${String(spacing)}`]),
  ];
}
