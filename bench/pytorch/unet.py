"""The notebook's U-Net in plain PyTorch; names and layouts are those of our checkpoints (DESIGN, section 6)."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return x + self.fn(x)


class PreNorm(nn.Module):
    def __init__(self, dim, fn):
        super().__init__()
        self.norm = nn.GroupNorm(1, dim)
        self.fn = fn

    def forward(self, x):
        return self.fn(self.norm(x))


class SinusoidalTime(nn.Module):
    def __init__(self, dim):
        super().__init__()
        half = dim // 2
        frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float64) / (half - 1))
        self.register_buffer("frequencies", frequencies.float(), persistent=False)

    def forward(self, t):
        angles = t[:, None].to(self.frequencies.dtype) * self.frequencies  # (b, half)
        return torch.cat((angles.sin(), angles.cos()), dim=-1)


class Block(nn.Module):
    def __init__(self, dim, dim_out, groups):
        super().__init__()
        self.proj = nn.Conv2d(dim, dim_out, 3, padding=1)
        self.norm = nn.GroupNorm(groups, dim_out)

    def forward(self, x):
        return F.silu(self.norm(self.proj(x)))


class ResnetBlock(nn.Module):
    """He et al. (2015), with the time added between the two convolutions."""

    def __init__(self, dim, dim_out, *, time_dim=None, groups=1):
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(time_dim, dim_out)) if time_dim else None
        self.block1 = Block(dim, dim_out, groups)
        self.block2 = Block(dim_out, dim_out, groups)
        self.res_conv = nn.Conv2d(dim, dim_out, 1) if dim != dim_out else nn.Identity()

    def forward(self, x, time=None):
        h = self.block1(x)
        if self.mlp is not None:
            h = h + self.mlp(time)[:, :, None, None]
        return self.block2(h) + self.res_conv(x)


class ConvNextBlock(nn.Module):
    """Liu et al. (2022), with the time added after the depthwise convolution."""

    def __init__(self, dim, dim_out, *, time_dim=None, mult=2):
        super().__init__()
        self.mlp = nn.Sequential(nn.GELU(), nn.Linear(time_dim, dim)) if time_dim else None
        self.ds_conv = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.net = nn.Sequential(
            nn.GroupNorm(1, dim),
            nn.Conv2d(dim, dim_out * mult, 3, padding=1),
            nn.GELU(),
            nn.GroupNorm(1, dim_out * mult),
            nn.Conv2d(dim_out * mult, dim_out, 3, padding=1),
        )
        self.res_conv = nn.Conv2d(dim, dim_out, 1) if dim != dim_out else nn.Identity()

    def forward(self, x, time=None):
        h = self.ds_conv(x)
        if self.mlp is not None:
            h = h + self.mlp(time)[:, :, None, None]
        return self.net(h) + self.res_conv(x)


class Attention(nn.Module):
    def __init__(self, dim, heads=4, dim_head=32):
        super().__init__()
        self.heads, self.scale = heads, dim_head**-0.5
        self.to_qkv = nn.Conv2d(dim, 3 * heads * dim_head, 1, bias=False)
        self.to_out = nn.Conv2d(heads * dim_head, dim, 1)

    def forward(self, x):
        b, _, height, width = x.shape
        q, k, v = self.to_qkv(x).view(b, 3, self.heads, -1, height * width).unbind(1)  # (b, h, d, n)
        attention = torch.einsum("bhdi,bhdj->bhij", q * self.scale, k).softmax(dim=-1)
        out = torch.einsum("bhij,bhdj->bhdi", attention, v)
        return self.to_out(out.reshape(b, -1, height, width))


class LinearAttention(nn.Module):
    """Shen et al. (2018), "Efficient Attention": softmax over q's channels and k's positions."""

    def __init__(self, dim, heads=4, dim_head=32):
        super().__init__()
        self.heads, self.scale = heads, dim_head**-0.5
        self.to_qkv = nn.Conv2d(dim, 3 * heads * dim_head, 1, bias=False)
        self.to_out = nn.Sequential(nn.Conv2d(heads * dim_head, dim, 1), nn.GroupNorm(1, dim))

    def forward(self, x):
        b, _, height, width = x.shape
        q, k, v = self.to_qkv(x).view(b, 3, self.heads, -1, height * width).unbind(1)  # (b, h, d, n)
        q = q.softmax(dim=-2) * self.scale
        context = torch.einsum("bhdn,bhen->bhde", k.softmax(dim=-1), v)
        out = torch.einsum("bhde,bhdn->bhen", context, q)
        return self.to_out(out.reshape(b, -1, height, width))


def linear_attention(dim):
    return Residual(PreNorm(dim, LinearAttention(dim)))


class UNet(nn.Module):
    """eps(x, t): x (b, channels, height, width), t (b,) int64; the result has x's shape."""

    def __init__(self, dim=28, dim_mults=(1, 2, 4), channels=1, block="resnet", groups=1):
        super().__init__()
        time_dim = dim * 4
        dims = [dim // 3 * 2, *(dim * m for m in dim_mults)]
        levels = list(zip(dims[:-1], dims[1:]))

        def make(dim_in, dim_out, time_dim=time_dim):
            if block == "convnext":
                return ConvNextBlock(dim_in, dim_out, time_dim=time_dim)
            return ResnetBlock(dim_in, dim_out, time_dim=time_dim, groups=groups)

        def down(dim_in, dim_out, last):
            resize = nn.Identity() if last else nn.Conv2d(dim_out, dim_out, 4, 2, 1)
            return nn.ModuleList([make(dim_in, dim_out), make(dim_out, dim_out), linear_attention(dim_out), resize])

        def up(dim_in, dim_out):
            resize = nn.ConvTranspose2d(dim_in, dim_in, 4, 2, 1)
            return nn.ModuleList([make(dim_out * 2, dim_in), make(dim_in, dim_in), linear_attention(dim_in), resize])

        self.init_conv = nn.Conv2d(channels, dims[0], 7, padding=3)
        self.time_mlp = nn.Sequential(
            SinusoidalTime(dim), nn.Linear(dim, time_dim), nn.GELU(), nn.Linear(time_dim, time_dim)
        )
        self.downs = nn.ModuleList(down(*level, last=n == len(levels)) for n, level in enumerate(levels, 1))
        self.mid_block1 = make(dims[-1], dims[-1])
        self.mid_attn = Residual(PreNorm(dims[-1], Attention(dims[-1])))
        self.mid_block2 = make(dims[-1], dims[-1])
        self.ups = nn.ModuleList(up(i, o) for i, o in reversed(levels[1:]))
        self.final_conv = nn.Sequential(make(dim, dim, time_dim=None), nn.Conv2d(dim, channels, 1))

    def forward(self, x, t):
        x, time, skips = self.init_conv(x), self.time_mlp(t), []
        for block1, block2, attention, downsample in self.downs:
            x = attention(block2(block1(x, time), time))
            skips.append(x)
            x = downsample(x)
        x = self.mid_block2(self.mid_attn(self.mid_block1(x, time)), time)
        for block1, block2, attention, upsample in self.ups:
            x = torch.cat((x, skips.pop()), dim=1)
            x = upsample(attention(block2(block1(x, time), time)))
        return self.final_conv(x)
