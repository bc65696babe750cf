/** The configuration of a scheduler of diffusers as a part of ours, and the other way. */
import type { Config } from "../config.ts";
import type { Objective } from "../objective.ts";
import { betas, type ScheduleName, scheduleNames } from "../schedule.ts";
import type { Variance } from "../solvers.ts";
import { type DiffusersJson, isList, refuse } from "./json.ts";

const objectives: Readonly<Record<Objective, string>> = { eps: "epsilon", x0: "sample", v: "v_prediction" };
const variances: Readonly<Record<Variance, string>> = { posterior: "fixed_small", beta: "fixed_large", learned: "learned_range" };

const ends = { beta_start: 1e-4, beta_end: 0.02 };

/** How diffusers says each schedule of ours; those that it lacks it takes as numbers. */
const forms: Readonly<Partial<Record<ScheduleName, (timesteps: number) => DiffusersJson>>> = {
  linear: () => ({ beta_schedule: "linear", ...ends }),
  "linear-scaled": (timesteps) => ({ beta_schedule: "linear", beta_start: 0.1 / timesteps, beta_end: 20 / timesteps }),
  "cosine-capped": () => ({ beta_schedule: "squaredcos_cap_v2" }),
  quadratic: () => ({ beta_schedule: "scaled_linear", ...ends }),
  sigmoid: () => ({ beta_schedule: "sigmoid", ...ends }),
};

/** What the file of a scheduler says, of a model that learns its variance or not. Throws a SyntaxError that names the key for what we do not have. */
export function diffusionFrom(file: DiffusersJson, learned: boolean): Partial<Config> {
  const scheduler = { num_train_timesteps: 1000, ...ends, prediction_type: "epsilon", ...file };
  const [objective] = Object.entries(objectives).find(([, theirs]) => theirs === scheduler.prediction_type) ?? [];
  if (objective === undefined)
    refuse("prediction_type", Object.values(objectives).join(", "), scheduler.prediction_type, "nothing else can be drawn from");
  return {
    ...scheduleFrom(scheduler),
    "diffusion.zeroTerminalSnr": file["rescale_betas_zero_snr"] === true,
    "diffusion.objective": objective as Objective,
    "diffusion.variance": varianceFrom(file["variance_type"] ?? (learned ? variances.learned : variances.posterior), learned),
  };
}

function scheduleFrom(scheduler: DiffusersJson): Partial<Config> {
  const { trained_betas: trained, num_train_timesteps: steps, beta_schedule: kind, beta_start: start, beta_end: end } = scheduler;
  const timesteps = isList(trained) ? trained.length : (steps as number);
  if (!Number.isInteger(timesteps) || timesteps < 1 || timesteps > 1e6)
    refuse("num_train_timesteps", "an integer from 1 to a million", timesteps, advice);
  const name = scheduleNames.find((name) => (isList(trained) ? hasBetas(name, trained) : hasForm(name, timesteps, scheduler)));
  if (name === undefined) return refuse("beta_schedule", "one of ours", isList(trained) ? trained.slice(0, 4) : [kind, start, end], advice);
  return { "diffusion.timesteps": timesteps, "diffusion.schedule": name };
}

const advice = `there is ${scheduleNames.join(", ")}, and of what has ends those from 0.0001 to 0.02`;

const hasForm = (name: ScheduleName, timesteps: number, scheduler: DiffusersJson): boolean =>
  Object.entries(forms[name]?.(timesteps) ?? { beta_schedule: undefined }).every(([key, value]) =>
    typeof value === "number" ? isNear(scheduler[key], value) : value !== undefined && scheduler[key] === value,
  );

function hasBetas(name: ScheduleName, theirs: readonly unknown[]): boolean {
  try {
    return betas(name, theirs.length).every((beta, t) => isNear(theirs[t], beta));
  } catch {
    return false; // a schedule that so many steps cannot have
  }
}

/** As near as float32 has it. */
const isNear = (found: unknown, expected: number): boolean => Math.abs((found as number) - expected) <= 1e-5 * expected;

function varianceFrom(type: unknown, learned: boolean): Variance {
  const [variance] = Object.entries(variances).find(([, theirs]) => theirs === String(type).replace(/_log$/, "")) ?? [];
  if (variance !== undefined && (variance === "learned") === learned) return variance as Variance;
  const expected = learned
    ? `"learned_range" for a model of twice as many out_channels`
    : `"fixed_small" or "fixed_large" for a model of as many out_channels`;
  return refuse("variance_type", expected, type, "draw with a scheduler of that kind");
}

/**
 * The file of a scheduler for a configuration: a `DDPMScheduler` unless `drawing` (see `writtenBack`) says otherwise. It adds noise at every timestep but 0, so fewer steps have to end there, and those of zero
 * terminal SNR have to start at the last one, too.
 */
export function schedulerOf(config: Config, drawing: DiffusersJson = {}): DiffusersJson {
  const { "diffusion.schedule": name, "diffusion.timesteps": timesteps } = config;
  return {
    _class_name: "DDPMScheduler",
    num_train_timesteps: timesteps,
    ...(forms[name]?.(timesteps) ?? { beta_schedule: "linear", trained_betas: [...betas(name, timesteps)] }),
    prediction_type: objectives[config["diffusion.objective"]],
    variance_type: variances[config["diffusion.variance"]],
    rescale_betas_zero_snr: config["diffusion.zeroTerminalSnr"],
    clip_sample: true,
    timestep_spacing: config["diffusion.zeroTerminalSnr"] ? "linspace" : "leading",
    ...drawing,
  };
}
