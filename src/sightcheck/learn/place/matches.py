"""The scale of matched points: claims of photos for cities, true and false, counted. Nothing is trained."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import cache
from sightcheck.data import photos as tables
from sightcheck.errors import UsageError
from sightcheck.media.photo import from_jpeg, jpeg
from sightcheck.place import embedding, matching
from sightcheck.place.country import Pixels
from sightcheck.place.matching import Features
from sightcheck.place.references.reading import QUALITY, SHORTER
from sightcheck.protocol import matches
from sightcheck.protocol.matches import Photos, Trial
from sightcheck.protocol.metrics import cllr
from sightcheck.weights import Card, Metric

Told = Callable[[float, str], None]

MANY = 100
"""Photos of one source that make a city one of those claimed, and its references at most."""
NOT_FOR = (
    "Not proof of anything alone, and never against a claim. Not for finding where a person is or lives: it compares a "
    "photo with references of a stated place."
)
SPLIT = (
    "true claims: a city's photos against others of it, near copies apart; false: every other photo claimed for it; "
    "every source weighs alike among the true; Cllr: the claimed city's claims and photos held out; kept: all claims"
)


def read(paths: Sequence[Path], told: Told | None = None) -> tuple[Photos, tuple[str, ...]]:
    """Tables of photos -> those with a city, as the gallery keeps them; what could not be read, and why."""
    every = [item for path in paths for item in tables.read(path) if item.city]
    tell = None if told is None else lambda at, of: told(0.3 * at / of, f"photo {at}/{of}")
    items, kept, left_out = tables.opened(every, _kept, tell)
    features, vectors = zip(*kept, strict=True)
    return Photos(items, features, np.stack(vectors)), left_out


def asked(photos: Photos, most: int = MANY, step: int = 1, told: Told | None = None) -> list[Trial]:
    """Every `step`-th photo claimed for each large city against `most` of its references; kept once measured.

    A city is large with MANY photos in the largest source, and its references are of that source.
    """
    largest, _ = Counter(item.source for item in photos.items).most_common(1)[0]
    counts = Counter(item.place for item in photos.items if item.source == largest)
    references = [at for at, one in enumerate(photos.items) if one.source == largest and counts[one.place] >= MANY]
    if len({photos.items[at].place for at in references}) < 2:
        raise UsageError(f"nothing to tell apart: two cities need {MANY} photos each of one source; add photos")
    tell = None if told is None else lambda at, of: told(0.3 + 0.7 * at / of, f"claims of photo {at}/{of}")
    queries = np.arange(0, len(photos.items), step)
    about = (photos.vectors, photos.items, most, step)
    name = cache.key(*about, code=("place/matching.py", "protocol/matches.py"))
    found = cache.kept(name, list[Trial])
    if found is None:
        found = matches.trials(photos, queries, np.array(references, np.intp), most, tell)
        cache.keep(name, found)
    return found


def train(paths: Sequence[Path], name: str, root: Path | None = None, told: Told | None = None) -> Path:
    """Tables of photos with cities -> the folder of a scale with its card. Needs no torch."""
    photos, left_out = read(paths, told)
    found = asked(photos, told=told)
    scale = matches.scale(found)
    described = Card(
        name=name, method="matches", summary="How often so many points agree, in true claims and in false ones",
        recipe={
            "keypoints": matching.KEYPOINTS, "ratio": matching.RATIO, "apart": matching.APART,
            "nearest": matching.NEAREST, "references": MANY, **asdict(scale),
        },
        sources=tables.sources(photos.items), split=SPLIT, metrics=_metrics(found), controls=(),
        limits=_limits(found), not_for=NOT_FOR,
        versions={one: version(one) for one in ("sightcheck", "opencv-python-headless", "numpy", "pillow")},
        made=datetime.now(UTC).isoformat(timespec="seconds"), left_out=left_out,
    )  # fmt: skip
    return weights.save(described, matching.to_arrays(scale), root)


def _kept(pixels: Pixels) -> tuple[Features, NDArray[np.float32]]:
    """A photo -> its features and its scenes, from the small picture that the gallery would keep."""
    small = from_jpeg(jpeg(pixels, SHORTER, QUALITY))
    return matching.features(small), embedding.embed(small).places


def _metrics(found: Sequence[Trial]) -> tuple[Metric, ...]:
    """What the ratios cost, and the claims with at least so many points."""
    there = np.array([one.there for one in found])
    scopes = {
        "true claims": [one for one in found if one.there],
        "false claims": [one for one in found if not one.there],
    }
    for source in sorted({one.source for one in scopes["true claims"]}):
        scopes[f"true claims, {source}"] = [one for one in scopes["true claims"] if one.source == source]
    shares = [
        Metric(f"{step} points or more", scope, float(np.mean([one.points >= step for one in claims])))
        for scope, claims in scopes.items()
        for step in matches.STEPS
    ]
    return (Metric("Cllr", "claimed city held out; 1 says nothing", cllr(matches.held_out(found), there)), *shares)


def _limits(found: Sequence[Trial]) -> tuple[str, ...]:
    """What the count rests on."""
    false = [one for one in found if not one.there]
    cities, liars = len({one.claimed for one in found}), len({one.group for one in false})
    return (
        f"the ratio rests on {len(false):,} false claims of {liars:,} photos for {cities} cities, whose references are "
        "of one source; a photo of another source matches them less often",
        "points may agree on what is not the place, such as a poster, a sign, a vehicle or a copy of the building, and "
        "on what repeats, such as windows and tiles: look whether the lines join the same things",
    )
