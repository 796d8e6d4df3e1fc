"""What does a recipe read in every clip of a manifest? Measured side by side, kept on disk, resumed after a stop."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import media, sandbox, weights
from sightcheck.data import audit, cache, manifest, split
from sightcheck.data.manifest import Item
from sightcheck.errors import InputError, UsageError
from sightcheck.video import appearance, fewshot
from sightcheck.video.fewshot import Recipe
from sightcheck.video.frames import SPREAD

Progress = Callable[[int, int], None]

READING = ("media/container.py", "media/frames.py")
MEASURING = (
    *READING,
    "media/encode.py",
    *(f"video/{name}.py" for name in ("footprint", "motion", "traces", "fewshot")),
)
"""The files whose code makes a reading."""
LOOKING = (*READING, "video/appearance.py", "video/fewshot.py")
"""Those of the method `appearance`."""


@dataclass(frozen=True)
class Readings:
    """`vectors` (n, forms, d): each clip as it is and, where the recipe asks for it, laundered.

    `items` (n) and `clips` (n) go with them; `fingerprints` (n) find near copies; `skipped` says which files were left
    out and why.
    """

    vectors: NDArray[np.float64]
    items: tuple[Item, ...]
    clips: tuple[media.Clip, ...]
    fingerprints: tuple[NDArray[np.uint64], ...]
    skipped: tuple[tuple[str, str], ...]

    @property
    def joined(self) -> tuple[Item, ...]:
        """The items with near copies in one group, so that they are held out together."""
        return split.joined(self.items, audit.near_copies(self.fingerprints))


@dataclass(frozen=True)
class One:
    """One clip's row of Readings."""

    clip: media.Clip
    forms: NDArray[np.float64]
    fingerprint: NDArray[np.uint64]


def readings(
    items: Sequence[Item], recipe: Recipe, progress: Progress | None = None, each: sandbox.Each | None = None
) -> Readings:
    """Measure every item, two at a time on two cores or as `each` does; what was measured before is in the cache.

    Raises UsageError when no item of one label could be measured.
    """
    if each is None:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            try:
                return readings(items, recipe, progress, pool.map)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    rows: dict[int, One] = {}
    skipped: list[tuple[str, str]] = []
    for at, (item, row) in enumerate(zip(items, each(partial(_told, recipe), items), strict=True)):
        if isinstance(row, InputError):
            skipped.append((item.path, str(row)))
        else:
            rows[at] = row
        if progress is not None:
            progress(at + 1, len(items))
    kept = sorted(rows)
    if len({items[at].synthetic for at in kept}) < 2:
        reasons = "; ".join(f"{path}: {why}" for path, why in skipped[:3])
        raise UsageError(f"clips of both labels are needed; too few could be measured ({reasons or 'none given'})")
    described = tuple(manifest.described(items[at], rows[at].clip) for at in kept)
    return Readings(
        np.stack([rows[at].forms for at in kept]),
        described,
        tuple(rows[at].clip for at in kept),
        tuple(rows[at].fingerprint for at in kept),
        tuple(sorted(skipped)),
    )


def _told(recipe: Recipe, item: Item) -> One | InputError:
    try:
        return one(Path(item.path), recipe)
    except InputError as error:
        return error


def one(path: Path, recipe: Recipe) -> One:
    """A file -> its row, from the cache where the same bytes were read by the same recipe, code and libraries.

    Raises InputError when it cannot be measured, OutputError when the cache cannot be written.
    """
    name = os.fsencode(path)
    clip = sandbox.run(media.look, name)

    def measure() -> cache.Arrays:
        plain = fewshot.read(name, recipe)
        if plain.vector is None:
            raise InputError(fewshot.too_little(recipe))
        forms = [plain.vector]
        if recipe.laundered:
            twin = fewshot.read(name, recipe, laundered=True).vector
            forms.append(plain.vector if twin is None else twin)
        return {"forms": np.stack(forms), "fingerprint": audit.fingerprint(stills(plain))}

    found = cache.arrays(_key(clip.sha256, recipe), measure)
    return One(clip, found["forms"], found["fingerprint"])


def _key(sha256: str, recipe: Recipe) -> str:
    if recipe.method == "appearance":
        backbone = weights.card(weights.find(appearance.CLIP)).network_sha256
        return cache.key(sha256, recipe, backbone, code=LOOKING)
    return cache.key(sha256, recipe, code=MEASURING)


def stills(reading: fewshot.Reading) -> NDArray[np.uint8]:
    """The stills of a reading -> (T, 72, 128) uint8 grey, to look for near copies."""
    import cv2

    pictures = [np.frombuffer(shown.png, np.uint8) for shown in reading.stills]
    grey = [cv2.resize(np.asarray(cv2.imdecode(png, cv2.IMREAD_GRAYSCALE), np.uint8), (128, 72)) for png in pictures]
    return np.stack(grey).astype(np.uint8)


def glance(path: bytes) -> NDArray[np.uint64]:
    """A file -> the fingerprints of some of its frames, to look for near copies. Raises InputError."""
    seen = sandbox.run(media.pictures, path, SPREAD, 72, 128)
    return audit.fingerprint(seen.rgb.mean(-1).astype(np.uint8))
