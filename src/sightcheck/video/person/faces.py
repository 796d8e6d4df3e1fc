"""Where is the face? Frames cropped to it, where one is found; whole frames elsewhere, and which of both is told.

dlib's frontal detector (histograms of gradients, no weights of ours), where the [faces] extra is installed: chapter 5's
networks look at faces. In a crop by its box, from the brows to the chin, the upper quarters hold an eye each and the
middle of the lower half the mouth: the three regions of DeFakeHop.
"""

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.media.frames import Sampling, windows
from sightcheck.media.pictures import Pictures, pictures, resized

Box = tuple[int, int, int, int]
"""Top, left, bottom and right, in pixels."""
Find = Callable[[NDArray[np.uint8]], Sequence[Box]]

SMALLEST = 80
"""Pixels a side of the smallest face that dlib's detector knows."""
LEAST_SHARE = 0.15
"""A face whose side is a smaller share of the picture's shorter side is not looked at: the picture is brought to the
size at which that is SMALLEST, so that a small clip and a large one are searched alike."""
LONGEST = 1280
"""Most pixels of the longer side of the picture that is searched."""
WITH_FACE = 0.5
"""Share of the frames in which a face must be found."""
ROOM = 0.15
"""Of its side that a face's box is widened by, each way."""


def faces(path: bytes, sampling: Sampling, height: int, width: int) -> Pictures:
    """A clip -> the sampled frames cropped to the largest face, resized; whole where too few show one.

    `Pictures.faces` says which. A frame without a face is cropped as the nearest that has one. Run it in the sandbox.
    """
    find = detector()
    whole = pictures(path, sampling, height, width)
    boxes = [largest(find, rgb) for rgb in _frames(path, sampling)] if find else []
    seen = [at for at, box in enumerate(boxes) if box]
    if not seen or len(seen) < WITH_FACE * len(boxes):
        return whole
    nearest = [boxes[min(seen, key=lambda one: abs(one - at))] for at in range(len(boxes))]
    both = zip(_frames(path, sampling), nearest, strict=True)
    crops = [resized(_crop(rgb, box), height, width) for rgb, box in both if box]
    return replace(whole, rgb=np.stack(crops), faces=True)


def _frames(path: bytes, sampling: Sampling) -> Iterator[NDArray[np.uint8]]:
    """The sampled frames (H, W, 3) at their own size."""
    for window in windows(path, sampling):
        for planar in window.yuv:
            sandbox.step()
            yield np.asarray(cv2.cvtColor(np.ascontiguousarray(planar), cv2.COLOR_YUV2RGB_I420), np.uint8)


def largest(find: Find, rgb: NDArray[np.uint8]) -> Box | None:
    """(H, W, 3) -> the box of its largest face, in its own pixels; None where none is large enough."""
    scale = min(SMALLEST / LEAST_SHARE / min(rgb.shape[:2]), LONGEST / max(rgb.shape[:2]))
    shape = [max(1, round(scale * side)) for side in rgb.shape[:2]]
    searched = resized(rgb, *shape)
    boxes = [box for box in find(searched) if box[2] - box[0] >= LEAST_SHARE * min(shape)]
    if not boxes:
        return None
    top, left, bottom, right = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    return round(top / scale), round(left / scale), round(bottom / scale), round(right / scale)


@lru_cache
def detector() -> Find | None:
    """What finds faces in a picture (H, W, 3); None where dlib is not installed."""
    if importlib.util.find_spec("dlib") is None:
        return None
    hog = importlib.import_module("dlib").get_frontal_face_detector()
    return lambda rgb: [(one.top(), one.left(), one.bottom(), one.right()) for one in hog(rgb)]


def _crop(rgb: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The square around a box, widened by ROOM; at an edge it is moved into the picture, never squeezed."""
    top, left, bottom, right = box
    side = min(round(max(bottom - top, right - left) * (1 + 2 * ROOM)), *rgb.shape[:2])
    y, x = (
        int(np.clip(round(middle - side / 2), 0, end - side))
        for middle, end in (((top + bottom) / 2, rgb.shape[0]), ((left + right) / 2, rgb.shape[1]))
    )
    return rgb[y : y + side, x : x + side]
