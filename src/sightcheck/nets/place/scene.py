"""Which scene? A head on the shared backbone, distilled from the 365 probabilities of a Places365 network."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import TensorDataset

from sightcheck.nets.heads import Standard
from sightcheck.nets.loop import Progress, Schedule, fit

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """A linear head on features, taught with the cross-entropy to the teacher's probabilities."""

    dropout: float = 0.2
    schedule: Schedule = field(
        default_factory=lambda: Schedule(epochs=60, batch=64, rate=0.05, weight_decay=1e-4, cosine=True)
    )


class Head(nn.Module):
    """(n, d) features -> (n, 365) logits."""

    def __init__(self, features: Values, classes: int, dropout: float) -> None:
        super().__init__()
        self.standard = Standard(features)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(features.shape[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, d) -> (n, 365)."""
        return self.linear(self.dropout(self.standard(x)))  # type: ignore[no-any-return]


def train(recipe: Scene, views: Values, teacher: Values, folder: Path, progress: Progress | None = None) -> Head:
    """Features (n, v, d) of v views, teacher's probabilities (n, 365) -> the head."""
    torch.manual_seed(recipe.schedule.seed)
    model = Head(views, teacher.shape[1], recipe.dropout)
    x, y = torch.from_numpy(views), torch.from_numpy(teacher)

    def data(epoch: int) -> TensorDataset:
        random = np.random.default_rng((recipe.schedule.seed, epoch))
        return TensorDataset(x[np.arange(len(x)), random.integers(0, views.shape[1], len(x))], y)

    def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return nn.functional.cross_entropy(net(batch[0]), batch[1])

    fit(model, data, loss, recipe.schedule, folder, progress)
    return model
