"""How would H.264 code these frames? The only encoder: x264 in one fixed setting."""

import platform
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from sightcheck import sandbox


@dataclass(frozen=True)
class Encoding:
    """Settings of the canonical encode: RAW, HQ and LQ of the thesis are CRF 0, 23 and 40.

    One thread, no scene cuts and one key frame: two threads alone move up to .37 of a frame's blocks. On x86 the
    instruction set is held at SSE4.2: with AVX-512, x264's macroblock tree gave up to ten different streams in ten
    encodes of one 480x352 clip.
    """

    crf: int = 23
    preset: str = "medium"
    fps: int = 25

    @property
    def rate(self) -> Fraction:
        """Nominal frame rate."""
        return Fraction(self.fps)

    def x264(self, statistics: str | None) -> str:
        """The encoder's own parameter string."""
        fixed = "threads=1:scenecut=0:keyint=100000"
        if platform.machine() in ("x86_64", "AMD64"):
            fixed += ":asm=SSE4.2"
        return fixed if statistics is None else f"pass=1:stats={statistics}:{fixed}"


def encode(yuv: NDArray[np.uint8], settings: "Encoding", statistics: str | None = None) -> list[bytes]:
    """(T, 3H/2, W) uint8 planar 4:2:0 -> the H.264 packets of one x264 encode, in coding order.

    `statistics`: a path without ':' where x264 writes its own per-frame counts (its first-pass file).
    """
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = yuv.shape[2], yuv.shape[1] * 2 // 3
    codec.pix_fmt, codec.time_base, codec.framerate = "yuv420p", 1 / settings.rate, settings.rate
    codec.thread_count = 1
    codec.options = {
        "preset": settings.preset,
        "crf": str(settings.crf),
        "x264-params": settings.x264(statistics),
    }
    packets = []
    for number, picture in enumerate(yuv):
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base, frame.pict_type = number, codec.time_base, PictureType.NONE
        packets += [bytes(packet) for packet in codec.encode(frame)]
        sandbox.step()
    return packets + [bytes(packet) for packet in codec.encode(None)]


def recode(yuv: NDArray[np.uint8], settings: Encoding) -> NDArray[np.uint8]:
    """(T, 3H/2, W) uint8 planar 4:2:0 -> the same frames after one encode and decode."""
    codec = av.CodecContext.create("h264", "r")
    codec.thread_count = 1
    packets = [av.Packet(data) for data in encode(yuv, settings)]
    frames = [frame for packet in [*packets, None] for frame in codec.decode(packet)]
    return np.stack([frame.to_ndarray() for frame in frames]).astype(np.uint8)
