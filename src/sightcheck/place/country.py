"""In which country? Five crops -> probabilities over the model's classes, calibrated, with a shortlist (chapter 7)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightcheck import verdict
from sightcheck.verdict import Calibration, Share, Shortlist
from sightcheck.weights import Arrays

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]

SIDE, SHORTER = 224, 256
STANDARD = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)
"""ImageNet's mean and deviation of the three channels of pixels in [0, 1]."""
CROPS = ("upper left", "upper right", "lower left", "lower right", "centre")
GATE = 2
"""A claimed city's country must be among this many likeliest classes (8.3.2)."""


def _crop(at: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda scores: scores[..., at, :]


FUSIONS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "average": lambda scores: scores.mean(-2),
    "maximum": lambda scores: scores.max(-2),
    **{name: _crop(at) for at, name in enumerate(CROPS)},
}
"""Rows of Table 7.3: (..., 5, C) probabilities -> (..., C), not yet summing to 1. `resize` reads another input."""


def shortened(pixels: Pixels, shorter: int = SHORTER) -> Pixels:
    """(H, W, 3) -> its shorter side resized to 256 (7.3) or another size, the aspect kept; bicubic, antialiased."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = shorter / min(height, width)
    size = (max(shorter, round(width * scale)), max(shorter, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def five_crops(pixels: Pixels) -> Values:
    """(H, W, 3) uint8 of any size -> (5, 3, 224, 224) normalised: the corners and the centre, as CROPS names them."""
    small = shortened(pixels)
    below, right = small.shape[0] - SIDE, small.shape[1] - SIDE
    corners = ((0, 0), (0, right), (below, 0), (below, right), (below // 2, right // 2))
    return normalised(np.stack([small[y : y + SIDE, x : x + SIDE] for y, x in corners]))


def resized(pixels: Pixels) -> Values:
    """(H, W, 3) uint8 -> (1, 3, 224, 224) normalised, its aspect lost: the row "resize to 224" of Table 7.3."""
    from PIL import Image

    return normalised(np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC))[None])


def normalised(crops: Pixels, standard: Values = STANDARD) -> Values:
    """(n, H, W, 3) uint8 -> (n, 3, H, W) float32 with a mean and deviation (2, 3) taken out, ImageNet's by default."""
    mean, deviation = standard
    return np.ascontiguousarray(((crops / np.float32(255) - mean) / deviation).transpose(0, 3, 1, 2), np.float32)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., C) -> (..., C) probabilities."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))


def fused(logits: NDArray[np.floating], fusion: str = "average", temperature: float = 1.0) -> NDArray[np.float64]:
    """(..., 5, C) logits of five crops -> (..., C) probabilities that sum to 1. Equation 7.1 with `average`.

    `temperature` divides the logarithm of the fused probabilities, so the order of the classes is the thesis's.
    """
    scores = np.log(np.maximum(FUSIONS[fusion](softmax(logits)), 1e-12))
    return softmax(scores / temperature)


@dataclass(frozen=True)
class Countries:
    """What a country model's outputs mean: `labels[i]` are the ISO 3166 codes of class i, the first one naming it.

    `threshold`: a class is on the shortlist when its probability reaches it, which held the true one in `coverage` of
    held-out photos. `claimed` turns the log odds of a claimed class into a likelihood ratio.
    """

    labels: tuple[tuple[str, ...], ...]
    temperature: float
    threshold: float
    coverage: float
    claimed: Calibration | None

    def index(self, code: str) -> int | None:
        """The class of a country; None where the model does not cover it, which denies nothing."""
        return next((at for at, codes in enumerate(self.labels) if code in codes), None)


def to_arrays(countries: Countries) -> Arrays:
    """Countries -> the arrays of a model folder."""
    return {
        "labels": np.array([" ".join(codes) for codes in countries.labels]),
        "temperature": np.array(countries.temperature),
        "shortlist": np.array([countries.threshold, countries.coverage]),
        **verdict.to_arrays(countries.claimed, "claimed"),
    }


def from_arrays(arrays: Arrays) -> Countries:
    """The arrays of a model folder -> Countries."""
    threshold, coverage = arrays["shortlist"].tolist()
    return Countries(
        tuple(tuple(str(codes).split()) for codes in arrays["labels"]),
        float(arrays["temperature"]),
        threshold,
        coverage,
        verdict.from_arrays(arrays, "claimed"),
    )


def ranked(probabilities: NDArray[np.floating], countries: Countries, name: Callable[[str], str]) -> tuple[Share, ...]:
    """(C,) probabilities -> a share for each class, the likeliest first; it names all countries of its class."""
    order = np.argsort(-probabilities, kind="stable")
    return tuple(
        Share(codes[0], ", ".join(map(name, codes)), float(probabilities[at]))
        for at in order
        for codes in [countries.labels[at]]
    )


def shortlist(probabilities: NDArray[np.floating], countries: Countries) -> Shortlist:
    """(C,) probabilities -> the conformal set: every class that reaches the threshold, and always the likeliest."""
    order = np.argsort(-probabilities, kind="stable")
    kept = [at for place, at in enumerate(order) if place == 0 or probabilities[at] >= countries.threshold]
    return Shortlist(tuple(countries.labels[at][0] for at in kept), countries.coverage)


def passes(probabilities: NDArray[np.floating], at: int, top: int = GATE) -> bool:
    """Whether class `at` is among the `top` likeliest: the gate of 8.3.2, step 2."""
    return bool((probabilities > probabilities[at]).sum() < top)


def log_odds(probability: float) -> float:
    """Probability -> its natural log odds, held where a float still tells them apart."""
    held = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(held / (1 - held))
