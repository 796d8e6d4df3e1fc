"""How many points agree with a claimed city's references, in true claims and in false ones? Trials and their scale."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightcheck.data.manifest import Item
from sightcheck.place import matching
from sightcheck.place.matching import Features, Scale
from sightcheck.protocol.metrics import Values

Rows = NDArray[np.intp]

STEPS = (10, 15, 20, 30, 50)
"""Points from which a claim counts, fixed before anything was scored."""


@dataclass(frozen=True)
class Photos:
    """n photos, near copies in one group: items, features, and what tells which references are most alike (n, d)."""

    items: tuple[Item, ...]
    features: tuple[Features, ...]
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class Trial:
    """One photo claimed for one city: the most points that agree with one of its references, and the truth."""

    points: int
    claimed: str
    truth: str
    group: str
    source: str

    @property
    def there(self) -> bool:
        """Whether the claim is true."""
        return self.claimed == self.truth


def trials(
    photos: Photos, queries: Rows, references: Rows, most: int = 100, told: Callable[[int, int], None] | None = None
) -> list[Trial]:
    """Every query claimed for every city that has references: `most` of them, drawn once, none a copy of the query."""
    items, drawn = photos.items, np.random.default_rng(0).permutation(references)
    cities = sorted({items[at].place for at in references})
    found = []
    for number, query in enumerate(queries, start=1):
        for claimed in cities:
            others = [at for at in drawn if items[at].place == claimed and items[at].group != items[query].group]
            rows = matching.nearest(photos.vectors[query], photos.vectors, np.array(others[:most], np.intp))
            points = max(len(matching.matched(photos.features[query], photos.features[row])) for row in rows)
            one = items[query]
            found.append(Trial(points, claimed, one.place, one.group, one.source))
        if told is not None:
            told(number, len(queries))
    return found


def scale(found: Sequence[Trial]) -> Scale:
    """Trials, true and false -> what a number of points means.

    Every source of photos weighs alike among the true claims, or the one whose pictures often show each other's views
    would speak for all photos.
    """
    true, false = ([one for one in found if one.there == side] for side in (True, False))
    counts = Counter(one.source for one in true)
    weights = np.array([len(true) / len(counts) / counts[one.source] for one in true])
    there, elsewhere = (np.array([one.points for one in side]) for side in (true, false))
    return Scale(
        STEPS,
        tuple(float(weights[there >= step].sum()) for step in STEPS),
        tuple(int((elsewhere >= step).sum()) for step in STEPS),
        len(true),
        len(false),
        len(false) / max(len({one.group for one in false}), 1),
    )


def held_out(found: Sequence[Trial], taught: Sequence[Trial] = ()) -> Values:
    """Trials -> (n,) log10 ratio of each, 0 for none, by the scale of `taught` (or of these) without its claimed city.

    A trial teaches nothing of a city that it claims or that its photo is of.
    """
    ratios = np.zeros(len(found))
    for city in {one.claimed for one in found}:
        learned = scale([one for one in taught or found if city not in (one.claimed, one.truth)])
        for at, one in enumerate(found):
            if one.claimed == city:
                ratios[at] = learned.log10_lr(one.points) or 0.0
    return ratios
