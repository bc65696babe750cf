"""Trains the PyTorch peer on Fashion-MNIST as the notebook does and as `ddpm train` does: train.py --data train-images-idx3-ubyte.gz --out FOLDER --epochs 3.

Started again on the same folder it goes on where it was saved last. Writes model.safetensors and model-ema.safetensors, which `ddpm evaluate` reads.
"""

import argparse
import gzip
import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from diffusion import Diffusion, linear_betas
from unet import UNet

TIMESTEPS, BATCH, EMA_DECAY, SAVE_EVERY = 600, 128, 0.9999, 100


def images(path):
    """Pixels of an idx file as (n, 1, 28, 28) in [-1, 1]."""
    data = gzip.open(path).read()
    rows, columns = (int.from_bytes(data[at : at + 4], "big") for at in (8, 12))
    pixels = torch.frombuffer(bytearray(data[16:]), dtype=torch.uint8)
    return pixels.view(-1, 1, rows, columns).float() / 127.5 - 1


class Run:
    """A training whose order, flips, timesteps and noise are functions of the step, so that it goes on after a stop as if there had been none."""

    def __init__(self, folder, data, seed, device):
        torch.manual_seed(seed)
        self.folder, self.data, self.seed, self.device, self.step = folder, data, seed, device, 0
        self.model = UNet().to(device)
        self.diffusion = Diffusion(linear_betas(TIMESTEPS)).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        self.ema = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.per_epoch = -(-len(data) // BATCH)
        if (folder / "state.pt").exists():
            self.load()

    def generator(self, n):
        return torch.Generator().manual_seed((self.seed * 2654435761 + n) % 2**32)  # it heeds no more than 32 bits

    def order(self, epoch):
        return torch.randperm(len(self.data), generator=self.generator(2**31 + epoch))

    def batch(self):
        epoch, index = divmod(self.step, self.per_epoch)
        random = self.generator(self.step)
        x0 = self.data[self.order(epoch)[index * BATCH : (index + 1) * BATCH]]
        flips = torch.rand(len(x0), 1, 1, 1, generator=random) < 0.5
        t = torch.randint(0, TIMESTEPS, (len(x0),), generator=random)
        return torch.where(flips, x0.flip(3), x0), t, torch.randn(x0.shape, generator=random)

    def advance(self):
        x0, t, noise = (values.to(self.device) for values in self.batch())
        self.optimizer.zero_grad()
        loss = self.diffusion.loss(self.model, x0, t, noise)
        loss.backward()
        self.optimizer.step()
        self.step += 1
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        for name, value in self.model.state_dict().items():
            self.ema[name].lerp_(value, 1 - decay)
        return loss.item()

    def save(self):
        state = {"step": self.step, "model": self.model.state_dict(), "ema": self.ema, "optimizer": self.optimizer.state_dict()}
        metadata = {"format": "pt", "ddpm": json.dumps({"version": 1, "config": {"seed": self.seed}, "step": self.step})}
        replace(self.folder / "state.pt", lambda path: torch.save(state, path))
        replace(self.folder / "model.safetensors", lambda path: save_file(state["model"], path, metadata))
        replace(self.folder / "model-ema.safetensors", lambda path: save_file(self.ema, path, metadata))

    def load(self):
        state = torch.load(self.folder / "state.pt", map_location=self.device)
        self.step, self.ema = state["step"], state["ema"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])


def replace(path, write):
    temporary = path.with_name(f".{path.name}")
    write(temporary)
    os.replace(temporary, path)


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="train-images-idx3-ubyte.gz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu or cuda, which takes the same images, timesteps and noise")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main():
    args = options()
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.allow_tf32 = False
    stop = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: stop.append(number))
    args.out.mkdir(parents=True, exist_ok=True)
    run = Run(args.out, images(args.data), args.seed, args.device)
    total = args.epochs * run.per_epoch
    while run.step < total and not stop:
        start = time.perf_counter()
        loss = run.advance()
        line = {"step": run.step, "loss": loss, "seconds": time.perf_counter() - start}
        with open(args.out / "log.jsonl", "a") as log:
            print(json.dumps(line), file=log)
        if run.step % SAVE_EVERY == 0:
            run.save()
            print(f"step {run.step} of {total}: loss {loss:.4f}", flush=True)
    run.save()
    sys.exit(128 + stop[0] if stop else 0)


if __name__ == "__main__":
    main()
