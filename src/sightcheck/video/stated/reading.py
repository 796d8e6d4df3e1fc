"""What stands in this file beside its pictures? Container, tags, encoder, frame groups and times, read in one go."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from sightcheck import sandbox
from sightcheck.errors import InputError, OverLimit
from sightcheck.media.container import MAX_FRAMES, opened
from sightcheck.media.tags import MAX_TAGS, limited
from sightcheck.video.stated import boxes, encoder, gop, times
from sightcheck.video.stated.boxes import Anatomy
from sightcheck.video.stated.encoder import Encoder
from sightcheck.video.stated.gop import Groups
from sightcheck.video.stated.times import Steps


@dataclass(frozen=True)
class Inside:
    """What a file holds beside its pictures. `tags`: those of the container; `handlers`: the names of its tracks.

    `coded_by`: the encoder that the description of the pictures names, "" for none.
    """

    anatomy: Anatomy | None
    tags: tuple[tuple[str, str], ...]
    handlers: tuple[str, ...]
    coded_by: str
    encoders: tuple[Encoder, ...]
    groups: Groups
    steps: Steps


def read(path: bytes) -> Inside:
    """A video file -> Inside. Every packet is passed over, the first frames are decoded. Run it in the sandbox.

    Raises InputError.
    """
    with opened(path) as (container, stream):
        codec = stream.codec_context.codec.canonical_name
        try:
            types, quantisers = gop.beginning(container, stream)
        except InputError:
            types, quantisers = "", ()
    with opened(path) as (container, stream):
        known: dict[str, Encoder] = {}
        encoder.add(known, stream.codec_context.extradata or b"", None)
        keys, shown, decoded, hidden = _packets(container, stream, known)
        said = [(name, value) for name, value in container.metadata.items() if name != "xmp"]
        tags = [(limited(str(name)), limited(str(value))) for name, value in said]
        handlers = [limited(str(one.metadata.get("handler_name", ""))) for one in container.streams]
        coded_by = limited(str(stream.metadata.get("encoder", "")))
        tick = float(stream.time_base or 0)
        raw = container.format.name in ("h264", "hevc")
    return Inside(
        _anatomy(path),
        tuple(tags[:MAX_TAGS]),
        tuple(dict.fromkeys(filter(None, handlers))),
        coded_by,
        tuple(known.values()),
        gop.groups(keys, types, quantisers, codec),
        times.steps([] if raw else shown, decoded, tick, hidden),
    )


def _packets(
    container: InputContainer, stream: VideoStream, known: dict[str, Encoder]
) -> tuple[list[bool], list[int | None], list[int | None], int]:
    """Key frames in coding order, times of those shown and of decoding, how many are not shown; lines go to `known`."""
    keys: list[bool] = []
    shown: list[int | None] = []
    decoded: list[int | None] = []
    for packet in _demuxed(container, stream):
        sandbox.step()
        at = None if packet.pts is None else float(packet.pts * (stream.time_base or 0))
        encoder.add(known, memoryview(packet), at if at is not None else 0.0)
        keys.append(packet.is_keyframe)
        decoded.append(packet.dts)
        if not packet.is_discard:
            shown.append(packet.pts)
    return keys, shown, decoded, len(keys) - len(shown)


def _demuxed(container: InputContainer, stream: VideoStream) -> Iterator[Any]:
    """Packets that hold something, up to the end or to the first place that cannot be read."""
    try:
        for number, packet in enumerate(container.demux(stream)):
            if number > MAX_FRAMES:
                raise OverLimit(f"has more than {MAX_FRAMES} frames")
            if packet.size:
                yield packet
    except av.FFmpegError:
        return


def _anatomy(path: bytes) -> Anatomy | None:
    with open(path, "rb") as file:
        return boxes.anatomy(file, _container(file.read(512)))


def _container(head: bytes) -> str:
    from sightcheck.media import sniff

    return sniff(head) or ""
