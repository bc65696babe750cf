import type { Scalar } from "@tensorflow/tfjs";
import type { Tf, Weights } from "./weights.ts";

/** AdamW around tfjs's Adam, which has no weight decay: gradients, decay, then Adam, as in PyTorch. */
export function adamw(tf: Tf, weights: Weights, { lr = 1e-3, weightDecay = 0.01 } = {}): (loss: () => Scalar) => Scalar {
  const adam = tf.train.adam(lr, 0.9, 0.999, 1e-8);
  const variables = [...weights.variables.values()];
  return (loss) =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, variables);
      for (const variable of variables) variable.assign(variable.mul(1 - lr * weightDecay));
      adam.applyGradients(grads as Parameters<typeof adam.applyGradients>[0]);
      return value;
    });
}
