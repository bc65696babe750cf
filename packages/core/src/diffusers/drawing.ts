/** How the schedulers of diffusers draw, in settings of ours. */
import type { Config } from "../config.ts";
import type { SamplerName } from "../sampler.ts";
import { evenSpacingNames, type Spacing } from "../spacing.ts";
import { type DiffusersJson, refuse } from "./json.ts";

/** How to draw; what is absent is as the sampler does unless told. */
export interface DrawingSettings {
  readonly sampler: SamplerName;
  readonly spacing?: Spacing | undefined;
  /** Whether x0 is clipped to ±1. */
  readonly clip?: boolean | undefined;
  /** Of DDIM: whether eps follows from the clipped x0. */
  readonly rederive?: boolean | undefined;
}

/** How a scheduler of diffusers draws, as far as it is known here. */
export interface SchedulerDrawing {
  /** Its class there. */
  readonly name: string;
  /** All that draws as it does; absent for a scheduler that is not known here. */
  readonly settings?: DrawingSettings;
  /** What of it is not as here, a line each. */
  readonly differences: readonly string[];
}

interface Known {
  readonly sampler: SamplerName;
  /** Where a file is silent. */
  readonly spacing: Spacing;
  /** Whether it can clip x0, which it then does where a file is silent. */
  readonly clips: boolean;
  /** Whether it can visit the levels of Karras et al. 2022, which it does not where a file is silent. */
  readonly karras?: boolean;
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
    karras: true,
    same: { ...sigmas, steps_offset: 0, interpolation_type: "linear", timestep_type: "discrete", sigma_min: null, sigma_max: null },
  },
  DPMSolverMultistepScheduler: {
    sampler: "dpm++",
    spacing: "linspace",
    clips: false,
    karras: true,
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
  return typeof name === "string" && Object.hasOwn(known, name) ? known[name] : undefined;
}

/**
 * How a scheduler draws, of a model whose configuration is known in part. Throws a SyntaxError that names the key for what we cannot do.
 */
export function drawingFrom({ _class_name: kind = "DDPMScheduler", ...file }: DiffusersJson, config: Partial<Config> = {}): SchedulerDrawing {
  const { thresholding = false } = file;
  if (thresholding !== false) refuse("thresholding", "false", thresholding, "dynamic thresholds are not known here: set it to false to draw without");
  const scheduler = knownAs(kind);
  const name = typeof kind === "string" ? kind.slice(0, 80) : shown(kind);
  if (!scheduler) return { name, differences: ["its noise is taken and its way of drawing is not, which is not known here: choose a sampler"] };
  const settings = settingsOf(scheduler, file);
  const early = settings.spacing === "leading" && config["diffusion.zeroTerminalSnr"] === true;
  const others = Object.entries(scheduler.same).filter(([key, value]) => file[key] !== undefined && file[key] !== value);
  return {
    name,
    settings: early ? { ...settings, spacing: "trailing" } : settings,
    differences: [
      ...(early ? ["its timestep_spacing is leading, which need not begin with noise alone as zero terminal SNR has to: it is trailing here"] : []),
      ...others.map(([key, value]) => `its ${key} is ${shown(file[key])}, and here it is always ${shown(value)}: pictures will differ a little`),
    ],
  };
}

const shown = (value: unknown): string => JSON.stringify(value).slice(0, 80);

function settingsOf({ sampler, clips, karras = false, spacing: usual }: Known, file: DiffusersJson): DrawingSettings {
  const { clip_sample: clipped = true, clip_sample_range: range = 1, timestep_spacing: even = usual } = file;
  const clip = clips && Boolean(clipped);
  if (clip && range !== 1) refuse("clip_sample_range", "1", range, "x0 is clipped to ±1 here: set it to 1, or clip_sample to false");
  if (!(evenSpacingNames as readonly unknown[]).includes(even)) refuse("timestep_spacing", evenSpacingNames.join(", "), even, "leave it out");
  const spacing = karras && file["use_karras_sigmas"] === true ? "karras" : (even as Spacing);
  return { sampler, spacing, clip, ...(sampler === "ddim" && { rederive: false }) };
}

/**
 * How to draw: as is asked, and else as the model's `own` scheduler does where that is of the sampler asked for, or none is, and else as usual. What one
 * sampler's scheduler says is no matter of another sampler.
 */
export function drawingSettings<A extends Partial<DrawingSettings>>(asked: A, usual: DrawingSettings, own?: DrawingSettings): A & DrawingSettings {
  const sampler = asked.sampler ?? own?.sampler ?? usual.sampler;
  const given = Object.entries(asked).filter(([, value]) => value !== undefined);
  return { ...(own?.sampler === sampler ? own : usual), ...(Object.fromEntries(given) as A), sampler };
}
