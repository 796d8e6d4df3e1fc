"""Which encoder made the pictures, and with what settings? What x264, x265 and FFmpeg's encoders write into a stream.

x264 and x265 write one line of all their settings as user data (SEI, ITU-T H.264 D.1.7, payload type 5): x264 where its
encoding begins, x265 in its headers. FFmpeg's own encoders and Xvid write their version as user data of MPEG-4.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

LINE = re.compile(rb"x264 - core \d[ -~]{0,3000}|x265 \(build \d[ -~]{0,6000}|Lavc\d+\.\d+\.\d+|XviD\d{4}")
SEARCHED = 16_384
"""Bytes at the head of each packet in which a line is looked for: user data comes before the pictures."""
MOST = 16
"""Different lines of one stream that are kept."""
TOLD = ("keyint", "keyint_min", "min-keyint", "scenecut", "bframes", "ref", "me", "subme", "trellis", "rc_lookahead",
        "rc-lookahead", "mbtree", "threads")  # fmt: skip
"""Settings by which presets differ, and those of key frames, as x264 and x265 name them."""


@dataclass(frozen=True)
class Encoder:
    """A line that an encoder wrote of itself: `times` it stands there, first at `first_s` (None: in the header).

    `name` and `version` as it gives them; `settings` by its own names, empty where it tells none.
    """

    line: str
    name: str
    version: str
    settings: tuple[tuple[str, str], ...]
    first_s: float | None
    times: int = 1


def add(known: dict[str, Encoder], data: bytes | memoryview, at_s: float | None) -> None:
    """Lines in the head of a packet, or of the stream's header (`at_s` None), go to those already known."""
    for found in LINE.finditer(bytes(data[:SEARCHED])):
        line = found[0].decode("ascii").strip()
        if line in known:
            known[line] = replace(known[line], times=known[line].times + (at_s is not None))
        elif len(known) < MOST:
            known[line] = _read(line, at_s)


def _read(line: str, at_s: float | None) -> Encoder:
    head, _, options = line.partition("options: ")
    settings = tuple((key, value) for key, found, value in (one.partition("=") for one in options.split()) if found)
    if line.startswith("x264"):
        name, version = "x264", head.split(" - ")[1].strip()
    elif line.startswith("x265"):
        name, version = "x265", head.split(" - ")[1].split(":")[0].strip() if " - " in head else ""
    else:
        name, version = re.split(r"(?=\d)", line, maxsplit=1)
        name = {"Lavc": "FFmpeg's own encoder", "XviD": "Xvid"}[name]
    return Encoder(
        line, name, version, tuple((key, value) for key, value in settings), at_s, int(at_s is not None) or 1
    )


def quality(one: Encoder) -> str:
    """How an encoder was told to spend bits: `CRF 23`, `1000 kbit/s on average`, `QP 20`; "" where it does not say."""
    said = dict(one.settings)
    if said.get("qp") and said.get("rc") in ("cqp", None):
        return f"QP {said['qp']}"
    if "crf" in said:
        return f"CRF {_short(said['crf'])}"
    kind = {"2pass": "on average, in two passes", "cbr": "constant"}.get(said.get("rc", ""), "on average")
    return f"{said['bitrate']} kbit/s {kind}" if "bitrate" in said else ""


def _short(number: str) -> str:
    return re.sub(r"\.0+$", "", number)


def preset(one: Encoder) -> str:
    """The settings by which presets differ, as the encoder names them."""
    said = dict(one.settings)
    return ", ".join(f"{key}={said[key]}" for key in TOLD if key in said)


def joined(found: Iterable[Encoder]) -> str:
    """What several lines mean, in one sentence; "" for one or none.

    x264 writes its line once an encoding, with its first picture (x264, encoder/encoder.c).
    """
    lines = list(found)
    if len({one.line for one in lines}) > 1:
        return "its parts were encoded with different settings, or by different versions, and joined"
    if any(one.name == "x264" and one.times > 1 for one in lines):
        return "x264's line stands more than once: parts encoded alike were joined, or a program repeated the header"
    return ""
