import {
  AverageSampler,
  averagedWeights,
  type Backend,
  type Config,
  encodeModel,
  imageShape,
  initialState,
  labelsInTurn,
  parametersFrom,
  runStep,
  Stability,
  type State,
  shapes,
  trainingBatch,
  trainingStep,
} from "@ddpm/core";
import { timestepSampling } from "@ddpm/core/training";
import { toBytes } from "../bytes.ts";
import type { Reply, TrainingPlan } from "../protocol.ts";

/** What a training is after a step: it goes on from that as if nothing had come between. */
export interface Snapshot {
  readonly step: number;
  readonly state: State;
  /** What timesteps have learnt. */
  readonly timesteps: State;
}

interface Listener {
  readonly say: (reply: Reply, transfer?: Transferable[]) => void;
  /** Asked after each step, and lets the worker hear messages. */
  readonly stopped: () => Promise<boolean>;
  /** Where to go on. */
  readonly from: Snapshot | undefined;
  /** Told what to go on from, as often as pictures are drawn. */
  readonly keep: (snapshot: Snapshot) => void;
}

/**
 * What training draws: one picture of each class, or a few, in few steps, since a browser may draw with software. Clipped, since the cosine schedule begins
 * at so little signal that x0 explodes.
 */
const samplerOf = ({ "model.classes": classes }: Config) => ({ sampler: "dpm++", batch: classes.length || 4, steps: 10, clip: true }) as const;

/** Trains on procedural shapes as `ddpm train --data shapes` does, step for step. Ends with the averaged weights as a checkpoint's bytes. */
export async function trainLoop(backend: Backend, { config, steps }: TrainingPlan, { say, stopped, from, keep }: Listener): Promise<void> {
  const dataset = shapes({ height: config["data.height"], width: config["data.width"], channels: config["model.channels"] });
  const [training, sampler] = [trainingStep(config), samplerOf(config)];
  await using program = await backend.compile(training.step, from?.state ?? initialState(training, config.seed));
  await using pictures = new AverageSampler({ backend, config, program, scope: training.scope }, sampler);
  const timesteps = timestepSampling(config, from?.timesteps);
  const labels = labelsInTurn(config, sampler.batch);
  const stability = new Stability(config);
  if (program.how !== undefined) say({ kind: "compiled", how: program.how });
  let step = from?.step ?? 0;
  for (let stop = false; step < steps && !stop; stop = await stopped()) {
    step++;
    const result = await runStep(program, config, await trainingBatch(dataset, config, step), step, { timesteps });
    const warning = stability.follow(step, result);
    if (warning) say({ kind: "warned", message: warning });
    if (!result.skipped) say({ kind: "loss", step, loss: result.loss });
    if (step % config["train.sampleEvery"] === 0 || step === steps) {
      const images = toBytes(await pictures.draw(labels));
      say({ kind: "samples", step, shape: imageShape(config, sampler.batch), images }, [images.buffer]);
      keep({ step, state: await program.read(), timesteps: timesteps.state() });
    }
  }
  const averages = parametersFrom(training.scope, await averagedWeights(program, training.scope));
  const checkpoint = new Uint8Array(encodeModel(averages, { config, step }));
  say({ kind: "trained", step, checkpoint }, [checkpoint.buffer]);
}
