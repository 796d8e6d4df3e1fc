"""How is the container built? The boxes of an MP4 in order, brands, tracks and edit lists; a Matroska file's head.

ISO/IEC 14496-12 (boxes), Apple's QuickTime File Format (user data, metadata), RFC 9559 (Matroska). What files differ in
here is told by Gloe, Fischer and Kirchner, "Forensic analysis of video file formats" (2014).
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from sightcheck import sandbox
from sightcheck.media.truncation import boxes, vint

MOST_BOXES = 200_000
"""Boxes of one file that are gone through, at all depths."""
LONGEST = 4096
"""Bytes of a box, and of a Matroska file's head, that are read."""
MOST_EDITS, MOST_TRACKS, MOST_SHOWN = 16, 32, 40
INSIDE = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"meta", b"mvex"}
"""Boxes whose contents are boxes that are told."""
DOCTYPE, SEGMENT, INFO, MUXER, WRITER = 0x4282, 0x18538067, 0x1549A966, 0x4D80, 0x5741
"""Elements of Matroska by their number in RFC 9559."""


@dataclass(frozen=True)
class Edit:
    """A stretch that is shown: for `duration_s`, from `start_s` of the track on (None: nothing is shown), `rate` times
    as fast."""

    duration_s: float
    start_s: float | None
    rate: float


@dataclass(frozen=True)
class Track:
    """`handler`: vide, soun and the like; `name`: what its writer called it; `boxes`: those of the track in order."""

    handler: str
    name: str
    edits: tuple[Edit, ...]
    boxes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Anatomy:
    """`brands`: the major one, its version, the compatible ones. `top`: the boxes of the file in order, `inner` those
    of its index. `apps`: a Matroska file's muxing and writing program. `damage`: what could not be read, or ""."""

    brands: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    tracks: tuple[Track, ...] = ()
    doctype: str = ""
    apps: tuple[str, ...] = ()
    damage: str = ""


@dataclass(frozen=True)
class Box:
    """`path`: the names of the boxes around it and its own; its contents lie in [start, end)."""

    path: tuple[str, ...]
    start: int
    end: int


def anatomy(file: BinaryIO, container: str) -> Anatomy | None:
    """An open file and libav's name of its container -> how it is built; None for containers that are not read here."""
    if container.startswith("mov"):
        return _of_mp4(file)
    return _of_matroska(file) if container.startswith("matroska") else None


def _of_mp4(file: BinaryIO) -> Anatomy:
    found: list[Box] = []
    damage = ""
    for box in _walk(file, 0, os.fstat(file.fileno()).st_size, ()):
        if not box.path[-1] or len(found) == MOST_BOXES:
            damage = damage or f"at byte {box.start:,}: something else than a box"
            if len(found) == MOST_BOXES:
                damage = f"it has more than {MOST_BOXES:,} boxes: the first are told"
                break
            continue
        found.append(box)
    top = [box.path[0] for box in found if len(box.path) == 1]
    inner = [box.path[1] for box in found if len(box.path) == 2 and box.path[0] == "moov"]
    return Anatomy(_brands(file, found), runs(top), runs(inner), tuple(_tracks(file, found)), damage=damage)


def _walk(file: BinaryIO, start: int, end: int, path: tuple[str, ...]) -> Iterator[Box]:
    """Boxes and what lies inside, each before its contents; as deep as INSIDE nests and never deeper than eight."""
    for name, at, stop in boxes(file, start, end):
        sandbox.step()
        here = (*path, name.decode("latin-1"))
        yield Box(here, at, min(stop, end))
        if name in INSIDE and len(path) < 7:
            yield from _walk(file, at + (_versioned(file, at) if name == b"meta" else 0), min(stop, end), here)


def _versioned(file: BinaryIO, at: int) -> int:
    """How long the version of a meta box is: QuickTime's has none, and its handler follows at once."""
    file.seek(at)
    return 0 if file.read(8)[4:] == b"hdlr" else 4


def _contents(file: BinaryIO, box: Box) -> bytes:
    file.seek(box.start)
    return file.read(max(0, min(box.end - box.start, LONGEST)))


def _brands(file: BinaryIO, found: Sequence[Box]) -> tuple[str, ...]:
    """The major brand, its version and the compatible ones, of which zeros are left out."""
    for box in found:
        if box.path == ("ftyp",):
            data = _contents(file, box)
            names = [data[at : at + 4].decode("latin-1") for at in range(8, min(len(data), 8 + 4 * MOST_SHOWN) - 3, 4)]
            minor = str(int.from_bytes(data[4:8], "big"))
            return (data[:4].decode("latin-1"), minor, *(name for name in names if name.strip("\0")))
    return ()


