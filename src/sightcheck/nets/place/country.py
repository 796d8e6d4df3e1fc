"""Which country? The classifier of section 7.3 with any backbone, trained on a table of photos."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sightcheck.nets.backbones import backbone, freeze
from sightcheck.nets.loop import Progress, Schedule, fit
from sightcheck.nets.place.photographs import Augmented, Pixels


@dataclass(frozen=True)
class Country:
    """The recipe of section 7.3: ResNet-101 from ImageNet, 25 epochs of 320, SGD, loss weighted by 1 / sqrt(n)."""

    backbone: str = "resnet101"
    pretrained: bool = True
    frozen: int = 0
    least_area: float = 2 / 3
    vertical_flips: bool = True
    smoothing: float = 0.0
    dropout: float = 0.0
    schedule: Schedule = field(default_factory=Schedule)


class Classifier(nn.Module):
    """(n, 3, 224, 224) normalised pixels -> (n, C) logits."""

    def __init__(self, recipe: Country, classes: int) -> None:
        super().__init__()
        self.backbone = backbone(recipe.backbone, recipe.pretrained)
        self.held = freeze(self.backbone, recipe.frozen)
        self.dropout = nn.Dropout(recipe.dropout)
        self.head = nn.Linear(int(self.backbone.features), classes)  # type: ignore[arg-type]

    def train(self, mode: bool = True) -> "Classifier":
        """As usual, but frozen parts keep their batch statistics."""
        super().train(mode)
        for part in self.held:
            part.eval()
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, 224, 224) -> (n, C)."""
        return self.head(self.dropout(self.backbone(x)))  # type: ignore[no-any-return]


def class_weights(classes: NDArray[np.intp], count: int) -> torch.Tensor:
    """Classes (n,) -> (C,) weights 1 / sqrt(n_class), their mean over photos 1. Equation 7.2."""
    weights = 1 / np.sqrt(np.maximum(np.bincount(classes, minlength=count), 1))
    return torch.tensor(weights / weights[classes].mean(), dtype=torch.float32)


def train(
    recipe: Country, photos: Sequence[Pixels], classes: NDArray[np.intp], count: int, folder: Path,
    progress: Progress | None = None,
) -> Classifier:  # fmt: skip
    """Photos (n) uint8 with classes (n,) of `count` -> the trained classifier; resumes from `folder`."""
    torch.manual_seed(recipe.schedule.seed)
    model = Classifier(recipe, count)
    criterion = nn.CrossEntropyLoss(class_weights(classes, count), label_smoothing=recipe.smoothing)

    def data(epoch: int) -> Augmented:
        seed = recipe.schedule.seed * 100_003 + epoch
        return Augmented(photos, classes, seed, recipe.least_area, recipe.vertical_flips)

    def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        x, y = batch
        criterion.to(x.device)
        return criterion(net(x), y)  # type: ignore[no-any-return]

    fit(model, data, loss, recipe.schedule, folder, progress)
    return model
