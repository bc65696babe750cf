"""The PyTorch contender: JSON requests on stdin, one JSON reply a line on stdout (see ../protocol.ts)."""

import argparse
import contextlib
import json
import sys
import time

import torch

from diffusion import Diffusion, linear_betas
from unet import UNet

SHAPE, TIMESTEPS = (1, 28, 28), 600


class Training:
    """The notebook's train step: batch 128, Huber loss, AdamW, linear schedule."""

    def __init__(self, model, autocast, batch=128):
        self.model, self.autocast = model, autocast
        self.diffusion = Diffusion(linear_betas(TIMESTEPS).to(torch.get_default_device()))
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        self.images = torch.rand(batch, *SHAPE) * 2 - 1

    def step(self):
        t = torch.randint(0, TIMESTEPS, (len(self.images),))
        noise = torch.randn_like(self.images)
        self.optimizer.zero_grad()
        with self.autocast():
            loss = self.diffusion.loss(self.model, self.images, t, noise)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def forward(model, autocast, batch, repeat):
    """Seconds of one forward pass, the mean of `repeat`."""
    x, t = torch.randn(batch, *SHAPE), torch.randint(0, TIMESTEPS, (batch,))
    start = time.perf_counter()
    with torch.inference_mode(), autocast():
        for _ in range(repeat):
            model(x, t).cpu()  # as ours, whose result is read
    return (time.perf_counter() - start) / repeat


def timed_steps(training, steps):
    start = time.perf_counter()
    losses = [training.step() for _ in range(steps)]
    return {"seconds": (time.perf_counter() - start) / steps, "loss": losses[-1]}


def peak_bytes():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=["train", "sample"], default="train")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--gpu", action="store_true")
    return parser.parse_args()


def main():
    args = options()
    torch.set_num_threads(args.threads)
    torch.set_default_device("cuda" if args.gpu else "cpu")
    torch.manual_seed(0)
    model = UNet()
    if args.compile:
        model.compile()
    autocast = (lambda: torch.autocast("cuda" if args.gpu else "cpu", torch.bfloat16)) if args.bf16 else contextlib.nullcontext
    training = Training(model, autocast) if args.mode == "train" else None
    model.train(args.mode == "train")
    answers = {
        "info": lambda _: {"versions": {"torch": torch.__version__, "Python": sys.version.split()[0]}},
        "train": lambda request: timed_steps(training, request.get("steps", 1)),
        "forward": lambda request: {"seconds": forward(model, autocast, request["batch"], request.get("repeat", 1))},
        "rss": lambda _: {"peakBytes": peak_bytes()},
    }
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = answers[request["do"]](request)
        except Exception as error:  # the caller shows it; the worker stays usable
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
