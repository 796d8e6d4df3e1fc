"""Which pictures does a network look at? Frames of a clip as small RGB pictures, by the sampling the windows follow."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.media.frames import Sampling, each, windows


@dataclass(frozen=True)
class Pictures:
    """`rgb` (T, H, W, 3) uint8 in time order, `times_s` (T,); `starts`: where each run of frames begins in them.

    `faces`: they are crops of faces, not whole frames.
    """

    times_s: tuple[float, ...]
    rgb: NDArray[np.uint8]
    starts: tuple[int, ...]
    faces: bool = False

    def sequences(self, length: int) -> NDArray[np.intp]:
        """(S, length) indices of every run of `length` successive frames; none crosses from one window to the next."""
        ends = (*self.starts[1:], len(self.times_s))
        firsts = [at for one, end in zip(self.starts, ends, strict=True) for at in range(one, end - length + 1)]
        return np.add.outer(np.array(firsts, np.intp), np.arange(length))


def pictures(path: bytes, sampling: Sampling, height: int, width: int) -> Pictures:
    """A clip -> the sampled frames, whole or cropped as the sampling says, resized to `height` x `width`.

    Chroma is read as BT.601, whatever the file states. Run it in the sandbox.
    """
    times: list[float] = []
    rgb: list[NDArray[np.uint8]] = []
    starts: list[int] = []
    for window in windows(path, sampling):
        starts.append(len(times))
        times += window.times_s
        rgb += [_resized(planar, height, width) for planar in window.yuv]
    stacked = np.stack(rgb) if rgb else np.zeros((0, height, width, 3), np.uint8)
    return Pictures(tuple(times), stacked, tuple(starts))


def passing(
    path: bytes, fps: float, starts_s: tuple[float, ...], frames: int, at_once: int, height: int, width: int
) -> Iterator[Pictures]:
    """From each start the frames at `fps`, `frames` of them or with 0 all, `at_once` at a time, as `pictures` are.

    `starts` is (0,) where a run begins and () where it goes on. Memory is that of `at_once` frames, whatever the
    clip's length. Run it by `sandbox.stream`.
    """
    for start in starts_s:
        run = itertools.islice(each(path, fps, start), frames or None)
        begins: tuple[int, ...] = (0,)
        while some := [(time, _resized(planar, height, width)) for time, planar in itertools.islice(run, at_once)]:
            times, rgb = zip(*some, strict=True)
            yield Pictures(times, np.stack(rgb), begins)
            begins = ()


def _resized(planar: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """(3H/2, W) planar 4:2:0 -> (height, width, 3) RGB."""
    sandbox.step()
    return resized(
        np.asarray(cv2.cvtColor(np.ascontiguousarray(planar), cv2.COLOR_YUV2RGB_I420), np.uint8), height, width
    )


def resized(rgb: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """(H, W, 3) -> (height, width, 3): by area where it shrinks, else bilinear."""
    shrinks = rgb.shape[0] >= height and rgb.shape[1] >= width
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(small, np.uint8)
