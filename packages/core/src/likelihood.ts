/** Terms of the variational bound, as graphs over images [B, H, W, C]; a coefficient is a number, or a tensor that broadcasts. */
import type { Coefficient } from "./diffusion.ts";
import { constant, type Tensor } from "./tensor.ts";

/** KL(N(mean1, exp logVariance1) || N(mean2, exp logVariance2)) of each element in nats, from mean1 - mean2. */
export const gaussianKl = (difference: Tensor, logVariance1: Coefficient, logVariance2: Tensor): Tensor => {
  const shrunk = logVariance2.neg();
  return shrunk.add(logVariance1).exp().add(difference.mul(difference).mul(shrunk.exp())).add(logVariance2).sub(logVariance1).sub(1).mul(0.5);
};

/**
 * The logarithm of the probability of each element of `x`, a byte scaled to [-1, 1], under a Gaussian that is cut into 256 bins of width 2/255, the
 * first and last open (Ho et al. 2020, eq. 13); at least log 1e-12. Φ by tanh(√(2/π)(z + 0.044715 z³)), as in that paper's code.
 */
export function discretizedGaussianLogLikelihood(x: Tensor, mean: Tensor, logScale: Tensor): Tensor {
  const centred = x.sub(mean);
  const inverse = logScale.neg().exp();
  const below = (edge: number): Tensor => normalCdf(inverse.mul(centred.add(edge)));
  const upper = above(x, 0.999);
  const lower = above(x.neg(), 0.999);
  const high = below(1 / 255);
  const low = below(-1 / 255);
  const probability = high.add(upper.mul(constant(1).sub(high))).sub(low.mul(constant(1).sub(lower)));
  return probability.clip(1e-12, 1).log();
}

const normalCdf = (z: Tensor): Tensor =>
  z
    .mul(z)
    .mul(0.044715)
    .add(1)
    .mul(z)
    .mul(2 * Math.sqrt(2 / Math.PI))
    .sigmoid();

/** 1 where x is above a bound, else 0. */
const above = (x: Tensor, bound: number): Tensor => x.sub(bound).sign().clip(0, 1);

/** Nichol and Dhariwal 2021, eq. 15: between the posterior's log variance at a spread of -1 and log beta at 1. */
export const learnedLogVariance = (
  spread: Tensor,
  { logBetas, posteriorLogVarianceClipped: least }: Record<"logBetas" | "posteriorLogVarianceClipped", Tensor>,
): Tensor => {
  const share = spread.add(1).mul(0.5);
  return share.mul(logBetas.sub(least)).add(least);
};
