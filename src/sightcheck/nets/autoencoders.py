"""What does a picture look like that a decoder made? Small autoencoders of several kinds, taught on real clips.

Each kind leaves the marks of its own way up from the latent to the picture; nothing else of the clip changes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

from sightcheck.nets.loop import Progress, Schedule, fit

Pixels = NDArray[np.uint8]

SIDE = 96
"""Side of the crops it learns from, in pixels."""
FRAMES = 4
"""Successive frames of a crop."""
CROPS = 2400
"""Crops of all clips together; each is seen once."""


@dataclass(frozen=True)
class Kind:
    """How it comes back up, how many times smaller the latent's sides are, and whether frames mix in the latent."""

    upsampling: Literal["transposed", "nearest", "bilinear", "shuffle"]
    reduction: Literal[4, 8]
    temporal: bool

    @property
    def name(self) -> str:
        """What it is called in a table's column `generator`."""
        return f"{self.upsampling}-{self.reduction}" + ("-temporal" if self.temporal else "")


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("transposed", 4, False),
        Kind("transposed", 8, True),
        Kind("nearest", 4, True),
        Kind("nearest", 8, False),
        Kind("bilinear", 4, False),
        Kind("bilinear", 8, True),
        Kind("shuffle", 4, True),
        Kind("shuffle", 8, False),
    )
}
"""Each upsampling at both reductions, half of them temporal, each reduction with and without."""

SCHEDULE = Schedule(epochs=8, batch=4, rate=2e-3, weight_decay=0.0, cosine=True, optimizer="adam")


class Autoencoder(nn.Module):
    """(n, t, 3, h, w) in [-1, 1] -> the same after the latent; h and w are multiples of 8. At most 0.4 M parameters."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        widths = (24, 48, 64)[: {4: 2, 8: 3}[kind.reduction]]
        latent = {4: 12, 8: 32}[kind.reduction]
        down: list[nn.Module] = []
        for of, to in zip((3, *widths), widths, strict=False):
            down += [nn.Conv2d(of, to, 3, 2, 1), nn.SiLU()]
        self.down = nn.Sequential(*down, Residual(widths[-1]), nn.Conv2d(widths[-1], latent, 3, 1, 1))
        self.mix = nn.Conv3d(latent, latent, 3, 1, 1) if kind.temporal else None
        up: list[nn.Module] = [nn.Conv2d(latent, widths[-1], 3, 1, 1), nn.SiLU(), Residual(widths[-1])]
        for of, to in zip(widths[::-1], (*widths[-2::-1], 16), strict=True):
            up += [*doubled(kind, of, to), nn.SiLU()]
        self.up = nn.Sequential(*up, nn.Conv2d(16, 3, 3, 1, 1), nn.Tanh())
        for part in (self.down, self.up):
            part.to(memory_format=torch.channels_last)  # a third faster on processors
        for layer in self.modules():  # without this the colours are not learnt in so few steps
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Conv3d)):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def mixed(self, latent: torch.Tensor) -> torch.Tensor:
        """(n, t, c, h, w) latents -> the same, each with its neighbours in time where the kind is temporal."""
        if self.mix is None:
            return latent
        mixed: torch.Tensor = self.mix(latent.transpose(1, 2)).transpose(1, 2)
        return latent + mixed

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(n, t, 3, h, w) -> (n, t, 3, h, w)."""
        latent: torch.Tensor = self.down(frames.flatten(0, 1))
        latent = self.mixed(latent.view(*frames.shape[:2], *latent.shape[1:]))
        decoded: torch.Tensor = self.up(latent.flatten(0, 1))
        return decoded.view(frames.shape)


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.SiLU(), nn.Conv2d(width, width, 3, 1, 1), nn.SiLU(), nn.Conv2d(width, width, 3, 1, 1)
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, width, h, w) -> (n, width, h, w)."""
        return x + self.inner(x)  # type: ignore[no-any-return]


def doubled(kind: Kind, of: int, to: int) -> list[nn.Module]:
    """Layers from `of` channels to `to` at twice the height and width."""
    if kind.upsampling == "transposed":
        return [nn.ConvTranspose2d(of, to, 3, 2, 1, output_padding=1)]
    if kind.upsampling == "shuffle":
        return [nn.Conv2d(of, 4 * to, 3, 1, 1), nn.PixelShuffle(2)]
    return [nn.Upsample(scale_factor=2, mode=kind.upsampling), nn.Conv2d(of, to, 3, 1, 1)]


class Crops(Dataset[tuple[torch.Tensor]]):
    """(n, FRAMES, SIDE, SIDE, 3) uint8 crops as (FRAMES, 3, SIDE, SIDE) in [-1, 1], flipped as the epoch says."""

    def __init__(self, crops: Pixels, epoch: int) -> None:
        self.crops, self.epoch = crops, epoch

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, at: int) -> tuple[torch.Tensor]:
        random = np.random.default_rng((self.epoch, at))
        flips = tuple(axis for axis in (0, 1, 2) if random.random() < 0.5)  # in time, upside down, left to right
        return (_tensor(np.flip(self.crops[at], flips)),)


def crops(rgb: Pixels, seed: int, count: int) -> Pixels:
    """A clip's frames (T, H, W, 3), T >= FRAMES, H and W >= SIDE -> (count, FRAMES, SIDE, SIDE, 3) anywhere in it."""
    random = np.random.default_rng(seed)
    room = [side - size + 1 for side, size in zip(rgb.shape, (FRAMES, SIDE, SIDE), strict=False)]
    found = [
        rgb[t : t + FRAMES, y : y + SIDE, x : x + SIDE] for t, y, x in (random.integers(0, room) for _ in range(count))
    ]
    return np.stack(found)


