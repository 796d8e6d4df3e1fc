"""Was this file cut off, and how much of it is missing?"""

import os
from typing import BinaryIO

import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

LEAST = 0.02
"""Share of the stated frames under which none are called missing: edit lists and rounding leave out a few."""


def frames_missing(stream: VideoStream, times: NDArray[np.float64]) -> str:
    """A stream and the times of its frames that are there (n,) s -> the sentence that says how much is not; "" for all.

    The index of an MP4 states how many frames and seconds there should be.
    """
    stated, there = stream.frames, len(times)
    if "mov" not in stream.container.format.name or not stated or stated - there <= max(1, LEAST * stated):
        return ""
    total = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    last = float(times[-1] - times[0] + np.median(np.diff(times))) if there > 1 else 0.0
    if total and total - last < LEAST * total:  # an edit list leaves frames out, the clip is whole
        return ""
    seconds = f", the last {total - last:.1f} of {total:.1f} s" if total else ""
    return f"truncated: {stated - there:,} of {stated:,} frames are missing{seconds}"


def index_missing(file: BinaryIO) -> str:
    """An MP4 that cannot be opened -> the sentence that says what is missing of it; "" where its boxes do not tell."""
    size = os.fstat(file.fileno()).st_size
    at = 0
    names: list[bytes] = []
    while at + 8 <= size and len(names) < 1000:
        file.seek(at)
        head = file.read(16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:
            length = size - at
        if length < 8 or not name.isascii():
            return ""
        names.append(name)
        at += length
    if b"moov" in names and at <= size:
        return ""
    lost = "" if b"moov" in names else "its index (moov) is missing, without which no frame can be found"
    cut = f"at least {at - size:,} of {at:,} bytes are missing" if at > size else ""
    return f"cannot be opened (truncated: {'; '.join(filter(None, (cut, lost)))}); give a whole copy"
