"""Same city or not? The pair network of section 8.3.2 on features, with its sampling of balanced, plausible pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import Dataset

from sightcheck.nets.backbones import backbone
from sightcheck.nets.heads import Standard
from sightcheck.nets.loop import Progress, Schedule, fit
from sightcheck.nets.place.photographs import Pixels, augmented
from sightcheck.place.city import PairHead
from sightcheck.place.country import normalised

Values = NDArray[np.float32]
UNITS, HIDDEN = 64, 64


def thesis_schedule() -> Schedule:
    """50 epochs of 32 pairs, the rate halved where the published training halves it (8.3.2)."""
    return Schedule(epochs=50, batch=32, milestones=(4, 8, 12, 13, 14, 15))


@dataclass(frozen=True)
class City:
    """The recipe of section 8.3.2: a 64-d head on each branch, 128 -> 64 -> ReLU -> 1; 0 is the same city.

    `frozen` trains the heads on features of the backbone as it is, without touching the backbone.
    `plausible`: the least part of the negative pairs that share one of the two likeliest countries.
    """

    backbone: str = "vit_large_patch16_224"
    pretrained: bool = True
    frozen: bool = False
    symmetric: bool = False
    pairs: int = 16_384
    plausible: float = 0.5
    dropout: float = 0.0
    schedule: Schedule = field(default_factory=thesis_schedule)


class Branch(nn.Module):
    """(n, d) features, or (n, 3, 224, 224) pixels where the backbone learns too -> (n, 64)."""

    def __init__(self, recipe: City, standard: Values | None) -> None:
        super().__init__()
        self.backbone: nn.Module
        if standard is None:
            self.backbone = backbone(recipe.backbone, recipe.pretrained)
            width = int(self.backbone.features)  # type: ignore[arg-type]
        else:
            self.backbone, width = Standard(standard), standard.shape[-1]
        self.dropout = nn.Dropout(recipe.dropout)
        self.head = nn.Linear(width, UNITS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, d) or (n, 3, 224, 224) -> (n, 64)."""
        return self.head(self.dropout(self.backbone(x)))  # type: ignore[no-any-return]


class Pairs(nn.Module):
    """Two photos -> logit of "different cities", (n,)."""

    def __init__(self, recipe: City, standard: Values | None = None) -> None:
        super().__init__()
        self.branch = Branch(recipe, standard)
        self.hidden = nn.Linear(2 * UNITS, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1)
        self.symmetric = recipe.symmetric

    def joined(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Two (n, 64) -> (n,) logits."""
        both = ((a - b).abs(), a * b) if self.symmetric else (a, b)
        return self.out(torch.relu(self.hidden(torch.cat(both, 1))))[:, 0]  # type: ignore[no-any-return]

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Two batches as the branch takes them -> (n,) logits."""
        return self.joined(self.branch(a), self.branch(b))

    def head(self) -> PairHead:
        """The part behind the branches, as arrays."""
        hidden, out = self.hidden, self.out
        weight, bias, last = (value.detach().cpu().numpy() for value in (hidden.weight, hidden.bias, out.weight[0]))
        return PairHead(weight, bias, last, float(out.bias.detach()), self.symmetric)


def sample(
    cities: NDArray[np.intp], countries: NDArray[np.intp], count: int, plausible: float, random: np.random.Generator
) -> NDArray[np.intp]:
    """Cities (n), Top-2 countries (n, 2) -> (count, 3) pairs: two indices, and 1 where the cities differ.

    Half are of one city, cities alike; the others are spread evenly over pairs of cities, and at least `plausible` of
    them share one of their two likeliest countries where the two cities have such photos (8.3.2).
    """
    names = np.unique(cities)
    members = {name: np.flatnonzero(cities == name) for name in names}
    rows = np.empty((count, 3), np.intp)
    for number in range(count):
        a = names[number // 2 % len(names)]
        if number % 2 == 0:
            rows[number] = (*random.choice(members[a], 2, replace=len(members[a]) < 2), 0)
            continue
        b = random.choice(names[names != a])
        wanted = number // 2 % 1000 < 1000 * plausible
        rows[number] = (*_different(members[a], members[b], countries, wanted, random), 1)
    return rows


def _different(
    a: NDArray[np.intp], b: NDArray[np.intp], countries: NDArray[np.intp], plausible: bool, random: np.random.Generator
) -> tuple[int, int]:
    """One photo of each city; where asked, a pair that shares a likely country if 20 draws find one."""
    for _ in range(20 if plausible else 1):
        i, j = int(random.choice(a)), int(random.choice(b))
        if np.isin(countries[i], countries[j]).any():
            break
    return i, j


Look = Callable[[int, np.random.Generator], torch.Tensor]
"""Row of a photo and a random generator -> what its branch takes: one view's features, or one augmentation's pixels."""


class Sampled(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """An epoch's pairs, each photo through a view of its own, the order of the two at random."""

    def __init__(self, rows: NDArray[np.intp], look: Look, seed: tuple[int, ...]) -> None:
        self.rows, self.look, self.seed = rows, look, seed

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        random = np.random.default_rng((*self.seed, at))
        first, second, different = self.rows[at].tolist()
        if random.random() < 0.5:
            first, second = second, first
        return self.look(first, random), self.look(second, random), torch.tensor(float(different))


def train(
    recipe: City, look: Look, cities: NDArray[np.intp], countries: NDArray[np.intp], folder: Path,
    standard: Values | None = None, progress: Progress | None = None,
) -> Pairs:  # fmt: skip
    """How n photos are seen, their cities (n,) and Top-2 countries (n, 2) -> the pair network.

    `standard`: features (n, v, d) whose mean and deviation a `frozen` recipe takes out.
    """
    torch.manual_seed(recipe.schedule.seed)
    model = Pairs(recipe, standard)

    def data(epoch: int) -> Sampled:
        seed = (recipe.schedule.seed, epoch)
        rows = sample(cities, countries, recipe.pairs, recipe.plausible, np.random.default_rng(seed))
        return Sampled(rows, look, seed)

    def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        a, b, different = batch
        return nn.functional.binary_cross_entropy_with_logits(net(a, b), different)

    fit(model, data, loss, recipe.schedule, folder, progress)
    return model


def of_views(views: Values) -> Look:
    """Features (n, v, d) -> one view of a photo at random."""
    tensor = torch.from_numpy(views)
    return lambda row, random: tensor[row, int(random.integers(views.shape[1]))]


def of_pixels(photos: Sequence[Pixels]) -> Look:
    """Photos (n) uint8 -> one augmentation of a photo, as pixels (3, 224, 224). 8.3.2."""
    return lambda row, random: torch.from_numpy(normalised(augmented(photos[row], random)[None])[0])


def indices(names: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Names (n) -> the distinct ones in order, and each one's place among them (n,)."""
    distinct = sorted(set(names))
    return distinct, np.array([distinct.index(name) for name in names])
