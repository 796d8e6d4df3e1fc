"""What does a network see of a photo while it learns? Augmented crops in training, five crops or one in tests."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from sightcheck.place.country import SIDE, normalised, shortened

Pixels = NDArray[np.uint8]


def augmented(pixels: Pixels, random: np.random.Generator, least_area: float = 2 / 3, vertical: bool = True) -> Pixels:
    """(H, W, 3) -> (224, 224, 3): flipped at random, a crop of at least `least_area` of the area, resized. 7.3, 8.3.2.

    `vertical` False leaves out the vertical flips of the thesis.
    """
    height, width = pixels.shape[:2]
    area = random.uniform(least_area, 1.0) * height * width
    aspect = width / height * math.exp(random.uniform(-0.2, 0.2))
    w, h = min(width, round(math.sqrt(area * aspect))), min(height, round(math.sqrt(area / aspect)))
    x, y = random.integers(0, width - w + 1), random.integers(0, height - h + 1)
    size = (SIDE, SIDE)
    crop = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC, box=(x, y, x + w, y + h))
    if random.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if vertical and random.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return np.asarray(crop)


class Augmented(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Photos with their classes, each through one augmentation that seed, epoch and place determine."""

    def __init__(
        self, photos: Sequence[Pixels], classes: NDArray[np.intp], seed: int, least_area: float, vertical: bool
    ) -> None:
        self.photos, self.classes, self.seed = photos, classes, seed
        self.least_area, self.vertical = least_area, vertical

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, at: int) -> tuple[torch.Tensor, torch.Tensor]:
        seen = augmented(self.photos[at], np.random.default_rng((self.seed, at)), self.least_area, self.vertical)
        return torch.from_numpy(normalised(seen[None])[0]), torch.tensor(int(self.classes[at]))


def kept(pixels: Pixels) -> Pixels:
    """(H, W, 3) -> what stays in memory of it while training: its shorter side 256."""
    return shortened(pixels)


def outputs(net: nn.Module, crops: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 3, 224, 224) -> (n, k) what a network puts out."""
    with torch.no_grad():
        return np.asarray(net(torch.from_numpy(crops)).numpy())
