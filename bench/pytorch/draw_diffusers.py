"""Draws with diffusers from given noise: draw_diffusers.py FOLDER noise.safetensors out.safetensors

FOLDER is what `ddpm convert` wrote for DDPMPipeline.from_pretrained. The noise, which random-model.ts writes, is xT [n,c,h,w] and z [steps,n,c,h,w]; out has the pictures
of DDIM (with use_clipped_model_output, as ours) and of DDPM, by the scheduler as it was written, and eps of xT at the first and the last timestep.
"""

import argparse

import torch
from diffusers import DDIMScheduler, DDPMPipeline
from diffusers.schedulers import scheduling_ddpm
from safetensors.torch import load_file, save_file


@torch.no_grad()
def draw(unet, scheduler, x, z, **options):
    scheduler.set_timesteps(len(z))
    for noise, t in zip(z, scheduler.timesteps):
        scheduling_ddpm.randn_tensor = lambda *_, **__: noise
        x = scheduler.step(unet(x, t).sample, t, x, **options).prev_sample
    return x


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("folder", "noise", "out"):
        parser.add_argument(name)
    args = parser.parse_args()
    pipeline = DDPMPipeline.from_pretrained(args.folder)
    unet, config = pipeline.unet.eval(), pipeline.scheduler.config
    print(f"{sum(p.numel() for p in unet.parameters()):,} parameters, {type(pipeline.scheduler).__name__}")
    noise = load_file(args.noise)
    x, z = noise["xT"], noise["z"]
    t = torch.tensor([0, config.num_train_timesteps - 1])
    with torch.no_grad():
        eps = unet(x[:2], t[: len(x)]).sample
    ddim = draw(unet, DDIMScheduler.from_config(config), x, z, use_clipped_model_output=True)
    ddpm = draw(unet, pipeline.scheduler, x, z)
    save_file({"eps": eps, "ddim": ddim.contiguous(), "ddpm": ddpm.contiguous()}, args.out)
    for name, image in {"eps": eps, "ddim": ddim, "ddpm": ddpm}.items():
        print(name, "mean", round(image.mean().item(), 4), "deviation", round(image.std().item(), 4))


if __name__ == "__main__":
    main()
