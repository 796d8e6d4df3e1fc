"""Which pixels are measured? Windows of a clip: sampled by timestamp, upright, 8-bit 4:2:0, cropped."""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.media.container import opened, stated_fps
from sightcheck.media.reel import Reel, reel

T = TypeVar("T")


@dataclass(frozen=True)
class Sampling:
    """Which frames of a clip are measured: windows of `frames` frames, `fps` a second, cut out of the middle.

    `fps` None keeps every frame; otherwise the frame nearest to each tick is taken, never one twice, so a clip slower
    than `fps` keeps its own rate. `width` x `height` None keeps the whole picture; otherwise a centre crop of at most
    that size, without resampling. At most `windows` windows, spread over the whole clip. A clip too short for two is
    measured from a third of its length on: some generators open with real frames they were conditioned on. `first`:
    the windows follow each other from the first frame on instead.
    """

    frames: int = 24
    fps: float | None = 10.0
    width: int | None = 384
    height: int | None = 192
    windows: int = 12
    first: bool = False


@dataclass(frozen=True)
class Window:
    """`yuv` (T, 3H/2, W) uint8, planar 4:2:0 with the luma in the first H rows; `times_s` (T,); `png` a small still.

    `other_size` counts the sampled frames left out because the picture changes its size in mid-stream.
    """

    times_s: tuple[float, ...]
    yuv: NDArray[np.uint8]
    png: bytes
    other_size: int = 0

    @property
    def luma(self) -> NDArray[np.uint8]:
        """(T, H, W) uint8 view."""
        return self.yuv[:, : self.yuv.shape[1] * 2 // 3]


def windows(path: bytes, sampling: Sampling) -> Iterator[Window]:
    """Yield the windows of a clip in time order; memory is that of one window whatever the clip's length.

    Windows after the first are whole; the first holds what there is, down to one frame.
    """
    with reel(path) as clip:
        starts = _starts(clip, sampling)
        sampled = _sample(clip.timed(starts[0] or 0.0), sampling.fps)
        for number, start in enumerate(starts):
            if start is not None and number and clip.go_to(start):
                sampled = _sample(clip.timed(start), sampling.fps)
            window = _window(itertools.islice(sampled, sampling.frames), clip.aspect, sampling)
            if window is None or (number and len(window.times_s) < sampling.frames):
                return
            yield window
            sandbox.step((number + 1) / len(starts))


def each(path: bytes, fps: float | None, start_s: float = 0.0) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Each sampled frame of a clip from a time on: seconds since the start, (3H/2, W) planar 4:2:0, uncropped.

    Frames whose size is not that of the first are left out.
    """
    with opened(path) as (container, stream):
        clip = Reel(container, stream, most=0)
        if start_s:
            clip.go_to(start_s)  # what cannot seek is read up to it
        shape = None
        for time, frame in _sample(clip.timed(start_s), fps):
            picture = pack([plane[None] for plane in _upright(frame, clip.aspect)])[0]
            shape = shape or picture.shape
            if picture.shape == shape:
                yield time, picture


def sampled(times_s: NDArray[np.float64], fps: float | None) -> NDArray[np.float64]:
    """Times of all frames (n,) -> of those that are kept at so many a second."""
    return np.array([time for time, _ in _sample(((float(one), None) for one in times_s), fps)], np.float64)


def display_times(path: bytes) -> NDArray[np.float64]:
    """A file -> the time of each of its frames (T,) in display order, seconds since the start; nothing is decoded."""
    with opened(path) as (container, stream):
        origin, unit = stream.start_time or 0, float(stream.time_base or 0)
        stated: list[float] = []
        for number, packet in enumerate(container.demux(stream)):
            sandbox.step()
            if packet.size and not packet.is_discard:
                stated.append(number / stated_fps(stream) if packet.pts is None else (packet.pts - origin) * unit)
    return np.sort(np.array(stated, np.float64))


def crop(yuv: NDArray[np.uint8], sampling: Sampling) -> NDArray[np.uint8]:
    """(T, 3H/2, W) planar 4:2:0 -> the sampling's centre crop of it, in the same layout."""
    return pack(_crop(planes(yuv), sampling))


def shrunk(yuv: NDArray[np.uint8], short_side: int) -> NDArray[np.uint8]:
    """(T, 3H/2, W) planar 4:2:0 -> with a shorter side of at most `short_side` pixels, by area; 0 leaves it."""
    height, width = yuv.shape[1] * 2 // 3, yuv.shape[2]
    scale = short_side / min(height, width) if short_side else 1.0
    if scale >= 1:
        return yuv
    size = [max(2, round(side * scale / 2) * 2) for side in (width, height)]
    small = [
        np.stack([cv2.resize(picture, (size[0] // k, size[1] // k), interpolation=cv2.INTER_AREA) for picture in plane])
        for plane, k in zip(planes(yuv), (1, 2, 2), strict=True)
    ]
    return pack(small)


def planes(yuv: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """(T, 3H/2, W) planar 4:2:0 -> its Y (T, H, W), U and V (T, H/2, W/2)."""
    count, rows, width = yuv.shape
    height = rows * 2 // 3
    chroma = yuv[:, height:].reshape(count, 2, height // 2, width // 2)
    return [yuv[:, :height], chroma[:, 0], chroma[:, 1]]


def pack(separate: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Y (T, H, W), U and V (T, H/2, W/2) -> (T, 3H/2, W) planar 4:2:0."""
    count, height, width = separate[0].shape
    flat = np.concatenate([plane.reshape(count, -1) for plane in separate], axis=1)
    return flat.reshape(count, height * 3 // 2, width)


def _starts(clip: Reel, sampling: Sampling) -> list[float | None]:
    """Window starts in seconds: back to back when they fit, else spread evenly; None means 'go on from here'."""
    duration, rate = clip.duration_s, clip.rate
    length = sampling.frames / min(sampling.fps or rate, rate)
    if sampling.first:
        return [None] * sampling.windows
    if 0 < duration < 2 * length:
        return [max(0.0, min(duration / 3, duration - length - 1 / rate))]
    if duration <= length * sampling.windows:  # or unknown
        return [None] * sampling.windows
    return [float(start) for start in np.linspace(0, duration - length - 1 / rate, sampling.windows)]


def _sample(timed: Iterator[tuple[float, T]], fps: float | None) -> Iterator[tuple[float, T]]:
    """Keep the frame nearest to each tick of a clock of `fps`, none twice; every frame when `fps` is None."""
    if fps is None:
        yield from timed
        return
    before: tuple[float, T] | None = None
    tick: float | None = None
    for time, frame in timed:
        tick = time if tick is None else tick
        if before is not None and time >= tick and tick - before[0] < time - tick:
            yield before
            tick += max(1, math.floor((before[0] - tick) * fps) + 1) / fps
        before = (time, frame)
        if time >= tick:
            yield before
            before = None
            tick += max(1, math.floor((time - tick) * fps + 0.5) + 1) / fps
    if before is not None and tick is not None and before[0] >= tick - 0.5 / fps:
        yield before


def _window(sampled: Iterable[tuple[float, VideoFrame]], aspect: float, sampling: Sampling) -> Window | None:
    """Crop the sampled frames to one array; frames of another size than the first are left out and counted."""
    times: list[float] = []
    pictures: list[NDArray[np.uint8]] = []
    png, other_size = b"", 0
    for time, frame in sampled:
        picture = pack([plane[None] for plane in _crop(_upright(frame, aspect), sampling)])
        if pictures and picture.shape != pictures[0].shape:
            other_size += 1
            continue
        if not pictures:
            png = _still(frame, aspect)
        times.append(time)
        pictures.append(picture)
    if not pictures:
        return None
    return Window(tuple(times), np.concatenate(pictures), png, other_size)


def _upright(frame: VideoFrame, aspect: float) -> list[NDArray[np.uint8]]:
    """Frame -> its Y, U and V planes in 8-bit 4:2:0, in square pixels and upright, each side even."""
    if frame.format.name not in ("yuv420p", "yuvj420p") or aspect != 1:
        frame = frame.reformat(width=max(2, round(frame.width * aspect)), format="yuv420p")
    upright = []
    for number, plane in enumerate(frame.planes):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        half = [side // 2 * (1 if number else 2) for side in (frame.height, frame.width)]
        upright.append(np.rot90(rows[: half[0], : half[1]], frame.rotation // 90))
    return upright


def _crop(separate: list[NDArray[np.uint8]], sampling: Sampling) -> list[NDArray[np.uint8]]:
    """Centre crop of whole 16x16 macroblocks, on the macroblock grid; a side under 16 keeps what it has."""
    if sampling.width is None or sampling.height is None:
        return separate
    sides = []
    for side, most in zip(separate[0].shape[-2:], (sampling.height, sampling.width), strict=True):
        keep = min(most, side // 16 * 16 or side)
        sides.append(((side - keep) // 2 // 16 * 16, keep))
    (top, height), (left, width) = sides
    halved = [(top // k, height // k, left // k, width // k) for k in (1, 2, 2)]
    return [plane[..., t : t + h, x : x + w] for plane, (t, h, x, w) in zip(separate, halved, strict=True)]


def _still(frame: VideoFrame, aspect: float, width: int = 192) -> bytes:
    """Frame -> a small upright PNG to look at."""
    height = max(2, round(width * frame.height / (frame.width * aspect)))
    pixels = frame.reformat(width=width, height=min(height, 4 * width), format="rgb24").to_ndarray()
    upright = np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90), np.uint8)
    picture = VideoFrame.from_ndarray(upright, format="rgb24")
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = picture.width, picture.height, "rgb24"
    codec.time_base = Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*codec.encode(picture), *codec.encode(None)])
