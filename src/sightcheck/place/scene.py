"""What kind of scene is it, and how alike are two scenes? 365 Places classes -> 3 and 16 groups (7.2.1, 8.3.2)."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]

GROUPS = ("indoor", "natural outdoors", "man-made outdoors")
URBAN = 2
TOP = 5


def grouped(places: Values, hierarchy: Values) -> NDArray[np.float32]:
    """(..., 365) probabilities, (365, g) 0 or 1 -> (..., g) sums over the classes of each group.

    The hierarchy is multi-label, so the sums of a photo may exceed 1.
    """
    return np.asarray(places @ hierarchy, np.float32)


def urban(places: Values, urban_classes: NDArray[np.bool_]) -> float:
    """(365,) probabilities -> the part of the five likeliest classes that is man-made outdoors, in [0, 1]. 7.2.1."""
    likeliest = np.argsort(-places, kind="stable")[:TOP]
    return float(places[likeliest][urban_classes[likeliest]].sum())


def similarity(scenes: Values, others: Values) -> NDArray[np.float64]:
    """(16,), (m, 16) -> (m,) cosines in [0, 1]. Equation 8.1."""
    lengths = np.linalg.norm(scenes) * np.linalg.norm(others, axis=-1)
    return np.asarray((others @ scenes) / np.maximum(lengths, 1e-12), np.float64).clip(0.0, 1.0)
