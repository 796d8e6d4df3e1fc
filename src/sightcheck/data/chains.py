"""What happens to a clip on its way to a reader? Shrunk and encoded again: copies as the web makes them, random chains.

A chain that both members of a pair pass alike takes away what their encoders left, so that a detector can only learn
how the pictures were made. Copies are for testing: nothing is taught on them.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from av import CodecContext, VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.data import cache
from sightcheck.data.manifest import Item, sha256
from sightcheck.media import look, mp4, shrunk
from sightcheck.media.frames import each
from sightcheck.media.whole import HELD

Yuv = NDArray[np.uint8]
FPS = 10


@dataclass(frozen=True)
class Copy:
    """How a site passes a clip on: the shorter side, frames a second at most, x264's options."""

    short_side: int
    fps: float
    options: dict[str, str]


COPIES = {
    "small": Copy(240, 60.0, {"crf": "26", "preset": "medium", "x264-params": HELD}),
    "platform": Copy(
        480, 30.0, {"crf": "28", "preset": "veryfast", "x264-params": f"{HELD}:vbv-maxrate=1000:vbv-bufsize=2000"}
    ),
    "messenger": Copy(360, 25.0, {"crf": "30", "preset": "ultrafast", "profile": "baseline", "x264-params": HELD}),
}
"""A small copy, and two in the manner of video platforms (capped bit rate) and of messengers (baseline profile)."""
COPIED_S = 8.0
"""Seconds of a clip that are copied, from its start on."""


@dataclass(frozen=True)
class Chain:
    """Shrunk until the shorter side is `short_side` (0: not at all), then encoded once by `codec`, slowly enough.

    `quality` is the CRF of x264 and VP9 and the quantiser of MPEG-4.
    """

    short_side: int
    codec: str
    quality: int


_OPTIONS = {
    "libx264": {"preset": "veryfast", "x264-params": HELD},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "b": "0"},
    "mpeg4": {},
}
_DECODERS = {"libx264": "h264", "libvpx-vp9": "vp9", "mpeg4": "mpeg4"}


def drawn(seed: int) -> Chain:
    """A random chain: x264 at CRF 15 to 35 (7 in 10), VP9 or MPEG-4, half of them shrunk to 240 to 360 lines."""
    draw = np.random.default_rng(seed)
    codec = str(draw.choice(list(_OPTIONS), p=(0.7, 0.15, 0.15)))
    low, high = {"libx264": (15, 36), "libvpx-vp9": (20, 46), "mpeg4": (2, 9)}[codec]
    side = int(draw.integers(120, 181)) * 2 if draw.random() < 0.5 else 0
    return Chain(side, codec, int(draw.integers(low, high)))


def passed(yuv: Yuv, chain: Chain) -> Yuv:
    """(T, 3H/2, W) planar 4:2:0 -> the frames as they come out of the chain, smaller where it shrinks them."""
    return transcoded(shrunk(yuv, chain.short_side), chain)


def transcoded(yuv: Yuv, chain: Chain) -> Yuv:
    """(T, 3H/2, W) -> the frames after one encode and decode, one thread."""
    encoder = cast(VideoCodecContext, CodecContext.create(chain.codec, "w"))
    encoder.width, encoder.height, encoder.pix_fmt = yuv.shape[2], yuv.shape[1] * 2 // 3, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.thread_count = Fraction(1, FPS), Fraction(FPS), 1
    quality = ("qmin", "qmax") if chain.codec == "mpeg4" else ("crf",)
    encoder.options = {**_OPTIONS[chain.codec], **dict.fromkeys(quality, str(chain.quality))}
    packets = []
    for number, picture in enumerate(yuv):
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base, frame.pict_type = number, encoder.time_base, PictureType.NONE
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = cast(VideoCodecContext, CodecContext.create(_DECODERS[chain.codec], "r"))
    decoder.thread_count, decoder.extradata = 1, encoder.extradata
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return np.stack([frame.to_ndarray() for frame in frames]).astype(np.uint8)


def copied(item: Item, name: str) -> Item:
    """A clip -> its copy of that name in COPIES, made once and kept. Raises InputError, OutputError."""
    source = item.sha256 or sha256(Path(item.path))
    made = cache.folder("copies") / f"{cache.key(source, name, code=('media', 'data/chains.py'))}.mp4"
    if not made.exists():
        cache.put(made, sandbox.run(copy, os.fsencode(item.path), name))
    return replace(item, path=str(made), sha256=sha256(made))


def copy(path: bytes, name: str) -> bytes:
    """A clip -> the bytes of its copy, an MP4. Raises InputError. Run it in the sandbox."""
    how, written = COPIES[name], io.BytesIO()
    fps = min(how.fps, look(path).fps or how.fps)
    mp4.write(written, _pictures(path, how), fps, how.options)
    return written.getvalue()


def _pictures(path: bytes, how: Copy) -> Iterator[tuple[int, Yuv]]:
    """The frames of a copy, counted from 0."""
    for number, (time, picture) in enumerate(each(path, how.fps)):
        if time >= COPIED_S:
            return
        yield number, shrunk(picture[None], how.short_side)[0]
