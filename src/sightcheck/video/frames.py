"""Does each frame look synthetic? A network on frames, or on short runs of them; the clip's score is a soft vote."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightcheck.media import Sampling

Values = NDArray[np.float64]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SPREAD = Sampling(frames=1, fps=2.0, width=None, height=None, windows=24)
LEAST = 1e-4
"""A probability is held this far from 0 and 1 before its log odds are taken."""


@dataclass(frozen=True)
class Recipe:
    """How a network reads a clip: which frames, at which size, how many in a row, and what it puts out.

    `reads`: "pixels" (n, 3, H, W), with `sequence` over 1 (n, sequence, 3, H, W), scaled to [0, 1] and standardised by
    `mean` and `deviation`; or "features" (n, 1280) of the shared backbone. `puts_out`: (n, 2) or (n, 1) logits or
    probabilities; of two, number `synthetic` is the synthetic class.
    """

    name: str = "frames"
    sampling: Sampling = SPREAD
    height: int = 224
    width: int = 224
    sequence: int = 1
    mean: tuple[float, float, float] = IMAGENET[0]
    deviation: tuple[float, float, float] = IMAGENET[1]
    reads: Literal["pixels", "features"] = "pixels"
    puts_out: Literal["logits", "probabilities"] = "logits"
    synthetic: int = 1


RECIPES: dict[str, Recipe] = {
    "frames": Recipe(reads="features"),
    # 3.2.2: every frame of the 30, resized to 256 x 512
    "xception": Recipe("xception", Sampling(30, None, None, None, 1), 256, 512),
    # 4.3.2: 2 frames a second, 300 x 300
    "efficientnet-b3": Recipe("efficientnet-b3", Sampling(1, 2.0, None, None, 50), 300, 300),
    # 5.3.2: the first N = 30 frames
    "xception-scratch": Recipe("xception-scratch", Sampling(30, None, None, None, 1), 299, 299),
    "resnet-lstm": Recipe("resnet-lstm", Sampling(36, None, None, None, 1), 224, 224, sequence=7),
    "defakehop": Recipe("defakehop", Sampling(30, None, None, None, 1), 128, 128, 6, (0, 0, 0), (1, 1, 1)),
}


def network_input(rgb: NDArray[np.uint8], recipe: Recipe) -> NDArray[np.float32]:
    """(..., H, W, 3) uint8 -> (..., 3, H, W) float32 as the recipe standardises it."""
    mean, deviation = (np.array(one, np.float32) for one in (recipe.mean, recipe.deviation))
    return np.moveaxis((rgb.astype(np.float32) / 255 - mean) / deviation, -1, -3)


def probabilities(outputs: NDArray[np.float32], recipe: Recipe) -> Values:
    """(n, 1) or (n, 2) outputs -> (n,) P(synthetic)."""
    values = outputs.astype(np.float64)
    if recipe.puts_out == "probabilities":
        return np.asarray(values[:, min(recipe.synthetic, values.shape[1] - 1)])
    logit = values[:, recipe.synthetic] - values[:, 1 - recipe.synthetic] if values.shape[1] == 2 else values[:, 0]
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


def soft_vote(fake: Values) -> float:
    """(k,) P(synthetic) of frames -> log odds of their mean: the clip's score (3.2.2, 4.3.2, 5.3.2)."""
    mean = float(np.clip(fake.mean(), LEAST, 1 - LEAST))
    return float(np.log(mean / (1 - mean)))