def _tracks(file: BinaryIO, found: Sequence[Box]) -> Iterator[Track]:
    """The tracks of an MP4 in order."""
    clock = next((_timescale(_contents(file, box)) for box in found if box.path == ("moov", "mvhd")), 0)
    starts = [at for at, box in enumerate(found) if box.path == ("moov", "trak")]
    for first, after in zip(starts[:MOST_TRACKS], [*starts[1:], len(found)], strict=False):
        inside: dict[tuple[str, ...], Box] = {}
        for box in found[first + 1 : after]:
            if box.path[:2] == ("moov", "trak"):
                inside.setdefault(box.path[2:], box)
        one = {path: _contents(file, box) for path, box in inside.items() if path in WANTED}
        order = [path[0] for path in inside if len(path) == 1]
        handler, name = _handler(one.get(("mdia", "hdlr"), b""))
        edits = _edits(one.get(("edts", "elst"), b""), clock, _timescale(one.get(("mdia", "mdhd"), b"")))
        yield Track(handler, name, tuple(edits), runs(order))


WANTED = (("mdia", "hdlr"), ("mdia", "mdhd"), ("edts", "elst"))


def _timescale(data: bytes) -> int:
    """A header of movie or media -> ticks a second, 0 where it is too short."""
    at = 20 if data[:1] == b"\1" else 12
    return int.from_bytes(data[at : at + 4], "big")


def _handler(data: bytes) -> tuple[str, str]:
    """A handler box -> its type and its name: text, or QuickTime's with its length in front."""
    name = data[24:]
    if name[:1] and name[0] == len(name.rstrip(b"\0")) - 1:
        name = name[1:]
    text = name.split(b"\0")[0].decode("utf-8", "replace").strip()
    return data[8:12].decode("latin-1"), text


def _edits(data: bytes, clock: int, media_clock: int) -> Iterator[Edit]:
    """An edit list, ticks a second of the movie and of its track -> its stretches."""
    wide = data[:1] == b"\1"
    size, half = (20, 8) if wide else (12, 4)
    count = min(int.from_bytes(data[4:8], "big"), MOST_EDITS, max(0, len(data) - 8) // size)
    for at in range(8, 8 + count * size, size):
        duration = int.from_bytes(data[at : at + half], "big")
        start = int.from_bytes(data[at + half : at + 2 * half], "big", signed=True)
        rate = int.from_bytes(data[at + 2 * half : at + 2 * half + 4], "big", signed=True) / 65536
        yield Edit(
            duration / clock if clock else 0.0, start / media_clock if start >= 0 and media_clock else None, rate
        )


def runs(names: Sequence[str]) -> tuple[str, ...]:
    """Names in order -> the same, told shorter: `moof, mdat, moof, mdat` is `moof mdat x2`; at most 40, then "..."."""
    told: list[str] = []
    at = 0
    while at < len(names) and len(told) < MOST_SHOWN:
        several = [(length, times) for length in (1, 2, 3) if (times := _repeats(names, at, length)) > 1]
        length, times = max(several, key=lambda one: one[0] * one[1], default=(1, 1))
        told.append(" ".join(names[at : at + length]) + (f" x{times}" if times > 1 else ""))
        at += length * times
    return (*told, *(["..."] if at < len(names) else []))


def _repeats(names: Sequence[str], at: int, length: int) -> int:
    """How many times in a row the next `length` names come."""
    one, times = names[at : at + length], 0
    while len(one) == length and names[at + times * length : at + (times + 1) * length] == one:
        times += 1
    return times


def _of_matroska(file: BinaryIO) -> Anatomy:
    """The document type and the programs that the head of a Matroska or WebM file names."""
    file.seek(0)
    head = file.read(LONGEST * 16)
    found = dict(_elements(head, 0, len(head), 3))
    text = {name: found.get(name, b"").split(b"\0")[0].decode("utf-8", "replace") for name in (DOCTYPE, MUXER, WRITER)}
    return Anatomy(doctype=text[DOCTYPE], apps=tuple(dict.fromkeys(filter(None, (text[MUXER], text[WRITER])))))


def _elements(data: bytes, at: int, end: int, depth: int) -> Iterator[tuple[int, bytes]]:
    """Elements of Matroska with their contents, looked for in header, segment and information alone."""
    while at < end and depth:
        width = 9 - data[at].bit_length() if data[at] else 9
        name, (length, wide) = int.from_bytes(data[at : at + width], "big"), vint(data, at + width)
        if width > 4 or not wide:
            return
        at += width + wide
        if name in (0x1A45DFA3, SEGMENT, INFO):
            stop = end if length == (1 << 7 * wide) - 1 else min(at + length, end)
            yield from _elements(data, at, stop, depth - 1)
        elif name in (DOCTYPE, MUXER, WRITER):
            yield name, data[at : min(at + length, end, at + 200)]
        at += length
