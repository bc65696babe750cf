"""Checks the PyTorch peer, and checkpoints against it.

check.py                                    replay the golden files (folder: --golden or DDPM_GOLDEN)
check.py model.safetensors [--groups 4]     load a checkpoint with strict=True
check.py model.safetensors --save out.safetensors     ... and write its state dict without our metadata
check.py --new --save out.safetensors       write a freshly initialised notebook model the same way
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from diffusion import Diffusion, cosine_betas, linear_betas
from unet import UNet

here = Path(__file__).resolve().parent
default_golden = os.environ.get("DDPM_GOLDEN", here.parents[2] / "shared" / "golden")
schedules = {"linear": linear_betas, "cosine": cosine_betas}


def error(found, expected):
    """The greatest difference as a part of the expected tensor's largest value."""
    return ((found - expected).abs().max() / expected.abs().max()).item()


def section(tensors, prefix, dtype):
    return {k.removeprefix(prefix): v.to(dtype) for k, v in tensors.items() if k.startswith(prefix)}


def ancestral(model, tensors, case, dtype):
    """Algorithm 2 with the recorded noise, x0 not clipped."""
    betas = schedules[case["schedule"]](case["timesteps"])
    alphas, alpha_bar = 1 - betas, torch.cumprod(1 - betas, dim=0)
    previous = torch.cat((torch.ones(1, dtype=torch.float64), alpha_bar[:-1]))
    sigma = (betas * (1 - previous) / (1 - alpha_bar)).sqrt()
    scale = betas / (1 - alpha_bar).sqrt()
    x, z = tensors["sample.xT"].to(dtype), tensors["sample.z"].to(dtype)
    for i in reversed(range(case["timesteps"])):
        eps = model(x, torch.full((len(x),), i))
        x = (x - scale[i].to(dtype) * eps) / alphas[i].sqrt().to(dtype) + sigma[i].to(dtype) * z[i]
    return x


def replay(path, dtype):
    """Errors against one golden file: forward, loss, gradients, sampling, ten AdamW steps."""
    tensors, case = load_file(path), json.loads(safe_open(path, "pt").metadata()["golden"])
    config = case["config"]
    block = "convnext" if config["use_convnext"] else "resnet"
    model = UNet(config["dim"], config["dim_mults"], config["channels"], block, config.get("resnet_block_groups", 1))
    model = model.to(dtype)
    model.load_state_dict(section(tensors, "param.", dtype), strict=True)
    diffusion = Diffusion(schedules[case["schedule"]](case["timesteps"]), dtype)
    x0, noise, t = tensors["x0"].to(dtype), tensors["noise"].to(dtype), tensors["t"].long()

    with torch.no_grad():
        xt = diffusion.q_sample(x0, t, noise)
        report = {"xt": error(xt, tensors["xt"]), "eps": error(model(xt, t), tensors["eps"])}
        for name, value in case["loss"].items():
            report[f"loss {name}"] = abs(diffusion.loss(model, x0, t, noise, name).item() - value)
        report["sample"] = error(ancestral(model, tensors, case["sample"], dtype), tensors["sample.x0"])

    diffusion.loss(model, x0, t, noise).backward()
    expected = section(tensors, "grad.", dtype)
    report["grad"] = max(error(p.grad, expected[k]) for k, p in model.named_parameters())

    optimizer, found = torch.optim.AdamW(model.parameters(), lr=1e-3), []
    for _ in case["train"]["losses"]:
        optimizer.zero_grad()
        loss = diffusion.loss(model, x0, t, noise)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    report["10 losses"] = max(abs(a - b) for a, b in zip(found, case["train"]["losses"]))
    after = section(tensors, "after.", dtype)
    report["after"] = max((p - after[k]).abs().max().item() for k, p in model.named_parameters())
    return report


limits = {"loss l1": 1e-5, "loss l2": 1e-5, "loss huber": 1e-5, "10 losses": 1e-5, "sample": 1e-3}


def check_golden(folder):
    count = sum(p.numel() for p in UNet().parameters())
    print(f"parameters of the notebook's model: {count:,}")
    failed = count != 1_694_929
    paths = sorted(Path(folder).glob("unet-*.safetensors"))
    if not paths:
        sys.exit(f"No unet-*.safetensors in {folder}: give the folder with --golden")
    for path in paths:
        for dtype in (torch.float32, torch.float64):
            report = replay(path, dtype)
            wrong = [name for name, value in report.items() if not value <= limits.get(name, 1e-4)]
            failed = failed or bool(wrong)
            shown = "  ".join(f"{name} {value:.1e}" for name, value in report.items())
            print(f"{path.stem} {str(dtype).removeprefix('torch.')}: {shown}{'  FAILED: ' + ', '.join(wrong) if wrong else ''}")
    return not failed


def flat(value, prefix=""):
    """{"model": {"dim": 28}} and {"model.dim": 28} alike become {"model.dim": 28}."""
    pairs = {}
    for key, item in value.items():
        pairs.update(flat(item, f"{prefix}{key}.") if isinstance(item, dict) else {prefix + key: item})
    return pairs


def architecture(tensors, metadata, groups):
    """What our metadata says, or what names and shapes tell where there is none."""
    if "ddpm" in metadata:
        config = flat(json.loads(metadata["ddpm"])["config"])
        channels = config.get("model.channels") or tensors["init_conv.weight"].shape[1]
        return (config["model.dim"], config["model.dimMults"], channels, config["model.block"], config["model.groups"])
    dim = tensors["time_mlp.1.weight"].shape[1]
    levels = sorted({int(m[1]) for k in tensors if (m := re.match(r"downs\.(\d+)\.", k))})
    mults = [tensors[f"downs.{i}.2.fn.norm.weight"].numel() // dim for i in levels]
    block = "convnext" if "mid_block1.ds_conv.weight" in tensors else "resnet"
    return dim, mults, tensors["init_conv.weight"].shape[1], block, groups


def load_checkpoint(path, groups=1):
    """The model of a checkpoint of ours or of a bare state dict, and its UNet arguments."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    tensors = load_file(path)
    config = architecture(tensors, metadata, groups)
    model = UNet(*config).eval()
    model.load_state_dict(tensors, strict=True)
    return model, config


def check_checkpoint(path, groups, save):
    model, (dim, mults, channels, block, groups) = load_checkpoint(path, groups)
    print(f"{path}: loaded with strict=True, dim {dim}, mults {mults}, channels {channels}, {block}, groups {groups}")
    size = 8 * 2 ** len(mults)
    x = torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        finite = model(x, torch.tensor([10])).isfinite().all().item()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters; eps of random input is {'finite' if finite else 'NOT FINITE'}")
    if save:
        save_file(model.state_dict(), save)
    return finite


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--golden", default=default_golden)
    parser.add_argument("--groups", type=int, default=1, help="ResNet groups of a checkpoint without our metadata")
    parser.add_argument("--new", action="store_true", help="a freshly initialised notebook model")
    parser.add_argument("--save", metavar="FILE", help="write the state dict without our metadata")
    return parser.parse_args()


def main():
    args = options()
    torch.set_num_threads(2)
    if args.new:
        torch.manual_seed(0)
        save_file(UNet().state_dict(), args.save)
        return True
    if args.checkpoint:
        return check_checkpoint(args.checkpoint, args.groups, args.save)
    return check_golden(args.golden)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
