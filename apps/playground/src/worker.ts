// Holds the model, draws with it and trains a new one, so that the page stays smooth
import { chooseDevice, openDevice } from "@ddpm/backend-web";
import { type Backend, type Config, compileSampler, DeviceLost, imageShape, type Numbers, type Reached } from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import plain from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";
import { toBytes } from "./bytes.ts";
import { beginningOf } from "./draw/beginning.ts";
import { openCheckpoint } from "./inspect/checkpoint.ts";
import type { Reply, Request, Settings, TrainingPlan } from "./protocol.ts";
import { type Snapshot, trainLoop } from "./train/loop.ts";

interface Purpose {
  readonly training?: boolean;
}

interface Model {
  readonly config: Config;
  readonly parameters: ReadonlyMap<string, Numbers>;
}

const wasmPaths = {
  "tfjs-backend-wasm.wasm": plain,
  "tfjs-backend-wasm-simd.wasm": simd,
  "tfjs-backend-wasm-threaded-simd.wasm": threaded,
};
const say = (reply: Reply, transfer: Transferable[] = []): void => self.postMessage(reply, { transfer });

let model: Model | undefined;
let backend: { readonly device: string; readonly opened: Backend } | undefined;
let paused = false;
let cancelled = false;

self.onmessage = ({ data: request }: MessageEvent<Request>): void => {
  if (request.kind === "load") load(request.name, new Uint8Array(request.bytes));
  if (request.kind === "pause") paused = request.paused;
  if (request.kind === "cancel") cancelled = true;
  if (request.kind === "draw") draw(request.settings).catch(fail);
  if (request.kind === "train") train(request.plan).catch(fail);
};

const fail = ({ message }: Error): void => say({ kind: "failed", message });

/** Takes a checkpoint in place of the present one, which stays where the new one is no good. */
function load(name: string, bytes: Uint8Array): void {
  try {
    const { config, parameters, facts } = openCheckpoint(name, bytes);
    model = { config, parameters };
    say({ kind: "loaded", model: facts });
  } catch (error) {
    say({ kind: "refused", message: `${name}: ${(error as Error).message}` });
  }
}

/** Numbers of all images that are drawn at once; they stand in the page a few times. */
const mostNumbers = 2 ** 25;

async function draw(settings: Settings): Promise<void> {
  if (!model) throw new TypeError("Cannot draw before a model is loaded");
  const [count, most] = [settings.labels.length, Math.floor(mostNumbers / size(imageShape(model.config, 1)))];
  if (count > most) throw new RangeError(`Expected at most ${most} images of this size at once but found ${count}; choose fewer`);
  [paused, cancelled] = [false, false];
  const drawn = model;
  let resume: Reached | undefined;
  await onDevice(settings.device, {}, (opened, progress) => {
    const reach = (step: Reached): void => {
      resume = step;
      progress();
    };
    return drawFrom(opened, { ...drawn, settings, resume, reach });
  });
}

interface Drawing extends Model {
  readonly settings: Settings;
  readonly resume: Reached | undefined;
  /** Told each step that is done. */
  readonly reach: (step: Reached) => void;
}

async function drawFrom(opened: Backend, { config, parameters, settings, resume, reach }: Drawing): Promise<void> {
  const { drawing, steps, eta, labels, guidance, seed, start } = settings;
  if (cancelled) return say({ kind: "cancelled" });
  const conditions = { guided: guidance !== 1, inpainting: start.kind === "part" };
  const options = { ...drawing, batch: labels.length, steps, ...(drawing.sampler === "ddim" && { eta }), ...conditions };
  await using compiled = await compileSampler(opened, config, parameters, options);
  if (compiled.how !== undefined) say({ kind: "compiled", how: compiled.how });
  const draw = { seed, labels, guidance, ...beginningOf(settings, compiled, config), ...(resume && { resume }) };
  for await (const { step, steps, ...read } of compiled.draw(draw)) {
    const [x, x0] = [await read.x(), await read.x0()];
    reach({ step, x, x0 });
    const images = { shape: imageShape(config, labels.length), x: toBytes(x), x0: toBytes(x0) };
    say({ kind: "step", step, steps, images }, [images.x.buffer, images.x0.buffer]);
    do await new Promise((resolve) => setTimeout(resolve, paused ? 50 : 0));
    while (paused && !cancelled);
    if (cancelled) return say({ kind: "cancelled" });
  }
  say({ kind: "done" });
}

async function train(plan: TrainingPlan): Promise<void> {
  cancelled = false;
  const stopped = async (): Promise<boolean> => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    return cancelled;
  };
  let from: Snapshot | undefined;
  await onDevice(plan.device, { training: true }, (opened, progress) => {
    const keep = (snapshot: Snapshot): void => {
      from = snapshot;
      progress();
    };
    return trainLoop(opened, plan, { say, stopped, from, keep });
  });
}

/** What is done on a device, which tells each time that it has come further. */
type Work = (opened: Backend, progress: () => void) => Promise<void>;

/** Losses in a row after which a device is given up. */
const mostLosses = 3;

/** Does some work on a device. Where that is lost it is opened again and the work begun anew, which goes on from what it has kept. */
async function onDevice(asked: string, purpose: Purpose, work: Work): Promise<void> {
  let losses = 0;
  const progress = (): void => {
    losses = 0;
  };
  while (true) {
    try {
      return await work(await open(asked, purpose), progress);
    } catch (error) {
      if (!(error instanceof DeviceLost) || ++losses > mostLosses) throw error;
      say({ kind: "lost" });
      await close();
    }
  }
}

async function close(): Promise<void> {
  const old = backend;
  backend = undefined;
  await old?.opened[Symbol.asyncDispose]();
}

async function open(asked: string, purpose: Purpose): Promise<Backend> {
  const choice = asked === "auto" ? chooseDevice(purpose) : { device: asked, reason: "chosen by hand" };
  if (backend?.device !== choice.device) {
    await close();
    const compiling = (done: number, of: number): void => say({ kind: "compiling", done, of });
    backend = { device: choice.device, opened: await openDevice(choice.device, { wasmPaths, compiling }) };
  }
  say({ kind: "device", ...choice });
  return backend.opened;
}
