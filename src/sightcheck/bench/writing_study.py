"""How often can writing in photos be read, and does what it says fit the truth or any other city? docs/photo-study.md.

    python -m sightcheck.bench.writing_study TABLE...

Each photo is read once; its clues are set beside its own place and beside those of the same table's other countries.
"""

import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from sightcheck import sandbox
from sightcheck.bench.speed_photo import picture
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.media.photo import look_photo
from sightcheck.place.world.gazetteer import Claim, candidates, country_name
from sightcheck.place.writing import clues, reading

HEIGHTS = (3, 4, 5, 6, 8, 12, 24)
CAPITAL = 0.7
"""Height of a capital in Pillow's own letters, as a part of their size."""
DRAWN = (
    "www.rossi.it", "+39 06 1234567", "Vietato fumare", "EUR 12,50", "ROMA TERMINI", "info@haus.de", "+44 20 7946 0018",
    "Bitte nicht rauchen", "CHF 4.20", "BERLIN", "boulangerie.fr", "+34 91 123 45 67", "Prohibido el paso", "PLN 15,00",
    "POZNAN", "www.tea.co.uk", "+33 1 23 45 67 89", "Sortie de secours", "Restaurante Sol", "MADRID CENTRO",
)  # fmt: skip
FEWEST = 20
"""Letters from which on a script counts as known."""
LETTERS = 3
"""From which on a line counts as text in the first row."""


@dataclass(frozen=True)
class Read:
    """A photo's lines, pieces seen and not read, processor seconds that reading took, and its own place."""

    found: reading.Reading
    seconds: float
    place: Claim


def main(*paths: str) -> None:
    """Print the tables of each table of photos as Markdown."""
    print(f"Letters known: {letters()}\n", flush=True)
    print("| height of drawn capitals, pixels | signs read letter for letter |\n| --- | --- |")
    for height in HEIGHTS:
        print(f"| {height} | {legible(height):.0%} |", flush=True)
    for path in paths:
        items = tables.read(Path(path))
        for line in study([read(item) for item in items], Path(path).name):
            print(line, flush=True)


def letters() -> str:
    """How many letters of each script the reading network knows; a script that is not named cannot be read."""
    from onnxruntime import InferenceSession

    known = InferenceSession(str(reading.model("Rec"))).get_modelmeta().custom_metadata_map["character"].split("\n")
    scripts = Counter(unicodedata.name(one, "?").split()[0] for one in known if len(one) == 1 and one.isalpha())
    return ", ".join(f"{script.title()} {count:,}" for script, count in scripts.most_common() if count >= FEWEST)


def legible(height: int) -> float:
    """Capitals so many pixels high, on a plain sign in a picture of 640 x 848 -> share of DRAWN read as it is."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=height / CAPITAL)
    found = 0
    for seed, line in enumerate(DRAWN):
        image = Image.fromarray(picture(seed, 640, 848))
        box = ImageDraw.Draw(image).textbbox((120, 300), line, font=font)
        ImageDraw.Draw(image).rectangle((box[0] - height, box[1] - height, box[2] + height, box[3] + height), "white")
        ImageDraw.Draw(image).text((120, 300), line, "black", font)
        found += "".join(line.split()) in ["".join(one.split()) for one in reading.read(np.asarray(image)).lines]
    return found / len(DRAWN)


def read(item: Item) -> Read:
    """A photo of a table -> what is written in it."""
    pixels = sandbox.run(look_photo, item.path.encode()).pixels
    started = time.process_time()
    found = reading.read(pixels)
    return Read(found, time.process_time() - started, place(item.city, item.country))


@lru_cache(maxsize=1000)
def place(city: str, country: str) -> Claim:
    """The claim that is true of a photo."""
    name = country_name(country)
    meant = candidates(f"{city}, {name}" if city else name)
    return next(one for one in meant if one.country == country and bool(one.city) == bool(city))


def study(photos: list[Read], name: str) -> Iterator[str]:
    """What is read, how long it takes, and how each kind of clue fits."""
    worded = [one for one in photos if any(sum(map(str.isalpha, line)) >= LETTERS for line in one.found.lines)]
    seconds, unread = [one.seconds for one in photos], sum(bool(one.found.unread) for one in photos)
    yield f"\n{name}: {len(photos)} photos; a line of {LETTERS} letters or more is read in {len(worded)} "
    yield f"({len(worded) / len(photos):.1%}), {unread} hold a piece that is not read."
    yield f"Processor seconds a photo: median {np.median(seconds):.2f}, 95 % within {np.quantile(seconds, 0.95):.2f}, "
    yield f"at most {max(seconds):.2f}.\n"
    yield "| clue | photos with it | agrees with the truth | contradicts it | agrees with others | contradicts others |"
    yield "| --- | --- | --- | --- | --- | --- |"
    claims = {one.place for one in photos}
    beside = [
        (fits(one, one.place), [fits(one, other) for other in claims if other.country != one.place.country])
        for one in worded
    ]
    for kind in clues.KINDS:
        yield _row(kind, beside)
    yield ""
    for line, times in Counter(_contradicted(worded)).most_common():
        yield f"- contradicts the truth: {line}" + (f" ({times} times)" if times > 1 else "")


def fits(photo: Read, claim: Claim) -> dict[str, set[bool | None]]:
    """Kind of clue -> what its statements are beside a claim."""
    found: dict[str, set[bool | None]] = {}
    for one in clues.statements(photo.found.lines, claim, _language):
        found.setdefault(one.name, set()).add(one.agrees)
    return found


_language = lru_cache(maxsize=10_000)(reading.language)
Beside = tuple[dict[str, set[bool | None]], list[dict[str, set[bool | None]]]]


def _row(kind: str, beside: list[Beside]) -> str:
    """Counts of photos; for other countries' places, the mean over them, as a share of the photos with the clue."""
    true = [own.get(kind, set()) for own, _ in beside]
    held = [at for at, one in enumerate(true) if one]
    agrees, against = (sum(way in true[at] for at in held) for way in (True, False))
    others = [other.get(kind, set()) for at in held for other in beside[at][1]]
    shares = [sum(way in one for one in others) / len(others) if others else 0.0 for way in (True, False)]
    return f"| {kind.lower()} | {len(held)} | {agrees} | {against} | {shares[0]:.1%} | {shares[1]:.1%} |"


def _contradicted(photos: list[Read]) -> Iterator[str]:
    for photo in photos:
        for one in clues.statements(photo.found.lines, photo.place, _language):
            if one.agrees is False:
                yield f"{one.name.lower()} “{one.value}” in a photo of {photo.place.label}"


if __name__ == "__main__":
    main(*sys.argv[1:])
