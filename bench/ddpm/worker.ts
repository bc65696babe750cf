/** Our own contender, on the compiled TensorFlow device (see ../protocol.ts); not written yet, so the bench skips it. */
import { serve } from "../protocol.ts";

const missing = async () => {
  throw new Error("bench/ddpm/worker.ts is not written yet");
};
await serve({ versions: {}, train: missing, forward: missing });
