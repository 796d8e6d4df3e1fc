"""What do detectors, taught as a table asks, say of its clips? Each is taught once, and what it said is kept."""

import contextlib
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from sightcheck.bench.tables import parts
from sightcheck.bench.tables.layout import LABELS, Collection
from sightcheck.bench.tables.parts import Part, Shares
from sightcheck.bench.tables.scores import Heard, Said
from sightcheck.data.cache import keep, kept, key
from sightcheck.data.manifest import Item
from sightcheck.errors import Damaged, InputError, UsageError
from sightcheck.protocol.contender import CODE, Fitted, Method, Spoken, Told
from sightcheck.protocol.metrics import Labels
from sightcheck.video.person import texture

SEQUENCES = texture.RECIPES["ldp-top"]
AT_ONCE = 4 * (os.cpu_count() or 1)
"""Clips read ahead while others are spoken about: a clip may be many megabytes of frames."""


@dataclass(frozen=True)
class Taught:
    """What a detector is taught: a subset at a quality, `count` clips of each label, 0 for all."""

    method: str
    subset: str
    quality: str
    count: int = 0


@dataclass(frozen=True)
class Tested:
    """What it is asked about."""

    subset: str
    quality: str
    part: Part = "test"


class Cost(msgspec.Struct, frozen=True):
    """What a fit took: learnt numbers, bytes of its model file, seconds of training and of reading what teaches it."""

    parameters: int
    size_bytes: int
    training_s: float
    reading_s: float


@dataclass
class Fits:
    """`make` gives a method by name; `settings` are what it was told of epochs and frames.

    `validated`: the subsets that have validation clips which training may use; None for all. `by_sequence`: what is
    said of frames is counted over LDP-TOP's sequences. `skipped`: the clips that could not be read, and why. `made`:
    the clips at each quality, `came_from`: the files they were made of.
    """

    clips: Collection
    shares: Shares
    make: Callable[[str], Method]
    settings: str = ""
    validated: tuple[str, ...] | None = None
    by_sequence: bool = False
    skipped: dict[str, str] = field(default_factory=dict)
    came_from: dict[str, str] = field(default_factory=dict)
    made: dict[tuple[str, str], Item] = field(default_factory=dict)

    @cached_property
    def part_of(self) -> dict[str, Part]:
        """Group -> its part."""
        return parts.split(self.clips.items, self.shares, self.clips.tests)

    def items(self, subset: str, part: Part) -> tuple[Item, ...]:
        """The clips of a subset in a part."""
        return tuple(item for item in self.clips.of(subset) if self.part_of[item.group] == part)

    def there(self, subset: str) -> int:
        """Clips of the rarer label that may teach."""
        labels = [item.label for item in self.items(subset, "train")]
        return min(labels.count("real"), labels.count("fake"))

    def heard(self, taught: Taught, tests: Sequence[Tested], told: Told) -> list[Heard]:
        """What the detector says of each test set. It is taught only where something of that is not kept yet.

        Raises UsageError where it has no clips of both labels to learn from.
        """
        given = _Given(self, taught, told)
        keys = [given.key(test) for test in tests]
        found = [kept(key, list[Said]) for key in keys]
        if any(one is None for one in found):
            fitted = given.fitted()
            for at, test in enumerate(tests):
                told(0.8 + 0.2 * at / len(tests), f"asked about {test.subset} {test.quality}")
                if found[at] is None:
                    found[at] = [*given.said(fitted, test)]
                    keep(keys[at], found[at])
        return [Heard(tuple(one or ())) for one in found]

    def cost(self, taught: Taught, told: Told) -> Cost:
        """What teaching it takes, its clips read as for the first time."""
        given = _Given(self, taught, told)
        given.validation = ()  # what it takes to teach, without asking how good it is (Table 5.4)
        found = kept(given.key(None), Cost)
        if found is None:
            with empty_cache():
                fitted = given.fitted()
            found = Cost(fitted.parameters, fitted.size_bytes(), given.training_s, given.reading_s)
            keep(given.key(None), found)
        return found

    def at(self, item: Item, quality: str) -> Item:
        """A clip at a quality. Raises InputError, OutputError."""
        if (item.path, quality) not in self.made:
            found = self.made[item.path, quality] = self.clips.at(item, quality)
            self.came_from[found.path] = item.path
        return self.made[item.path, quality]

    def skip(self, item: Item, error: InputError) -> None:
        """Note that a clip could not be read."""
        self.skipped[self.came_from.get(item.path, item.path)] = str(error)

    def each(self, read: Callable[[Item], Any], items: Sequence[Item]) -> Iterator[tuple[Item, Any]]:
        """The clips that can be read, in order, a few at once; the others go to `skipped`."""

        def one(item: Item) -> Any:
            try:
                return read(item)
            except InputError as error:
                self.skip(item, error)
                return None

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for at in range(0, len(items), AT_ONCE):
                some = items[at : at + AT_ONCE]
                yield from (pair for pair in zip(some, pool.map(one, some), strict=True) if pair[1] is not None)


