"""How fast is a question about a photo? Stored references against pairs, cuts against the network, a cold start."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.place import city, country, scene
from sightcheck.place.backbone import CLIP
from sightcheck.place.embedding import Names, Reader
from sightcheck.place.references.gallery import Gallery
from sightcheck.place.world.gazetteer import parse

T = TypeVar("T")

REFERENCES = 100
BATCH = 8

Pixels = NDArray[np.uint8]
Measured = tuple[str, float, str, str]
"""Name, value, unit, goal."""


def measurements(folder: Path) -> Iterator[Measured]:
    """Every measurement of a question about a photo, on pictures made by code."""
    reader = Reader(Names(city="pairs"))
    pictures = [picture(seed) for seed in range(BATCH)]
    yield from cached(reader, pictures)
    yield from throughput(reader, pictures)
    yield from gallery(folder, pictures)
    yield from many(pictures[0])
    yield cold(folder, pictures[0], "")
    if CLIP in {one.name for one in weights.folders()}:
        (folder / "detectors").mkdir()
        (folder / "detectors" / CLIP).symlink_to(weights.find(CLIP))
        yield cold(folder, pictures[0], ", by the better backbone")


def cached(reader: Reader, pictures: list[Pixels]) -> Iterator[Measured]:
    """One query against stored references, and the same pairs with both photos read for each, as the thesis does."""
    references, head = [pictures[at % len(pictures)] for at in range(REFERENCES)], reader.verifier
    assert isinstance(head, city.PairHead)
    kept = [reader.embed(one) for one in pictures]
    vectors = np.stack([kept[at % len(pictures)].vector for at in range(REFERENCES)])
    scenes = np.stack([kept[at % len(pictures)].scenes for at in range(REFERENCES)])

    def once() -> city.Vote:
        query = reader.embed(pictures[0])
        return city.verify(reader.verifier, query.vector, query.scenes, vectors, scenes)

    def pairs() -> city.Vote:
        different, similar = np.empty(REFERENCES), np.empty(REFERENCES)
        for at, other in enumerate(references):
            a, b = reader.embed(pictures[0]), reader.embed(other)
            different[at] = head.different(a.vector, b.vector[None])[0]
            similar[at] = scene.similarity(a.scenes, b.scenes[None])[0]
        return city.vote(different, similar)

    fast_s, fast = timed(once, 5)
    slow_s, slow = timed(pairs, 1)
    yield "one query, 100 stored references", 1000 * fast_s, "ms", ""
    yield "the same against running the 100 pairs", slow_s / fast_s, "times faster", "at least 50"
    apart = float(np.abs(np.sort(fast.different) - np.sort(slow.different)).max())
    yield "largest difference of a pair's probability", apart * 1e6, "millionths", "at most 10"


def throughput(reader: Reader, pictures: list[Pixels]) -> Iterator[Measured]:
    """Photos through resizing, cuts, network and fusion against the same cuts through the bare network."""
    cuts = [reader.cuts(one) for one in pictures]

    def whole() -> None:
        for one in pictures:
            country.fused(reader.crop_logits(reader.cuts(one)))

    def bare() -> None:
        for one in cuts:
            reader.crop_logits(one)

    rounds = [(timed(whole, 1)[0], timed(bare, 1)[0]) for _ in range(5)]
    whole_s, bare_s = np.median(np.array(rounds), axis=0)
    yield "all cuts to countries", BATCH / float(whole_s), "photos a second", ""
    yield "the same against the bare network", float(bare_s / whole_s), "times its rate", "at least 0.85"


def gallery(folder: Path, pictures: list[Pixels]) -> Iterator[Measured]:
    """REFERENCES photos read into a gallery, one after another: processor time of this process and its child."""
    from PIL import Image

    photos = folder / "city"
    photos.mkdir()
    for number in range(REFERENCES):
        turned = np.roll(pictures[number % len(pictures)], 97 * number, axis=1)
        Image.fromarray(turned).save(photos / f"{number:03}.jpg", quality=90)
    reader, before = Reader(), processor_s()
    with Gallery(folder / "speed.sqlite", reader.reference, reader.key) as store:
        store.add(parse("Berlin, Germany"), photos)
    yield f"{REFERENCES} photos into a gallery", processor_s() - before, "processor s", "under 60"


def processor_s() -> float:
    """Processor time so far of this process and its children, those that still run included."""
    import psutil

    me = psutil.Process()
    return sum(sum(one.cpu_times()[: 4 if one is me else 2]) for one in (me, *me.children(recursive=True)))


def many(pixels: Pixels) -> Iterator[Measured]:
    """One photo, read once, against 100 and 10,000 references that are there already."""
    reader = Reader()
    seen, verifier = reader.embed(pixels), reader.verifier
    assert isinstance(verifier, city.Nearest)
    random = np.random.default_rng(0)
    for count in (100, 10_000):
        vectors = verifier.vectors(random.normal(size=(count, seen.vector.size)))
        seconds, _ = timed(partial(verifier.near, seen.vector, vectors), 5)
        yield f"a photo that is read, against {count:,} references", 1000 * seconds, "ms", ""


def cold(folder: Path, pixels: Pixels, by: str) -> Measured:
    """`sightcheck photo` on one JPEG with a claim, from the start of the program to its end; the median of three."""
    from PIL import Image

    path = folder / "photo.jpg"
    Image.fromarray(pixels).save(path, quality=90)
    program = str(Path(sys.executable).with_name("sightcheck"))
    command = [program, "photo", str(path), "--claim", "Berlin, Germany", "--json"]
    environment = {**os.environ, "SIGHTCHECK_HOME": str(folder)}
    seconds = [
        timed(lambda: subprocess.run(command, check=True, capture_output=True, env=environment), 1)[0] for _ in range(3)
    ]
    return f"sightcheck photo, one photo, cold{by}", float(np.median(seconds)), "s", "under 4" if by else "under 3"


def timed(function: Callable[[], T], rounds: int) -> tuple[float, T]:
    """Median seconds of a call, and what the last one returned."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        found = function()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)), found


def picture(seed: int, height: int = 960, width: int = 1280) -> Pixels:
    """(H, W, 3) uint8 with detail at several scales, made by code."""
    random = np.random.default_rng(seed)
    cells = [random.uniform(0, 255, (height // step + 1, width // step + 1, 3)) for step in (160, 40, 10)]
    layers = [
        np.kron(one, np.ones((step, step, 1)))[:height, :width] for one, step in zip(cells, (160, 40, 10), strict=True)
    ]
    return np.asarray(np.mean(layers, axis=0), np.uint8)
