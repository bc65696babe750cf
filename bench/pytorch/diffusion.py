"""The forward process and the losses of the notebook (Ho et al. 2020)."""

import torch
import torch.nn.functional as F

losses = {"l1": F.l1_loss, "l2": F.mse_loss, "huber": F.smooth_l1_loss}


def linear_betas(timesteps, start=1e-4, end=0.02):
    return torch.linspace(start, end, timesteps, dtype=torch.float64)


def cosine_betas(timesteps, s=0.008):
    x = torch.linspace(0, timesteps, timesteps + 1, dtype=torch.float64)
    alpha_bar = torch.cos((x / timesteps + s) / (1 + s) * torch.pi / 2) ** 2
    return (1 - alpha_bar[1:] / alpha_bar[:-1]).clip(1e-4, 0.9999)


class Diffusion:
    """q(x_t | x_0) = N(sqrt(alphaBar_t) x_0, (1 - alphaBar_t) I), eq. 4."""

    def __init__(self, betas, dtype=torch.float32):
        alpha_bar = torch.cumprod(1 - betas, dim=0)
        self.signal, self.noise = alpha_bar.sqrt().to(dtype), (1 - alpha_bar).sqrt().to(dtype)

    def to(self, device):
        self.signal, self.noise = self.signal.to(device), self.noise.to(device)
        return self

    def q_sample(self, x0, t, noise):
        return self.signal[t, None, None, None] * x0 + self.noise[t, None, None, None] * noise

    def loss(self, model, x0, t, noise, name="huber"):
        return losses[name](model(self.q_sample(x0, t, noise), t), noise)