class _Given:
    """One fit: its method and the clips it is given."""

    def __init__(self, fits: Fits, taught: Taught, told: Told) -> None:
        self.fits, self.taught, self.told = fits, taught, told
        self.method = fits.make(taught.method)
        self.train: tuple[Item, ...] = ()
        self.spare: tuple[Item, ...] = ()
        self.validation: tuple[Item, ...] = ()
        self.reading_s, self.training_s = 0.0, 0.0
        if taught.subset:
            first, self.spare = parts.few(fits.items(taught.subset, "train"), taught.count)
            self.train = self.at(first, taught.quality)
            if fits.validated is None or taught.subset in fits.validated:
                self.validation = self.at(fits.items(taught.subset, "validation"), taught.quality)

    def at(self, items: Sequence[Item], quality: str) -> tuple[Item, ...]:
        """The clips at a quality, those that cannot be read left out."""
        self.told(0, f"{len(items)} clips at {quality}")
        return tuple(clip for _, clip in self.fits.each(lambda item: self.fits.at(item, quality), items))

    def key(self, test: Tested | None) -> str:
        """Where it is kept: by the method, its code, and the bytes of all the clips."""
        items = () if test is None else self.tested(test)
        sets = (self.train, self.spare, self.validation, items)
        named = [[(one.sha256, one.label, one.unit) for one in some] for some in sets]
        told = [repr(getattr(self.method, name, "")) for name in ("recipe", "training", "settings")]
        about = (self.method.name, told, self.fits.settings)
        fit = key(about, named[:3], code=CODE)[:32]
        return f"{fit}/{key(named[3], self.fits.by_sequence, code=())[:32] if test else 'cost'}"

    def tested(self, test: Tested) -> tuple[Item, ...]:
        """The clips of a test set at its quality."""
        return self.at(self.fits.items(test.subset, test.part), test.quality)

    def fitted(self) -> Fitted:
        """Read the clips and teach the detector."""
        self.told(0, f"reading {len(self.train) + len(self.validation)} clips")
        started = time.perf_counter()
        read = self.read()
        self.reading_s = time.perf_counter() - started
        validation = [*self.fits.each(self.method.read, self.validation)]
        if self.taught.subset and {item.synthetic for item, _ in read} != {False, True}:
            why = next(iter(self.fits.skipped.values()), "none is there")
            raise UsageError(f"no clips of both labels to teach {self.taught.method} on {self.taught.subset}: {why}")
        started = time.perf_counter()
        fitted = self.method.fit(
            [clip for _, clip in read],
            _labels(read),
            np.array([item.unit for item, _ in read], np.str_),
            ([clip for _, clip in validation], _labels(validation)) if validation else None,
            lambda done, what: self.told(0.2 + 0.6 * done, what),
        )
        self.training_s = time.perf_counter() - started
        return fitted

    def read(self) -> list[tuple[Item, Any]]:
        """The clips that teach, read; one that cannot be is replaced by the next of its label."""
        read = [*self.fits.each(self.method.read, self.train)]
        spare = {label: [item for item in self.spare if item.label == label] for label in LABELS}
        while self.taught.count:
            have = Counter[str](item.label for item, _ in read)
            more = [item for label, rest in spare.items() for item in rest[: max(0, self.taught.count - have[label])]]
            if not more:
                break
            spare = {label: [item for item in rest if item not in more] for label, rest in spare.items()}
            read += self.fits.each(self.method.read, self.at(more, self.taught.quality))
        return read

    def said(self, fitted: Fitted, test: Tested) -> Iterator[Said]:
        """What the detector says of each clip of a test set that it can read."""
        for item, clip in self.fits.each(self.method.read, self.tested(test)):
            try:
                spoken = fitted.speak(clip)
                if self.fits.by_sequence and spoken.of_frames:
                    spoken = over_sequences(spoken, item)
            except InputError as error:
                self.fits.skip(item, error)
                continue
            fake, called = tuple(spoken.fake.tolist()), tuple(spoken.called.tolist())
            spans = tuple((start, end) for start, end in spoken.spans_s.tolist())
            yield Said(item.sha256, item.synthetic, item.group, fake, called, spans)


def over_sequences(spoken: Spoken, item: Item) -> Spoken:
    """What is said of a clip's frames -> of its sequences, the same as LDP-TOP's (4.4.1). Raises InputError."""
    found = spoken.over(texture.spans(os.fsencode(item.path), SEQUENCES))
    if not len(found.fake):
        raise Damaged(f"it has no sequence of {SEQUENCES.frames} frames of which one was looked at")
    return found


@contextlib.contextmanager
def empty_cache() -> Iterator[None]:
    """While it lasts, nothing that was measured before is known."""
    before = os.environ.get("SIGHTCHECK_CACHE")
    with tempfile.TemporaryDirectory(prefix="sightcheck-") as folder:
        os.environ["SIGHTCHECK_CACHE"] = folder
        try:
            yield
        finally:
            del os.environ["SIGHTCHECK_CACHE"]
            if before is not None:
                os.environ["SIGHTCHECK_CACHE"] = before


def _labels(read: Sequence[tuple[Item, Any]]) -> Labels:
    return np.array([item.synthetic for item, _ in read], bool)
