"""Was this file cut off, and how much of it is missing?"""

import os
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

MOST_PARTS = 100_000
"""Boxes or chunks that are gone through; hours of fragments are under it."""
UNKNOWN_RIFF = 0xFFFFFFFF
SEGMENT = b"\x18\x53\x80\x67"
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
    names, _ = _boxes(file)
    cut = bytes_missing(file, "mov")
    if not names or (b"moov" in names and not cut):
        return ""
    lost = "" if b"moov" in names else "its index (moov) is missing, without which no frame can be found"
    return f"cannot be opened ({'; '.join(filter(None, (cut or 'truncated', lost)))}); give a whole copy"


def bytes_missing(file: BinaryIO, container: str) -> str:
    """An open file and libav's name of its container -> how much it lacks of what it states; "" for all, or unknown.

    MP4, AVI and Matroska state how long their parts are; MPEG-TS, GIF and raw streams do not.
    """
    size = os.fstat(file.fileno()).st_size
    ends = {"mov": lambda: _boxes(file)[1], "avi": lambda: _riff(file), "matroska": lambda: _segment(file)}
    name = container.split(",")[0]
    end = ends[name]() if name in ends else 0
    return f"truncated: at least {end - size:,} of {end:,} bytes are missing" if end > size else ""


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places of an MP4, in order -> (name, where its contents begin, where it says that it ends).

    The last one may end beyond `end`; a nameless one at its place stands for bytes that are no box. At most 100,000.
    """
    at = start
    for _ in range(MOST_PARTS):
        if at + 8 > end:
            return
        file.seek(at)
        head = file.read(16)
        length, name, size = int.from_bytes(head[:4], "big"), head[4:8], 8
        if length == 1:
            length, size = int.from_bytes(head[8:16], "big"), 16
        if length == 0:
            length = end - at
        if length < 8 or not name.removeprefix(b"\xa9").isascii() or not name.decode("latin-1").isprintable():
            yield b"", at, at
            return
        yield name, at + size, at + length
        at += length


def _boxes(file: BinaryIO) -> tuple[list[bytes], int]:
    """The names of an MP4's boxes and where the last one ends; none and 0 where they are no boxes."""
    found = list(boxes(file, 0, os.fstat(file.fileno()).st_size))
    if not found or not found[-1][0]:  # something else lies behind
        return [], 0
    return [name for name, _, _ in found], found[-1][2]


def _riff(file: BinaryIO) -> int:
    """Where the last RIFF chunk of an AVI ends; long ones have several."""
    size = os.fstat(file.fileno()).st_size
    at = 0
    for _ in range(MOST_PARTS):
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or length in (0, UNKNOWN_RIFF):
            break
        at += 8 + length + length % 2
        if at >= size:
            break
    return at


def _segment(file: BinaryIO) -> int:
    """Where a Matroska file's segment ends, 0 where its length is not stated, as in a live recording."""
    file.seek(0)
    head = file.read(256)
    at = 4
    header, width = vint(head, at)
    at += width + header
    if head[at : at + 4] != SEGMENT:
        return 0
    length, width = vint(head, at + 4)
    return at + 4 + width + length if length != (1 << 7 * width) - 1 else 0


def vint(data: bytes, at: int) -> tuple[int, int]:
    """A number of Matroska at a place in some bytes -> it, and how many bytes it takes; (0, 0) where there is none."""
    if at >= len(data) or not data[at]:
        return 0, 0
    width = 9 - data[at].bit_length()
    return int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1), width
