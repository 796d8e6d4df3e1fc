"""What does a generator leave beneath the picture? A small network on native patches of high-pass residuals.

The network sees no scene: only what remains of luma and chroma after a high-pass, and how luma departs from the mean of
the frames before and after it. It is taught on pairs that passed one random chain alike.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck.media import Encoding, Sampling, pack, planes, recode, windows

Yuv = NDArray[np.uint8]
Batch = NDArray[np.float32]

SAMPLING = Sampling(frames=5, fps=10.0, width=384, height=384, windows=4)
SIDE = 96
"""Pixels a side of a patch."""
CHANNELS = 6
LEAST = 3
"""Frames that a patch needs: one before, one after."""
TOO_LITTLE = f"Too little to measure: {LEAST} frames of {SIDE} pixels a side are needed."
ALIKE = Encoding(crf=18)
"""Every window is encoded anew before it is looked at, so that less of its own encoder speaks."""


@dataclass(frozen=True)
class Patches:
    """`yuv` (n, 3, 3S/2, S) uint8 planar 4:2:0, three successive frames each; `times_s` (n,); `corners` (n, 2) y, x."""

    yuv: Yuv
    times_s: tuple[float, ...]
    corners: NDArray[np.intp]


def triplets(yuv: Yuv) -> Yuv:
    """(T, 3H/2, W) -> (3, 3H/2, W) the middle three frames. Needs LEAST of them."""
    middle = len(yuv) // 2
    return yuv[middle - 1 : middle + 2]


def corners(height: int, width: int, side: int = SIDE) -> list[tuple[int, int]]:
    """Where patches of a picture begin, y and x, even: a grid without overlap, centred; none where it is too small."""
    rows, columns = height // side, width // side
    top, left = (height - rows * side) // 4 * 2, (width - columns * side) // 4 * 2
    return [(top + y * side, left + x * side) for y in range(rows) for x in range(columns)]


def cut(yuv: Yuv, y: int, x: int, side: int = SIDE) -> Yuv:
    """(T, 3H/2, W), an even corner -> (T, 3S/2, S) of it."""
    parts = zip(planes(yuv), (1, 2, 2), strict=True)
    return pack([plane[:, y // k : (y + side) // k, x // k : (x + side) // k] for plane, k in parts])


def measure(path: bytes) -> list[tuple[tuple[float, ...], Yuv]]:
    """A clip -> for each window its times and its middle three frames, encoded anew. Run it in the sandbox."""
    return [
        (window.times_s, triplets(recode(window.yuv, ALIKE)))
        for window in windows(path, SAMPLING)
        if len(window.yuv) >= LEAST
    ]


def residuals(patches: Yuv) -> Batch:
    """(n, 3, 3S/2, S) -> (n, 6, S, S): high-pass of luma now, before and after, its departure in time, chroma."""
    return np.stack([_residual(one) for one in patches])


def _residual(three: Yuv) -> Batch:
    luma, *chroma = planes(three)
    before, now, after = luma.astype(np.float32)
    side = now.shape[0]
    colour = [np.repeat(np.repeat(_high_pass(plane[1].astype(np.float32)), 2, 0), 2, 1) for plane in chroma]
    parts = [_high_pass(now), _high_pass(before), _high_pass(after), now - (before + after) / 2, *colour]
    return np.clip(np.stack(parts).reshape(CHANNELS, side, side) / 8, -3, 3)


def _high_pass(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    return plane - cv2.GaussianBlur(plane, (5, 5), 1.0, borderType=cv2.BORDER_REFLECT_101)
