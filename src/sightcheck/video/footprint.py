"""How does H.264 predict this clip? Intra, inter and skip macroblocks of every frame (thesis, section 5.2.2).

Two routes to the same counts: x264's own first-pass statistics of a canonical re-encode, and the macroblock types that
libav's H.264 decoder prints for a stream as it is.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import av
import numpy as np
from numpy.typing import NDArray

from sightcheck.errors import Damaged, NotMedia, OutputError
from sightcheck.media import Encoding, Sampling, encode, windows
from sightcheck.media.container import decode, opened

STATISTICS = re.compile(r"in:(\d+) .*?type:(\w) .*?tex:(\d+) mv:(\d+) misc:(\d+) imb:(\d+) pmb:(\d+) smb:(\d+)")
ROW = re.compile(r"^\[h264 @ 0x[0-9a-f]+\] +(\d+) ([PAiIdDgGSX<>][-+| ][= ].*)$", re.MULTILINE)
INTRA, SKIP = frozenset("PAiI"), frozenset("Sd")


@dataclass(frozen=True)
class Footprint:
    """Macroblocks of T frames in display order.

    `counts` (T, 3) int32: intra, inter, skip. `frame_types`: one of I, P, B per frame. `bits` (T,) int32 spent on each
    frame, zeros where unknown. `times_s` (T,). `encoder`: the settings and library that made the stream, or "as it is".
    """

    counts: NDArray[np.int32]
    frame_types: str
    bits: NDArray[np.int32]
    times_s: tuple[float, ...]
    encoder: str
    png: bytes = b""
    other_size: int = 0

    @property
    def fractions(self) -> NDArray[np.float64]:
        """(T, 3) in [0, 1]: each frame's share of intra, inter and skip macroblocks."""
        shares: NDArray[np.float64] = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        return shares


def measure(path: bytes, sampling: Sampling, encoding: Encoding) -> tuple[Footprint, ...]:
    """A clip -> the footprint of each of its windows, re-encoded canonically. Run it in the sandbox."""
    return tuple(
        recoded(window.yuv, encoding, window.times_s, window.png, window.other_size)
        for window in windows(path, sampling)
    )


def recoded(
    yuv: NDArray[np.uint8],
    encoding: Encoding,
    times_s: tuple[float, ...] = (),
    png: bytes = b"",
    other_size: int = 0,
) -> Footprint:
    """(T, 3H/2, W) uint8 planar 4:2:0 -> Footprint of one encode, counted by x264 itself."""
    with tempfile.TemporaryDirectory() as folder:
        statistics = os.path.join(folder, "x264")
        encode(yuv, encoding, statistics)
        with open(statistics, encoding="ascii") as file:
            rows = sorted((int(row[0]), row[1].upper(), *map(int, row[2:])) for row in STATISTICS.findall(file.read()))
    if [row[0] for row in rows] != list(range(len(yuv))):
        raise OutputError("could not be measured: the encoder's statistics are cut short; is the temporary disk full?")
    numbers = np.array([row[2:] for row in rows], np.int32)
    return Footprint(
        counts=numbers[:, 3:],
        frame_types="".join(row[1] for row in rows),
        bits=numbers[:, :3].sum(axis=1),
        times_s=times_s or tuple(number / encoding.fps for number in range(len(yuv))),
        encoder=f"libx264 {encoding.preset} CRF {encoding.crf}",
        png=png,
        other_size=other_size,
    )


def as_it_is(path: bytes, frames: int) -> Footprint:
    """The first frames of an H.264 file -> Footprint of its own stream, without re-encoding. Run it in the sandbox.

    libav prints macroblock types only to its log, so the log of this process goes to a file meanwhile: no callback
    into the interpreter, one decoding thread, nothing to deadlock. Frames whose grid is not whole are left out.
    Raises NotMedia for other codecs, Damaged when nothing could be counted.
    """
    with opened(path) as (container, stream), tempfile.TemporaryFile() as log:
        if stream.codec_context.name != "h264":
            raise NotMedia(f"is {stream.codec_context.name}; only an H.264 stream states its macroblock types")
        stream.codec_context.options = {"debug": "mb_type"}
        with _libav_log(log.fileno()):
            times = [frame.time or 0.0 for frame in islice(decode(container, stream), frames)]
        log.seek(0)
        grids = list(_grids(log.read().decode("ascii", "replace")))
    if not grids:
        raise Damaged("has no frame whose macroblocks could be counted")
    return Footprint(
        counts=np.array([counts for _, counts in grids[: len(times)]], np.int32),
        frame_types="".join(kind for kind, _ in grids[: len(times)]),
        bits=np.zeros(min(len(times), len(grids)), np.int32),
        times_s=tuple(times[: len(grids)]),
        encoder="as it is",
    )


@contextmanager
def _libav_log(handle: int) -> Iterator[None]:
    """Send libav's debug log to a file descriptor, from C to C."""
    kept = os.dup(2)
    os.dup2(handle, 2)
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.DEBUG)
    try:
        yield
    finally:
        av.logging.set_libav_level(av.logging.PANIC)
        os.dup2(kept, 2)
        os.close(kept)


def _grids(log: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """libav's log -> (frame type, (intra, inter, skip)) of every frame whose rows are all there and equally long."""
    for frame in log.split("New frame, type: ")[1:]:
        rows = ROW.findall(frame)
        cells = [[row[at] for at in range(0, len(row.rstrip("\r\n ")), 3)] for _, row in rows]
        if [int(y) for y, _ in rows] != list(range(0, 16 * len(rows), 16)) or len({len(row) for row in cells}) != 1:
            continue
        letters = [letter for row in cells for letter in row]
        intra, skip = sum(x in INTRA for x in letters), sum(x in SKIP for x in letters)
        yield frame[0], (intra, len(letters) - intra - skip, skip)
