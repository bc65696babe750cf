"""Writes the model of a checkpoint as ONNX, for any batch: export.py model.safetensors model.onnx [--size 28]. Needs onnx and onnxscript."""

import argparse

import torch

from check import load_checkpoint


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("onnx")
    parser.add_argument("--size", type=int, default=28, help="height and width of an image")
    parser.add_argument("--groups", type=int, default=1, help="ResNet groups of a checkpoint without our metadata")
    return parser.parse_args()


def main():
    args = options()
    model, (_, _, channels, *_) = load_checkpoint(args.checkpoint, args.groups)
    example = (torch.randn(2, channels, args.size, args.size), torch.tensor([10, 20]))
    batch = {0: torch.export.Dim("batch")}
    torch.onnx.export(
        model,
        example,
        args.onnx,
        input_names=["x", "t"],
        output_names=["eps"],
        dynamic_shapes={"x": batch, "t": batch},
        external_data=False,
    )


if __name__ == "__main__":
    main()
