"""What wrote this file, as far as known patterns tell? Every pattern with its source stands in writers.csv."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sightcheck.errors import BrokenInstallation

TABLE = Path(__file__).with_name("writers.csv")
PLACES = ("encoder", "software", "handler", "brands", "codec", "key", "text")
LAST = ("encoder", "brands", "handler")
"""Where the program that wrote the container last says so, the surest first: tracks keep their names when a file is
written anew, and so do other tags."""
AMBIGUOUS = "FFmpeg or others"
"""The kind of a pattern that several writers leave: it is told, and names nobody."""
ENCODER = re.compile(r"^(?:encoder|encoded_by|tool|©too|encoding_tool|software|XMP .*CreatorTool)$", re.IGNORECASE)
SOFTWARE = re.compile(r"\.software$", re.IGNORECASE)
MAKE, MODEL = re.compile(r"(?:\.|^)(?:make|manufacturer)$", re.IGNORECASE), re.compile(r"(?:\.|^)model$", re.IGNORECASE)
TEXTS = re.compile(r"^(?:comment|description|title|copyright)\b", re.IGNORECASE)

Fact = tuple[str, str]  # where, as in PLACES, and what stands there


@dataclass(frozen=True)
class Pattern:
    """What is looked for where, and whom it gives away."""

    where: str
    pattern: re.Pattern[str]
    kind: str
    who: str
    source: str


@dataclass(frozen=True)
class Writer:
    """A program or device that left `text` at `where`; `kind` and `who` are "" where no pattern knows it."""

    where: str
    text: str
    kind: str = ""
    who: str = ""
    source: str = ""


@cache
def patterns() -> tuple[Pattern, ...]:
    """The table, read once. Raises BrokenInstallation."""
    try:
        lines = [line for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
        rows = list(csv.DictReader(lines))
        return tuple(_pattern(**row) for row in rows)
    except (OSError, KeyError, TypeError, re.error) as error:
        raise BrokenInstallation(f"the table {TABLE} cannot be read ({error}): install sightcheck anew") from None


def _pattern(where: str, pattern: str, kind: str, who: str, source: str) -> Pattern:
    return Pattern(where, re.compile(pattern), kind, who, source)


def facts(
    tags: Iterable[tuple[str, str]], brands: Sequence[str], handlers: Iterable[str], codec: str
) -> Iterator[Fact]:
    """Tags of the container, its brands, names of its tracks, the encoder that the pictures' description names."""
    for name, value in tags:
        yield "key", name
        for where, named in (("encoder", ENCODER), ("software", SOFTWARE), ("text", TEXTS)):
            if named.search(name):
                yield where, value
    yield "brands", " ".join(brands)
    yield from (("handler", name) for name in handlers)
    yield "codec", codec


def writers(found: Iterable[Fact]) -> tuple[Writer, ...]:
    """Facts of a file -> whom they give away, in the order of PLACES; programs that no pattern knows among them."""
    named = dict.fromkeys((where, text.strip()) for where, text in found if text.strip())
    known = [one for where, text in named if (one := _known(where, text)) is not None]
    return tuple(sorted(known, key=lambda one: PLACES.index(one.where)))


def _known(where: str, text: str) -> Writer | None:
    for one in patterns():
        if one.where == where and one.pattern.search(text):
            return Writer(where, text, one.kind, one.who, one.source)
    return Writer(where, text) if where in ("encoder", "software", "handler") else None


def last(found: Sequence[Writer]) -> Writer | None:
    """Who wrote the container last, None where no pattern knows it."""
    known = [one for where in LAST for one in found if one.where == where and one.who and one.kind != AMBIGUOUS]
    return known[0] if known else None


ANEW = ("FFmpeg or its kin", "transcoder", "platform", "editing program")
"""Kinds of writers that take in files of others; what such a file names beside them comes from earlier ones."""
WITHIN = {"editing program": ("library",)}
"""Kinds that a kind of writer is built on, as all may be on FFmpeg: naming both says nothing of earlier files."""


def earlier(found: Sequence[Writer]) -> tuple[str, ...]:
    """Whom else a file names that was written by a program that takes in others, as far as patterns know them."""
    one = last(found)
    if one is None or one.kind not in ANEW:
        return ()
    built_on = ("", "FFmpeg or its kin", AMBIGUOUS, *WITHIN.get(one.kind, ()))
    others = [other for other in found if other.who != one.who and other.kind not in built_on]
    return tuple(dict.fromkeys(other.who for other in others if other.where != "software"))


def device(tags: Iterable[tuple[str, str]]) -> str:
    """The make and model that the file names: `Apple iPhone 6`; "" for none."""
    said = list(tags)
    parts = [next((value for name, value in said if which.search(name)), "") for which in (MAKE, MODEL)]
    return " ".join(dict.fromkeys(filter(None, parts)))
