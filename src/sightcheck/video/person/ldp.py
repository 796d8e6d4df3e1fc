"""What is the texture of a moving patch? Local derivative patterns on three orthogonal planes (section 4.3.1)."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Form = Literal["sign", "magnitude"]
Plane = NDArray[np.uint8]

BITS = np.array([[128, 64, 32], [1, 0, 16], [2, 4, 8]], np.uint8)
"""What each neighbour adds to the pattern of the pixel in the middle: clockwise from the top left."""
DIRECTIONS = {0: (0, 1), 45: (-1, 1), 90: (-1, 0), 135: (-1, -1)}
"""Degrees -> (row, column) of the neighbour that is taken from a pixel to derive it."""
LENGTH = 3 * len(DIRECTIONS) * 256


def ldp(picture: Plane, direction: int, form: Form = "sign") -> Plane:
    """(H, W) uint8, degrees of DIRECTIONS -> (H - 4, W - 4) patterns; both sides are 5 at least.

    `sign`: a bit is 1 where the derivatives at the neighbour and at the pixel do not have one sign, zero having none
    (Zhang et al. 2010, where the pattern comes from). `magnitude`: 0 where the pixel's is smaller in size than the
    neighbour's, as the thesis words it.
    """
    down, right = DIRECTIONS[direction]
    pixel = picture[1:-1, 1:-1]
    taken = picture[1 + down : picture.shape[0] - 1 + down, 1 + right : picture.shape[1] - 1 + right]
    return _signs(pixel, taken) if form == "sign" else _magnitudes(pixel, taken)


def _signs(pixel: Plane, taken: Plane) -> Plane:
    """(h, w) pixels and what is taken from each -> (h - 2, w - 2) patterns: 1 but where both rise or both fall."""
    alike = np.zeros((pixel.shape[0] - 2, pixel.shape[1] - 2), np.uint8)
    for steep in (pixel > taken, pixel < taken):
        side = steep.view(np.uint8)
        around = cv2.filter2D(side, -1, BITS, borderType=cv2.BORDER_CONSTANT)
        cv2.bitwise_or(alike, cv2.multiply(around[1:-1, 1:-1], side[1:-1, 1:-1]), dst=alike)
    return np.bitwise_not(alike, out=alike)


def _magnitudes(pixel: Plane, taken: Plane) -> Plane:
    """(h, w) pixels and what is taken from each -> (h - 2, w - 2) patterns: 1 where a neighbour changes no more."""
    size = np.maximum(pixel, taken) - np.minimum(pixel, taken)
    height, width = size.shape[0] - 2, size.shape[1] - 2
    patterns = np.zeros((height, width), np.uint8)
    for y, x in np.argwhere(BITS):
        patterns |= (size[1:-1, 1:-1] >= size[y : y + height, x : x + width]).view(np.uint8) * BITS[y, x]
    return patterns


def ldp_top(video: NDArray[np.uint8], form: Form = "sign") -> NDArray[np.float32]:
    """(T, H, W) uint8, each at least 5 -> (3072,) float32: twelve histograms of 256 bins that each sum to 1.

    The central planes XY (H, W), XT (T, W) and TY (T, H), each in the four DIRECTIONS. A flat neighbourhood has every
    bit 1 and falls into the last bin.
    """
    frames, height, width = video.shape
    planes = (video[frames // 2], video[:, height // 2], video[:, :, width // 2])
    found = [histogram(ldp(np.ascontiguousarray(plane), degrees, form)) for plane in planes for degrees in DIRECTIONS]
    return np.concatenate(found)


def histogram(patterns: Plane) -> NDArray[np.float32]:
    """Patterns -> (256,) their shares."""
    counts = np.bincount(patterns.ravel(), minlength=256)
    return np.asarray(counts / patterns.size, np.float32)
