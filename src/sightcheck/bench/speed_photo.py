"""How fast is a question about a photo? Stored references against pairs, crops against the network, a cold start."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sightcheck.place import city, country, scene
from sightcheck.place.embedding import Names, Reader

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
    yield cold(folder, pictures[0])


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
    """Photos through resizing, crops, network and fusion against the same crops through the bare network."""
    crops = [country.five_crops(one) for one in pictures]

    def whole() -> None:
        for one in pictures:
            country.fused(reader.crop_logits(country.five_crops(one)))

    def bare() -> None:
        for one in crops:
            reader.crop_logits(one)

    rounds = [(timed(whole, 1)[0], timed(bare, 1)[0]) for _ in range(5)]
    whole_s, bare_s = np.median(np.array(rounds), axis=0)
    yield "five crops to countries", BATCH / float(whole_s), "photos a second", ""
    yield "the same against the bare network", float(bare_s / whole_s), "times its rate", "at least 0.85"


def cold(folder: Path, pixels: Pixels) -> Measured:
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
    return "sightcheck photo, one photo, cold", float(np.median(seconds)), "s", "under 3"


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
