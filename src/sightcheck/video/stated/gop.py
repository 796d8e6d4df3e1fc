"""How are the frames grouped, and how coarsely are they quantised? Key frames, frame types, quantisers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from av.container import InputContainer
from av.sidedata.encparams import VideoEncParams
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from sightcheck.media.container import decode

DECODED = 60
"""Frames at the beginning whose types and quantisers are read."""
TYPES = {PictureType.I: "I", PictureType.P: "P", PictureType.B: "B"}
PATTERN = 32
SCALES = {"h264": "0 to 51", "vp9": "0 to 255"}
"""Codecs whose quantisers libav tells on a scale of their own, and between what they lie."""


@dataclass(frozen=True)
class Quantiser:
    """Of all blocks of the frames of one type: mean and extremes of the frames' means."""

    frame_type: str
    frames: int
    mean: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Groups:
    """`intervals`: frames from each key frame to the next, in coding order, and `tail` from the last one to the end.

    `types`: I, P, B, or ? of the first frames in display order; `quantisers` of those, none where they are unknown, on
    a scale of `scale`.
    """

    keys: int
    intervals: tuple[int, ...]
    tail: int
    types: str
    quantisers: tuple[Quantiser, ...]
    scale: str


def groups(keys: Sequence[bool], types: str, quantisers: tuple[Quantiser, ...], codec: str) -> Groups:
    """Which packets are key frames, in coding order, and what was decoded of the first ones -> Groups."""
    at = np.flatnonzero(np.array(keys, bool))
    intervals = tuple(int(step) for step in np.diff(at))
    tail = len(keys) - int(at[-1]) if len(at) else len(keys)
    scale = SCALES.get(codec, "")
    return Groups(len(at), intervals[:10_000], tail, types, quantisers if scale else (), scale)


def beginning(container: InputContainer, stream: VideoStream) -> tuple[str, tuple[Quantiser, ...]]:
    """Types and quantisers of the first frames of a stream that was just opened."""
    stream.codec_context.options = {"export_side_data": "venc_params"}
    types, found = "", []
    for frame in decode(container, stream):
        types += TYPES.get(PictureType(frame.pict_type), "?")
        value = _quantiser(frame)
        if value is not None:
            found.append((types[-1], value))
        if len(types) == DECODED:
            break
    return types, tuple(_of_type(kind, [value for one, value in found if one == kind]) for kind in sorted(
        {kind for kind, _ in found}, key="IPB?".index))  # fmt: skip


def _quantiser(frame: VideoFrame) -> float | None:
    """The mean over the blocks of a frame, None where libav tells none."""
    told = next((one for one in frame.side_data if isinstance(one, VideoEncParams)), None)
    if told is None:
        return None
    return float(told.qp_map().mean()) if told.nb_blocks else float(told.qp)


def _of_type(kind: str, values: Sequence[float]) -> Quantiser:
    return Quantiser(kind, len(values), *(round(float(one), 2) for one in (np.mean(values), min(values), max(values))))


def interval(found: Groups) -> str:
    """How far apart key frames lie, in a few words."""
    frames = sum(found.intervals) + found.tail
    if not found.keys:
        return "no frame is marked as a key frame"
    if found.keys == frames:
        return "every frame is a key frame"
    if not found.intervals:
        return "only the first frame is a key frame"
    least, most = min(found.intervals), max(found.intervals)
    if least == most and found.tail <= most:
        return f"key frames stand every {most} frames"
    return f"key frames stand {least} to {max(most, found.tail)} frames apart"


def pattern(found: Groups) -> str:
    """Frame types as they are shown, `IBBBP...`, and how many of them are B-frames; "" where none was decoded."""
    if not found.types.strip("?"):
        return ""
    share = found.types.count("B") / len(found.types)
    told = found.types[:PATTERN] + ("..." if len(found.types) > PATTERN else "")
    return f"{told} ({share:.0%} B-frames)" if share else f"{told} (no B-frames)"


def quantisers(found: Groups) -> str:
    """`I 20.1, P 23.5 (22.0 to 25.1), B 26.0`; "" where none is known."""
    return ", ".join(
        f"{one.frame_type} {one.mean:.1f}" + (f" ({one.lowest:.1f} to {one.highest:.1f})" if one.frames > 1 else "")
        for one in found.quantisers
    )
