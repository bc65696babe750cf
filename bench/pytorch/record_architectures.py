"""Records small models of known architectures from the libraries that they come from, for packages/core/fixtures.

record_architectures.py --annotated annotated_diffusion.ipynb [--out ../../packages/core/fixtures]

Needs torch, diffusers, einops and safetensors, and the text of "The Annotated Diffusion Model" as a notebook or in Markdown.
"""

import argparse
import json
import math
import re
from functools import partial
from inspect import isfunction
from pathlib import Path

import diffusers
import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from einops.layers.torch import Rearrange
from safetensors.torch import save_file

from check import ancestral, schedules
from diffusion import Diffusion, losses

here = Path(__file__).resolve().parent
lr, weight_decay = 1e-3, 0.01

ddpm = {"model.architecture": "ddpm", "model.dimMults": [1, 2], "model.channels": 3}
cases = {
    # As the google/ddpm-* models
    "ddpm-unet": {
        **ddpm,
        "model.dim": 4,
        "model.groups": 2,
        "model.blocks": 1,
        "model.attention": [1],
        "model.normEps": 1e-6,
        "model.downsamplePadding": 0,
    },
    # As diffusers' own defaults, and with classes
    "ddpm-unet-heads": {
        **ddpm,
        "model.dim": 8,
        "model.groups": 4,
        "model.blocks": 2,
        "model.attention": [0],
        "model.headDim": 4,
        "model.freqShift": 0,
        "model.flipSinToCos": True,
        "model.classes": ["a", "b"],
    },
    "annotated-unet": {"model.architecture": "annotated", "model.dim": 4, "model.dimMults": [1, 2], "model.groups": 2, "model.channels": 1},
}


def unet2d(config):
    """The UNet2DModel of a configuration of ours, in float64."""
    types = ["AttnDownBlock2D" if i in config["model.attention"] else "DownBlock2D" for i in range(len(config["model.dimMults"]))]
    return diffusers.UNet2DModel(
        sample_size=8,
        in_channels=config["model.channels"],
        out_channels=config["model.channels"],
        block_out_channels=[m * config["model.dim"] for m in config["model.dimMults"]],
        layers_per_block=config["model.blocks"],
        down_block_types=types,
        up_block_types=[name.replace("Down", "Up") for name in reversed(types)],
        attention_head_dim=config.get("model.headDim"),
        norm_num_groups=config["model.groups"],
        norm_eps=config.get("model.normEps", 1e-5),
        downsample_padding=config.get("model.downsamplePadding", 1),
        freq_shift=config.get("model.freqShift", 1),
        flip_sin_to_cos=config.get("model.flipSinToCos", False),
        num_class_embeds=len(config["model.classes"]) + 1 if "model.classes" in config else None,
    ).double()


def annotated(config, path):
    """The text's own Unet, in float32, since it standardises weights with another eps in others."""
    text = Path(path).read_text()
    if path.endswith(".ipynb"):
        blocks = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    else:
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {"math": math, "partial": partial, "isfunction": isfunction, "rearrange": rearrange, "reduce": reduce, "Rearrange": Rearrange}
    names |= {"torch": torch, "nn": torch.nn, "einsum": torch.einsum, "F": F}
    for block in blocks:
        if re.search(r"^(class|def (exists|Upsample))", block, re.MULTILINE):
            exec(block, names)
    groups = config["model.groups"]
    return names["Unet"](config["model.dim"], dim_mults=config["model.dimMults"], channels=config["model.channels"], resnet_block_groups=groups)


def record(config, model, seed):
    """What packages/core/conformance/golden.ts replays."""
    torch.manual_seed(seed)
    dtype = next(model.parameters()).dtype
    for name, p in model.named_parameters():
        p.data = torch.empty_like(p).uniform_(-1, 1) * (0.3 if p.ndim == 1 else p[0].numel() ** -0.5) + (1.0 if "norm" in name and "weight" in name else 0.0)
        p.data = p.data.float().to(dtype)
    shape = [2, config["model.channels"], 8, 8]
    t, labels = torch.tensor([3, 421]), torch.tensor([1, 2])
    draw = lambda *shape: torch.randn(*shape).to(dtype)
    x0, noise = draw(*shape), draw(*shape)
    forward = model if config["model.architecture"] == "annotated" else lambda x, t: model(x, t, labels if "model.classes" in config else None).sample
    diffusion = Diffusion(schedules["linear"](600), dtype)
    tensors = {f"param.{k}": p.detach().clone() for k, p in model.named_parameters()}
    tensors |= {"x0": x0, "noise": noise, "xt": diffusion.q_sample(x0, t, noise), "sample.xT": draw(*shape), "sample.z": draw(10, *shape)}
    golden = {"config": config, "shape": shape, "timesteps": 600, "schedule": "linear", "labels": labels.tolist(), "versions": versions()}
    golden["sample"] = {"timesteps": 10, "schedule": "cosine"}
    with torch.no_grad():
        tensors["eps"] = forward(tensors["xt"], t)
        tensors["sample.x0"] = ancestral(forward, tensors, golden["sample"], dtype)
        golden["loss"] = {name: diffusion.loss(forward, x0, t, noise, name).item() for name in losses}
    train(model, partial(diffusion.loss, forward, x0, t, noise), tensors, golden)
    return {**{k: v.float() for k, v in tensors.items()}, "t": t.int()}, golden


def train(model, loss, tensors, golden):
    """Gradients, then ten steps of AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    found = []
    for i in range(10):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        found.append(value.item())
        if i == 0:
            tensors |= {f"grad.{k}": torch.where(p.grad.abs() > 1e-12, p.grad, 0) for k, p in model.named_parameters()}  # a key's bias has rounding alone
        optimizer.step()
    tensors |= {f"after.{k}": p.detach().clone() for k, p in model.named_parameters()}
    golden["train"] = {"lr": lr, "weight_decay": weight_decay, "losses": found}


def versions():
    return {"torch": torch.__version__.split("+")[0], "diffusers": diffusers.__version__}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotated", required=True, help="the text, .ipynb or .md")
    parser.add_argument("--out", default=here.parents[1] / "packages" / "core" / "fixtures")
    args = parser.parse_args()
    for seed, (name, config) in enumerate(cases.items()):
        model = annotated(config, args.annotated) if config["model.architecture"] == "annotated" else unet2d(config)
        tensors, golden = record(config, model, seed)
        save_file({k: v.contiguous() for k, v in tensors.items()}, Path(args.out) / f"{name}.safetensors", metadata={"golden": json.dumps(golden)})
        print(name, f"{sum(p.numel() for p in model.parameters()):,} parameters, loss", golden["train"]["losses"])


if __name__ == "__main__":
    main()
