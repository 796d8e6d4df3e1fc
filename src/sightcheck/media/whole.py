"""What is in every frame of a clip, and how does the clip look after another encode? For experiments on whole files."""

import io
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sightcheck.media import mp4
from sightcheck.media.container import decode, opened, pixel_aspect, stated_fps
from sightcheck.media.encode import Encoding
from sightcheck.media.frames import _upright, pack

CLOCK = Fraction(1, 90_000)


def every(path: bytes, most: int = 0) -> Iterator[tuple[float | None, NDArray[np.uint8]]]:
    """A clip -> (time in s, (3H/2, W) uint8 upright planar 4:2:0) of each frame, at most `most` unless 0.

    Frames of another size than the first are left out.
    """
    with opened(path) as (container, stream):
        shape, given = None, 0
        for number, frame in enumerate(decode(container, stream)):
            picture = pack([plane[None] for plane in _upright(frame, pixel_aspect(stream))])[0]
            shape = shape or picture.shape
            if picture.shape == shape:
                given += 1
                yield (number / stated_fps(stream) if frame.time is None else frame.time), picture
            if most and given == most:
                return


def reencoded(path: bytes, crf: int) -> bytes:
    """A clip -> the bytes of an MP4 of all its frames at their times, x264 at this CRF. Raises InputError.

    Preset, key frames and scene cuts are x264's own, as in the thesis (3.2.1, 4.2.2); one thread and the instruction
    set are held, so that one clip gives one file. Sound is left out. Run it in the sandbox.
    """
    with opened(path) as (_, stream):
        fps = stated_fps(stream)
    written = io.BytesIO()
    options = {"preset": "medium", "crf": str(crf), "x264-params": HELD}
    mp4.write(written, _timed(path), fps, options, CLOCK)
    return written.getvalue()


def _timed(path: bytes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Every frame with its time in ticks of CLOCK, each later than the one before."""
    last = -1
    for time, picture in every(path):
        last = max(last + 1, round((time or 0.0) / CLOCK))
        yield last, picture


HELD = ":".join(one for one in Encoding().x264(None).split(":") if one.split("=")[0] in ("threads", "asm"))
