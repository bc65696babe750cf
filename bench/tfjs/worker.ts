/** The plain tfjs contender: eager `@tensorflow/tfjs-node-gpu`, op by op (see ../protocol.ts). */
import util, { parseArgs } from "node:util";
import type { Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { type Contender, serve } from "../protocol.ts";
import { adamw } from "./adamw.ts";
import { diffusion } from "./diffusion.ts";
import { notebook, unet } from "./unet.ts";
import { type Tf, Weights } from "./weights.ts";

// tfjs-node 4.22 calls two functions that Node 23 removed.
Object.assign(util, { isNullOrUndefined: (x: unknown) => x == null, isArray: Array.isArray });

const { values } = parseArgs({ options: { mode: { type: "string", default: "train" }, threads: { type: "string" } } });
const imported = await import("@tensorflow/tfjs-node-gpu");
const tf = ((imported as { default?: Tf }).default ?? imported) as Tf;
const weights = new Weights(tf);
const model = unet(tf, notebook, weights);

const randomT = (batch: number) => tf.randomUniform([batch], 0, 600, "int32") as Tensor1D;
const randomX = (batch: number) => tf.randomNormal([batch, 28, 28, 1]) as Tensor4D;

/** The notebook's train step with noise and t drawn anew. */
function training(batch = 128): () => Promise<number> {
  tf.tidy(() => model(randomX(1), randomT(1))); // makes the variables
  const { loss } = diffusion(tf);
  const update = adamw(tf, weights);
  const images = tf.randomUniform([batch, 28, 28, 1], -1, 1) as Tensor4D;
  return async () => {
    const value = tf.tidy(() => {
      const [t, noise] = [randomT(batch), randomX(batch)];
      return update(() => loss(model, images, t, noise));
    });
    const [number] = await value.data();
    value.dispose();
    return number as number;
  };
}

/** One forward pass of a batch, read back as any user of the result must. */
async function forward(batch: number): Promise<() => Promise<void>> {
  const [x, t] = [randomX(batch), randomT(batch)];
  return async () => {
    const eps = tf.tidy(() => model(x, t));
    await eps.data();
    eps.dispose();
  };
}

await tf.ready();
const { binding } = tf.backend() as unknown as { readonly binding: { readonly TF_Version: string } };
const versions = { tfjs: tf.version.tfjs, "TensorFlow under tfjs": binding.TF_Version };
await serve({ versions, ...(values.mode === "train" ? { train: training() } : { forward }) } satisfies Contender);
