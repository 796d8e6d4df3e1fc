"""How does the network on residuals learn? From couples of a real and a synthetic patch, of one scene where it can."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

from sightcheck.nets.loop import Progress, Schedule, fit
from sightcheck.video import residual

WIDTHS = ((6, 32, 5, 2), (32, 48, 3, 2), (48, 64, 3, 2), (64, 64, 3, 1), (64, 96, 3, 2), (96, 96, 3, 1))
"""Channels in, channels out, kernel and stride of each layer: 222,000 numbers in all."""
SCHEDULE = Schedule(epochs=8, batch=48, rate=1e-3, weight_decay=1e-4, optimizer="adam", cosine=True)
COUPLES = 4800
"""Couples an epoch."""
RANKING = 1.0
"""Weight of "the edit scores above its own original" beside that of the labels."""


class Residual(nn.Module):
    """(n, 6, 96, 96) residuals -> (n, 1) logits of synthetic."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for given, out, kernel, stride in WIDTHS:
            layers += [nn.Conv2d(given, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(WIDTHS[-1][1], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 6, 96, 96) -> (n, 1)."""
        logits: torch.Tensor = self.head(self.drop(self.layers(x).mean((2, 3))))
        return logits


@dataclass(frozen=True)
class Couple:
    """Numbers of a real and of a synthetic clip, and whether they are aligned."""

    real: int
    fake: int
    aligned: bool


class Couples(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Couples as residuals (2, 6, 96, 96), flipped alike, with whether they are aligned.

    `patches`: of each clip (V, k, 3, 3S/2, S) uint8, k patches in each of V random chains; aligned clips have passed
    the same chains and were cut at the same places.
    """

    def __init__(self, patches: Sequence[NDArray[np.uint8]], couples: Sequence[Couple], seed: int) -> None:
        self.patches, self.couples, self.seed = patches, couples, seed

    def __len__(self) -> int:
        return len(self.couples)

    def __getitem__(self, at: int) -> tuple[torch.Tensor, torch.Tensor]:
        one, draw = self.couples[at], np.random.default_rng((self.seed, at))
        real, fake = self.patches[one.real], self.patches[one.fake]
        chain = int(draw.integers(len(real)))
        place = draw.integers(min(len(real[chain]), len(fake[chain])), size=2)
        if one.aligned:
            place[1] = place[0]
        both = residual.residuals(np.stack([real[chain][place[0]], fake[chain][place[1]]]))
        if draw.random() < 0.5:
            both = both[..., ::-1]
        return torch.from_numpy(np.ascontiguousarray(both)), torch.tensor(float(one.aligned))


def drawn(
    synthetic: NDArray[np.bool_], units: NDArray[np.str_], aligned: Sequence[tuple[int, int]], seed: int
) -> list[Couple]:
    """Labels (n,), units (n,), aligned pairs -> COUPLES couples, half of them aligned where there are any.

    Scenes of pairs weigh alike, and so do the units of a class: the square root of their clips, as elsewhere.
    """
    draw = np.random.default_rng(seed)
    pairs = np.array(aligned, np.intp).reshape(-1, 2)
    half = COUPLES // 2 if len(pairs) else 0
    shares = _shares(units[pairs[:, 1]]) if half else None
    chosen = pairs[draw.choice(len(pairs), half, p=shares)] if half else pairs[:0]
    sides = []
    for side in (False, True):
        own = np.flatnonzero(synthetic == side)
        sides.append(own[draw.choice(len(own), COUPLES - half, p=_shares(units[own]))])
    alone = zip(*(side.tolist() for side in sides), strict=True)
    together = [Couple(real, fake, True) for real, fake in chosen.tolist()]
    return together + [Couple(real, fake, False) for real, fake in alone]


def _shares(units: NDArray[np.str_]) -> NDArray[np.float64]:
    """Units (n,) -> (n,) chances of being drawn, a unit's in all by the square root of its clips."""
    _, at, counts = np.unique(units, return_inverse=True, return_counts=True)
    shares = counts[at] ** -0.5
    return np.asarray(shares / shares.sum())


def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Couples (n, 2, 6, S, S), aligned (n,) -> cross-entropy of both labels, and of the order of aligned ones."""
    given, aligned = batch
    logits = net(given.flatten(0, 1)).view(-1, 2)
    signed = torch.stack([-logits[:, 0], logits[:, 1]], 1)
    order = functional.softplus(logits[:, 0] - logits[:, 1])
    return functional.softplus(-signed).mean() + RANKING * (order * aligned).mean()


def speak(net: nn.Module, patches: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Patches (n, 3, 3S/2, S) uint8 -> (n,) P(synthetic)."""
    with torch.no_grad():
        logits = net(torch.from_numpy(residual.residuals(patches)))[:, 0].double()
    return np.asarray(torch.sigmoid(logits).numpy())


def train(
    patches: Sequence[NDArray[np.uint8]], synthetic: NDArray[np.bool_], units: NDArray[np.str_],
    aligned: Sequence[tuple[int, int]], folder: Path, told: Progress | None = None, schedule: Schedule = SCHEDULE,
) -> nn.Module:  # fmt: skip
    """Patches of n clips, labels, units, pairs -> a trained network. Stopped, it goes on from its last epoch."""
    torch.manual_seed(schedule.seed)

    def data(epoch: int) -> Couples:
        return Couples(patches, drawn(synthetic, units, aligned, schedule.seed * 1000 + epoch), epoch)

    return fit(Residual(), data, loss, schedule, folder, told)
