"""Where is the face? Frames cropped to it, where one is found; whole frames elsewhere, and which of both is told.

dlib's frontal detector (histograms of gradients, no weights of ours), where the [faces] extra is installed: chapter 5's
networks look at faces. In a crop by its box, from the brows to the chin, the upper quarters hold an eye each and the
middle of the lower half the mouth: the three regions of DeFakeHop.
"""

import importlib.util
from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.media.frames import Sampling, windows
from sightcheck.media.pictures import Pictures, resized

Box = tuple[int, int, int, int]
"""Top, left, bottom and right, in pixels."""
Find = Callable[[NDArray[np.uint8]], Sequence[Box]]

LEAST_SHARE = 0.12
"""A face whose side is a smaller share of the picture's shorter side is not looked at."""
WITH_FACE = 0.5
"""Share of the frames in which a face must be found."""
SEARCHED = 640
"""Pixels of the longer side of the picture that is searched: a face of LEAST_SHARE is still found in it."""
ROOM = 0.15
"""Of its side that a face's box is widened by, each way."""


def faces(path: bytes, sampling: Sampling, height: int, width: int) -> Pictures:
    """A clip -> the sampled frames cropped to the largest face, resized; whole where too few show one.

    `Pictures.faces` says which. A frame without a face is cropped as the one before it. Run it in the sandbox.
    """
    find = detector()
    times: list[float] = []
    starts: list[int] = []
    cropped: list[NDArray[np.uint8]] = []
    whole: list[NDArray[np.uint8]] = []
    found, box = 0, None
    for window in windows(path, sampling):
        starts.append(len(times))
        times += window.times_s
        for planar in window.yuv:
            rgb = np.asarray(cv2.cvtColor(np.ascontiguousarray(planar), cv2.COLOR_YUV2RGB_I420), np.uint8)
            here = largest(find, rgb) if find else None
            found, box = found + (here is not None), here or box
            whole.append(resized(rgb, height, width))
            cropped.append(resized(_crop(rgb, box), height, width) if box else whole[-1])
            sandbox.step()
    enough = bool(times) and found >= WITH_FACE * len(times)
    rgb = np.stack(cropped if enough else whole) if times else np.zeros((0, height, width, 3), np.uint8)
    return Pictures(tuple(times), rgb, tuple(starts), enough)


def largest(find: Find, rgb: NDArray[np.uint8]) -> Box | None:
    """(H, W, 3) -> the box of its largest face, in its own pixels; None where none is large enough."""
    share = min(1.0, SEARCHED / max(rgb.shape[:2]))
    small = cv2.resize(rgb, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) if share < 1 else rgb
    boxes = [box for box in find(np.asarray(small, np.uint8)) if box[2] - box[0] >= LEAST_SHARE * min(small.shape[:2])]
    if not boxes:
        return None
    top, left, bottom, right = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    return round(top / share), round(left / share), round(bottom / share), round(right / share)


@lru_cache
def detector() -> Find | None:
    """What finds faces in a picture (H, W, 3); None where dlib is not installed."""
    if importlib.util.find_spec("dlib") is None:
        return None
    hog = importlib.import_module("dlib").get_frontal_face_detector()
    return lambda rgb: [(one.top(), one.left(), one.bottom(), one.right()) for one in hog(rgb)]


def _crop(rgb: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The square around a box, widened by ROOM, as far as the picture goes."""
    top, left, bottom, right = box
    half = max(bottom - top, right - left) * (0.5 + ROOM)
    y, x = (top + bottom) / 2, (left + right) / 2
    rows = slice(max(0, round(y - half)), max(1, round(y + half)))
    columns = slice(max(0, round(x - half)), max(1, round(x + half)))
    part = rgb[rows, columns]
    return part if part.size else rgb
