"""Which points of two pictures are the same points of one scene? Local features, matched, held to one geometry.

SIFT (Lowe 2004) compared as RootSIFT (Arandjelovic and Zisserman 2012), the ratio test, one to one, and of what is left
the points that one fundamental matrix allows, by MAGSAC (Barath et al. 2019) with OpenCV's fixed seed: the same two
pictures give the same points.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.weights import Arrays, Card

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]
Rows = NDArray[np.intp]

KEYPOINTS, RATIO, APART = 500, 0.8, 2.0
"""Keypoints of a picture, the strongest; the nearest descriptor's distance over the second's; how far a point may lie
from the line that the geometry allows it, in pixels. Chosen on two cities, see docs/photo-study.md."""
LEAST = 10
"""Pairs of points below which no geometry is looked for: some allows any seven."""
STRIP = 0.1
"""Of a picture's height or width: points that agree within a strip so narrow are a caption or a stamp, not a scene."""
LONGER = 1024
"""Pixels of the longer side at most: a panorama is shrunk to that."""
NEAREST = 20
"""References that are matched, those whose scene is most like the photo's: a question costs the same in any gallery."""


@dataclass(frozen=True)
class Features:
    """n keypoints of a picture: (n, 2) x and y in fractions of its width and height, (n, 128) RootSIFT; its size."""

    points: Values
    descriptors: Values
    width: int
    height: int

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height


@dataclass(frozen=True)
class Scale:
    """What a number of points means: of `there` true and `elsewhere` false claims, how many reached each step.

    `steps` (s,) points, rising; `reached_there`, `reached_elsewhere` (s,) claims with at least so many, every source of
    photos weighing alike among the true ones. `each`: false claims of one photo, on average: one photo more that would
    pass them all is counted on top of those that did.
    """

    steps: tuple[int, ...]
    reached_there: tuple[float, ...]
    reached_elsewhere: tuple[int, ...]
    there: int
    elsewhere: int
    each: float

    def log10_lr(self, points: int) -> float | None:
        """So many points -> log10 likelihood ratio above 0; None for too few to say anything, which denies nothing."""
        step = self.step(points)
        ratio = self.ratios()[step] if step is not None else 0.0
        return ratio if ratio > 0 else None

    def step(self, points: int) -> int | None:
        """The number of the highest step that so many points reach; None below the first."""
        at = int(np.searchsorted(self.steps, points, "right")) - 1
        return at if at >= 0 else None

    def ratios(self) -> tuple[float, ...]:
        """(s,) log10 ratio from each step to the next; neighbours out of order are one, so more points never say less.

        Pool adjacent violators, with `each` false claims more in every pool: no step says more than those that were
        tried can carry.
        """
        pools: list[tuple[float, float, int]] = []
        inside = zip(*(_between(one) for one in (self.reached_there, self.reached_elsewhere)), strict=True)
        for true, false in inside:
            pools.append((true, false, 1))
            while len(pools) > 1 and self._ratio(*pools[-2][:2]) >= self._ratio(*pools[-1][:2]):
                (a, b, n), (c, d, m) = pools[-2:]
                pools[-2:] = [(a + c, b + d, n + m)]
        return tuple(self._ratio(true, false) for true, false, n in pools for _ in range(n))

    def _ratio(self, true: float, false: float) -> float:
        if not self.there or not self.elsewhere:
            return 0.0
        share = (false + self.each) / (self.elsewhere + self.each)
        return float(np.log10(max(true, 0.5) / self.there / share))


def features(pixels: Pixels) -> Features:
    """(H, W, 3) uint8 of any size -> Features; none for a picture without detail."""
    import cv2

    height, width = pixels.shape[:2]
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if (scale := LONGER / max(height, width)) < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    found, described = cv2.SIFT.create(nfeatures=KEYPOINTS).detectAndCompute(grey, None)
    points = np.array([one.pt for one in found]).reshape(-1, 2) / grey.shape[::-1]
    values = np.zeros((0, 128)) if described is None else described / np.maximum(described.sum(1, keepdims=True), 1e-9)
    return Features(points.astype(np.float32), np.sqrt(values).astype(np.float32), grey.shape[1], grey.shape[0])


def matched(one: Features, other: Features) -> Values:
    """Two pictures' features -> (n, 4) points that agree: x and y in the one, x and y in the other, in fractions."""
    import cv2

    both = _pairs(one, other)
    if len(both) < LEAST:
        return both[:0]
    here, there = (
        np.ascontiguousarray(points * np.array([picture.width, picture.height], np.float32))
        for points, picture in ((both[:, :2], one), (both[:, 2:], other))
    )
    try:
        found, agree = cv2.findFundamentalMat(here, there, cv2.USAC_MAGSAC, APART, 0.999, 2000)
    except cv2.error:  # OpenCV 5.0 fails so where it finds no geometry for points on one line
        return both[:0]
    agreed = both[:0] if found is None else both[agree.ravel() > 0]
    return agreed if len(agreed) and _extent(agreed) >= STRIP else both[:0]


def _extent(points: Values) -> float:
    """(n, 4) points -> the narrowest side of what holds eight tenths of them, in either picture, in fractions."""
    low, high = np.percentile(points, [10, 90], axis=0)
    return float((high - low).min())


def nearest(scenes: Values, others: Values, rows: Rows) -> Rows:
    """A photo's scenes (365,), the references' (m, 365), which of them -> NEAREST of those rows, the most like first.

    By the affinity of Bhattacharyya. The city vectors are passed over: they were taught the cities this is tried on.
    """
    alike = np.sqrt(np.maximum(others[rows], 0)) @ np.sqrt(np.maximum(scenes, 0))
    return rows[np.argsort(-alike, kind="stable")[:NEAREST]]


def to_arrays(scale: Scale) -> Arrays:
    """A scale -> the arrays of a model folder."""
    return {name: np.array(value) for name, value in asdict(scale).items()}


def from_arrays(arrays: Arrays) -> Scale:
    """The arrays of a model folder -> the scale that `to_arrays` put there."""
    steps, there, elsewhere = (tuple(arrays[name].tolist()) for name in ("steps", "reached_there", "reached_elsewhere"))
    return Scale(steps, there, elsewhere, *(arrays[name].item() for name in ("there", "elsewhere", "each")))


@lru_cache
def bundled() -> tuple[Card, Scale]:
    """The bundled scale with its card. Raises BrokenInstallation."""
    loaded = weights.load("matches")
    return loaded.card, from_arrays(loaded.arrays)


def _pairs(one: Features, other: Features) -> Values:
    """Two pictures' features -> (n, 4) points that may be the same, the surest first: the ratio test, then one to one.

    A point that SIFT describes in several directions counts once.
    """
    import cv2

    if min(len(one.points), len(other.points)) < LEAST:
        return np.zeros((0, 4), np.float32)
    distance, nearest = cv2.batchDistance(one.descriptors, other.descriptors, cv2.CV_32F, None, None, cv2.NORM_L2, 2)
    ratio = distance[:, 0] / np.maximum(distance[:, 1], 1e-9)
    rows = np.argsort(ratio, kind="stable")
    rows = rows[ratio[rows] < RATIO]
    both = np.concatenate([one.points[rows], other.points[nearest[rows, 0]]], axis=1)
    for columns in (slice(0, 2), slice(2, 4)):
        _, first = np.unique(both[:, columns], axis=0, return_index=True)
        both = both[np.sort(first)]
    return both


def _between(reached: tuple[float, ...]) -> list[float]:
    """How many reached each step -> how many lie between it and the next."""
    return [float(a - b) for a, b in zip(reached, (*reached[1:], 0), strict=True)]
