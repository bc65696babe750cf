/** Which timesteps the images of a training step get. */
import type { Numbers, State } from "./backend.ts";
import type { Config } from "./config.ts";
import { philox, stream } from "./random.ts";
import { firstAbove } from "./search.ts";

/** Timesteps [batch], and what their losses weigh, so that the loss's mean is that of uniform timesteps. */
export interface DrawnTimesteps {
  readonly t: Int32Array;
  readonly weights: Float64Array;
}

/** A way to draw timesteps; some learn from the losses. */
export interface TimestepSampling {
  /** Those of step n = 1, 2, …: a function of the configuration, n and what was learnt. */
  draw(n: number): DrawnTimesteps;
  /** Takes what was minimised for each image [batch], of which the first `count` are no padding. */
  learn(drawn: DrawnTimesteps, losses: Numbers, count: number): void;
  /** What was learnt, to go on from. */
  state(): State;
}

/** The sampling that a configuration asks for, as new or from a state. */
export const timestepSampling = (config: Config, state?: State): TimestepSampling =>
  config["train.timesteps"] === "importance" ? new ImportanceSampling(config, state) : uniform(config);

/** The sampling of a training that keeps no memory between its steps. Throws a TypeError for importance sampling, which needs one. */
export function withoutMemory(config: Config): TimestepSampling {
  if (config["train.timesteps"] !== "importance") return uniform(config);
  throw new TypeError("Cannot train with train.timesteps importance without one `timestepSampling` for all steps");
}

const uniform = (config: Config): TimestepSampling => ({ draw: (n) => uniformTimesteps(config, n), learn: () => {}, state: () => new Map() });

/** Algorithm 1, line 3: t uniform in [0, T), one for each image. */
export function uniformTimesteps(config: Config, n: number): DrawnTimesteps {
  const t = Int32Array.from(places(config, n), (place) => Math.floor(place * config["diffusion.timesteps"]));
  return { t, weights: new Float64Array(t.length).fill(1) };
}

/** Uniform in [0, 1), one for each image. */
const places = (config: Config, n: number): Float64Array =>
  Float64Array.from(philox(stream(config.seed, "timesteps", n), config["train.batch"]), (word) => word / 2 ** 32);

/** Losses kept of each timestep. */
const kept = 10;

/** Share of the draws that are uniform, so that no timestep is forgotten. */
const uniformShare = 0.001;

/**
 * Importance sampling by the second moment of the last 10 losses of each timestep; uniform until each has had as many (Nichol and Dhariwal 2021,
 * eq. 18).
 */
export class ImportanceSampling implements TimestepSampling {
  readonly #config: Config;
  /** [T, 10], the oldest first. */
  readonly #history: Float32Array;
  /** [T] */
  readonly #counts: Float32Array;

  /** Throws a TypeError where a state lacks what was learnt. */
  constructor(config: Config, state?: State) {
    const T = config["diffusion.timesteps"];
    const restored = (name: string, length: number): Float32Array => {
      if (!state) return new Float32Array(length);
      const values = state.get(name);
      if (values?.length === length) return Float32Array.from(values);
      throw new TypeError(
        `Expected a training state with ${length} numbers of ${name} but found ${values?.length ?? "none"}; take the state of such a run`,
      );
    };
    this.#config = config;
    this.#history = restored("lossHistory", T * kept);
    this.#counts = restored("lossCounts", T);
  }

  draw(n: number): DrawnTimesteps {
    if (!this.#warm) return uniformTimesteps(this.#config, n);
    const p = this.probabilities();
    let sum = 0;
    const upTo = p.map((probability) => (sum += probability));
    const t = Int32Array.from(places(this.#config, n), (place) => Math.min(firstAbove(upTo, place * sum), p.length - 1));
    return { t, weights: Float64Array.from(t, (t) => 1 / (p.length * p[t]!)) };
  }

  learn({ t }: DrawnTimesteps, losses: Numbers, count: number): void {
    for (let i = 0; i < count; i++) {
      const row = this.#history.subarray(t[i]! * kept, (t[i]! + 1) * kept);
      if (this.#counts[t[i]!] === kept) row.copyWithin(0, 1);
      else this.#counts[t[i]!]!++;
      row[this.#counts[t[i]!]! - 1] = losses[i]!;
    }
  }

  state(): State {
    return new Map([
      ["lossHistory", this.#history.slice()],
      ["lossCounts", this.#counts.slice()],
    ]);
  }

  /** The probability of each timestep [T]. */
  probabilities(): Float64Array {
    const T = this.#counts.length;
    if (!this.#warm) return new Float64Array(T).fill(1 / T);
    const moments = Float64Array.from({ length: T }, (_, t) => Math.sqrt(meanSquare(this.#history.subarray(t * kept, (t + 1) * kept))));
    const sum = moments.reduce((a, b) => a + b);
    return sum > 0 ? moments.map((moment) => (moment / sum) * (1 - uniformShare) + uniformShare / T) : moments.fill(1 / T);
  }

  get #warm(): boolean {
    return this.#counts.every((count) => count === kept);
  }
}

const meanSquare = (values: Float32Array): number => values.reduce((sum, x) => sum + x * x, 0) / values.length;
