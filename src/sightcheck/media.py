"""What is in this file? The only decoder and the only encoder.

Everything here runs on files nobody vouches for, so callers reach it through `sandbox.run`. Containers are told by
their first bytes, never by name; libav gets an open file and no way to open another.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.errors import Damaged, NotAFile, NotMedia, OverLimit

MAX_PIXELS = 8192 * 4320
MAX_FRAMES = 2_000_000
MAX_DURATION_S = 24 * 3600.0

DECODERS = frozenset(
    "h264 hevc vp8 vp9 av1 libdav1d libvpx libvpx-vp9 mpeg1video mpeg2video mpeg4 h263 mjpeg gif prores ffv1".split()
)


@dataclass(frozen=True)
class Clip:
    """A video file: its identity and what it says of itself. Sizes are upright, in square pixels.

    `fps` is the mean rate of the timestamps, 0 where there are fewer than two frames; `timestamps` is False for raw
    streams, whose times are counted at the stated rate. `tags` are the file's own claims, unverified.
    """

    path: str
    sha256: str
    size_bytes: int
    container: str
    codec: str
    profile: str
    pixel_format: str
    width: int
    height: int
    rotation_deg: int
    sample_aspect: str
    frames: int
    duration_s: float
    fps: float
    variable_frame_rate: bool
    interlaced: bool
    timestamps: bool
    bit_rate: float
    tags: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
