"""Same city or not? The pair network of section 8.3.2 on features, with its sampling of balanced, plausible pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

from sightcheck.nets.backbones import backbone
from sightcheck.nets.heads import Standard
from sightcheck.nets.loop import Progress, Schedule, fit
from sightcheck.nets.place.photographs import Pixels, augmented
from sightcheck.place.city import PairHead
from sightcheck.place.country import normalised

Values = NDArray[np.float32]
UNITS, HIDDEN = 64, 64
VALIDATION = 1 << 20
"""In place of an epoch in the seed of the validation pairs, which are the same in every epoch."""


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
    validation_pairs: int = 2_048
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

    Half are of one city, cities alike; the others are spread evenly over cities, and at least `plausible` of them share
    one of their two likeliest countries as far as there are such pairs (8.3.2): what one city cannot give, others do.
    """
    names = np.unique(cities)
    members = {name: np.flatnonzero(cities == name) for name in names}
    likely = {name: _by_country(members[name], countries) for name in names}
    rows, found = np.empty((count, 3), np.intp), 0
    for number in range(count):
        a = names[number // 2 % len(names)]
        if number % 2 == 0:
            rows[number] = (*random.choice(members[a], 2, replace=len(members[a]) < 2), 0)
            continue
        wanted = found < plausible * (number // 2 + 1)
        pair = _plausible(a, likely, random) if wanted else None
        if pair is None:
            b = random.choice(names[names != a])
            pair = int(random.choice(members[a])), int(random.choice(members[b]))
        found += bool(np.isin(countries[pair[0]], countries[pair[1]]).any())
        rows[number] = (*pair, 1)
    return rows


def plausible_share(rows: NDArray[np.intp], countries: NDArray[np.intp]) -> float:
    """Pairs (m, 3), Top-2 countries (n, 2) -> the share of the negative pairs that share a likely country."""
    negative = rows[rows[:, 2] == 1]
    shared = [bool(np.isin(countries[i], countries[j]).any()) for i, j, _ in negative.tolist()]
    return float(np.mean(shared)) if shared else 0.0


Likely = dict[int, NDArray[np.intp]]
"""Country -> rows of the photos that have it among their two likeliest."""


def _by_country(rows: NDArray[np.intp], countries: NDArray[np.intp]) -> Likely:
    return {int(one): rows[(countries[rows] == one).any(1)] for one in np.unique(countries[rows])}


def _plausible(a: int, likely: dict[int, Likely], random: np.random.Generator) -> tuple[int, int] | None:
    """A photo of a city and one of another that share a likely country, the other cities alike; None without any."""
    shared = {b: sorted(set(likely[a]) & set(other)) for b, other in likely.items() if b != a}
    others = [b for b, both in shared.items() if both]
    if not others:
        return None
    b = others[int(random.integers(len(others)))]
    one = shared[b][int(random.integers(len(shared[b])))]
    return int(random.choice(likely[a][one])), int(random.choice(likely[b][one]))


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


@dataclass(frozen=True)
class Shown:
    """n photos as training sees them: how, their cities (n,), their Top-2 countries (n, 2)."""

    look: Look
    cities: NDArray[np.intp]
    countries: NDArray[np.intp]


def train(
    recipe: City, taught: Shown, folder: Path, validated: Shown | None = None, standard: Values | None = None,
    progress: Progress | None = None,
) -> Pairs:  # fmt: skip
    """Photos that teach -> the pair network of the epoch with the lowest loss on pairs of `validated` (8.4.1).

    `standard`: features (n, v, d) whose mean and deviation a `frozen` recipe takes out.
    """
    torch.manual_seed(recipe.schedule.seed)
    model = Pairs(recipe, standard)

    def drawn(shown: Shown, count: int, seed: tuple[int, int]) -> Sampled:
        rows = sample(shown.cities, shown.countries, count, recipe.plausible, np.random.default_rng(seed))
        return Sampled(rows, shown.look, seed)

    def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        a, b, different = batch
        return nn.functional.binary_cross_entropy_with_logits(net(a, b), different)

    def validate(net: nn.Module) -> float:
        assert validated is not None
        pairs = drawn(validated, recipe.validation_pairs, (recipe.schedule.seed, VALIDATION))
        with torch.no_grad():
            batches = list(DataLoader(pairs, recipe.schedule.batch))
            device = next(net.parameters()).device
            losses = [loss(net, tuple(one.to(device) for one in batch)).item() * len(batch[0]) for batch in batches]
        return sum(losses) / len(pairs)

    fit(
        model, lambda epoch: drawn(taught, recipe.pairs, (recipe.schedule.seed, epoch)), loss, recipe.schedule, folder,
        progress, validate if validated is not None else None,
    )  # fmt: skip
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