def train(
    kind: Kind, taught: Pixels, schedule: Schedule, folder: Path, progress: Progress | None = None
) -> Autoencoder:
    """Teach a kind on crops (n, FRAMES, SIDE, SIDE, 3); stopped, it goes on from its checkpoint in `folder`."""
    torch.manual_seed(schedule.seed)
    net = Autoencoder(kind)
    fit(net, lambda epoch: Crops(taught[epoch :: schedule.epochs], epoch), loss, schedule, folder, progress)
    return net


def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Mean absolute error of the picture and, half as heavy, of its gradients, so that edges stay sharp."""
    wrong: torch.Tensor = net(batch[0]) - batch[0]
    edges = wrong.diff(dim=-1).abs().mean() + wrong.diff(dim=-2).abs().mean()
    return wrong.abs().mean() + 0.5 * edges


@torch.no_grad()
def pass_through(net: Autoencoder, rgb: Pixels) -> Pixels:
    """(T, H, W, 3) uint8 -> the same frames as the decoder gives them back, of the same size."""
    height, width = rgb.shape[1:3]
    edge = (0, -width % 8, 0, -height % 8)
    # one at a time: on a processor a frame fits the caches, a batch does not
    latent = torch.cat([net.down(functional.pad(_tensor(one[None]), edge, "replicate")) for one in rgb])
    decoded = [_pixels(net.up(one[None])) for one in net.mixed(latent[None])[0]]
    return np.concatenate(decoded)[:, :height, :width]


def psnr(one: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio of two equal shapes in decibels."""
    wrong = np.mean([np.mean(np.square(a.astype(np.float32) - b)) for a, b in zip(one, other, strict=True)])
    return float(10 * np.log10(255**2 / max(float(wrong), 1e-9)))


def _tensor(rgb: Pixels) -> torch.Tensor:
    """(t, h, w, 3) uint8 -> (t, 3, h, w) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(rgb, -1, -3))).float() / 127.5 - 1


def _pixels(frames: torch.Tensor) -> Pixels:
    """(t, 3, h, w) in [-1, 1] -> (t, h, w, 3) uint8."""
    return np.moveaxis(((frames + 1) * 127.5).round().to(torch.uint8).numpy(), -3, -1)
