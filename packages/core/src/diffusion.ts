/**
 * The equations of Ho et al. 2020 (DDPM), one a line, as graphs. Images are [B, H, W, C]; a coefficient is a number, or a tensor that broadcasts:
 * a scalar when all images are at one timestep, [B, 1, 1, 1] when each has its own. `schedule` has the coefficients' values by the same names.
 */
import type { Tensor } from "./tensor.ts";

/** A number, or a tensor that broadcasts to [B, H, W, C]. */
export type Coefficient = Tensor | number;
type Coefficients<Name extends string> = { readonly [N in Name]: Coefficient };

/** Eq. 2: x_t from x_{t-1}, one step of the forward process. */
export const qStep = (xPrevious: Tensor, noise: Tensor, { sqrtAlphas, sqrtBetas }: Coefficients<"sqrtAlphas" | "sqrtBetas">): Tensor =>
  xPrevious.mul(sqrtAlphas).add(noise.mul(sqrtBetas));

/** Eq. 4: x_t from x_0, all steps of the forward process at once. */
export const qSample = (
  x0: Tensor,
  noise: Tensor,
  { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod }: Coefficients<"sqrtAlphasCumprod" | "sqrtOneMinusAlphasCumprod">,
): Tensor => x0.mul(sqrtAlphasCumprod).add(noise.mul(sqrtOneMinusAlphasCumprod));

/** Eq. 15, which is eq. 4 solved for x_0: the image that the predicted noise implies. */
export const predictX0 = (
  xt: Tensor,
  eps: Tensor,
  { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod }: Coefficients<"sqrtAlphasCumprod" | "sqrtOneMinusAlphasCumprod">,
): Tensor => xt.sub(eps.mul(sqrtOneMinusAlphasCumprod)).div(sqrtAlphasCumprod);

/** The velocity of Salimans and Ho 2022, section 4: eps and x_0 turned by a quarter. */
export const predictV = (
  x0: Tensor,
  noise: Tensor,
  { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod }: Coefficients<"sqrtAlphasCumprod" | "sqrtOneMinusAlphasCumprod">,
): Tensor => noise.mul(sqrtAlphasCumprod).sub(x0.mul(sqrtOneMinusAlphasCumprod));

/** Eq. 7: the mean of q(x_{t-1} | x_t, x_0). */
export const posteriorMean = (
  x0: Tensor,
  xt: Tensor,
  { posteriorMeanCoef1, posteriorMeanCoef2 }: Coefficients<"posteriorMeanCoef1" | "posteriorMeanCoef2">,
): Tensor => x0.mul(posteriorMeanCoef1).add(xt.mul(posteriorMeanCoef2));

/** Eq. 11 and line 4 of algorithm 2: x_{t-1} from x_t and the predicted noise; `sigmas` is 0 at the last step, t = 0. */
export const pSample = (
  xt: Tensor,
  eps: Tensor,
  z: Tensor,
  { betas, sqrtOneMinusAlphasCumprod, sqrtRecipAlphas, sigmas }: Coefficients<"betas" | "sqrtOneMinusAlphasCumprod" | "sqrtRecipAlphas" | "sigmas">,
): Tensor => xt.sub(eps.mul(betas).div(sqrtOneMinusAlphasCumprod)).mul(sqrtRecipAlphas).add(z.mul(sigmas));
