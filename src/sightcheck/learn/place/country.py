"""The country model: a head on the shared backbone, cross-validated by group, calibrated on held-out photos (7.3)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import cache
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.learn.place.photos import (
    FEWEST,
    SPLIT,
    Photos,
    card,
    elsewhere,
    metric,
    taught,
)
from sightcheck.nets import heads
from sightcheck.nets.export import to_onnx
from sightcheck.nets.place.features import Features
from sightcheck.place import country
from sightcheck.protocol import countries
from sightcheck.protocol.claims import Claims, calibration, cost, informed, ratios
from sightcheck.weights import Metric

ABSENT = -1e4
"""Logit of a class that a head was not taught."""


def train(
    photos: Photos,
    views: Features,
    name: str,
    root: Path | None = None,
    recipe: heads.CountryHead | None = None,
) -> Path:
    """The country head, cross-validated by group, calibrated on held-out photos, then taught on all -> its folder."""
    recipe = recipe or heads.CountryHead()
    kept, labels, classes = taught([item.country for item in photos.items])
    items, views = [photos.items[at] for at in kept], views[kept]
    fold = tables.folds(items, [f"{item.country} {item.source}" for item in items])
    logits = held_out(recipe, views, classes, len(labels), fold)
    crops = logits[:, : views.cuts].astype(np.float64)
    probabilities, listed = countries.cross_fitted(crops, classes, fold)
    new = unseen(recipe, views, classes, len(labels), [item.source for item in items])
    network, golden = to_onnx(heads.country(recipe, views.teaching, classes, len(labels)), (2, views.values.shape[-1]))
    described = card(
        name, f"{len(labels)} countries by a head on the features of {views.read}",
        {"reads": f"features of {views.read}", "countries": " ".join(labels), **asdict(recipe)},
        tables.sources(items), SPLIT,
        (*metrics("all", probabilities, listed, classes, items), *by_source(probabilities, listed, classes, items)),
        (*new.metrics(), *informed(new.claims(labels))), (elsewhere(items),), photos, "country",
    )  # fmt: skip
    arrays = {"golden": golden, "backbone": weights.load(views.read).arrays["golden"], "taught": photos.fingerprints}
    return weights.save(described, {**arrays, **country.to_arrays(new.meaning(labels))}, root, network)


@dataclass(frozen=True)
class Unseen:
    """m photos as heads see them that never saw their source: logits (m, cuts, C), true classes (m,), sources (m,).

    `covered` (m, C): the classes those heads were taught; `rows` (m,) of the photos. Those of a country that no other
    source shows are left out.
    """

    rows: NDArray[np.intp]
    logits: NDArray[np.float64]
    classes: NDArray[np.intp]
    sources: NDArray[np.str_]
    covered: NDArray[np.bool_]

    def scored(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """(m, C) probabilities and shortlists, temperature and threshold of each source from the other sources."""
        return countries.cross_fitted(self.logits, self.classes, self.sources, alike=True)

    def claims(self, labels: Sequence[str]) -> Claims:
        """Every photo claimed for every class that its heads were taught."""
        return countries.claimed(
            self.scored()[0], self.classes, self.sources, np.array(labels)[self.classes], self.covered
        )

    def coverage(self) -> dict[str, float]:
        """How often the shortlist held the right country, by source held out."""
        held = self.scored()[1][np.arange(len(self.classes)), self.classes]
        return {name: float(held[self.sources == name].mean()) for name in sorted(set(self.sources.tolist()))}

    def meaning(self, labels: Sequence[str]) -> country.Countries:
        """What the kept head's outputs mean: temperature, threshold and ratio as they hold on sources it never saw.

        There is no ratio where it informs nothing there (Cllr of 1 and more).
        """
        alike = countries.evenly(self.sources)
        temperature = countries.temperature(self.logits, self.classes, alike)
        least = countries.threshold(country.fused(self.logits, temperature=temperature), self.classes, weights=alike)
        found = self.claims(labels)
        return country.Countries(
            tuple((label,) for label in labels), temperature, least, min(self.coverage().values()),
            calibration(found) if cost(found, ratios(found)) < 1 else None,
        )  # fmt: skip

    def metrics(self) -> tuple[Metric, ...]:
        """Accuracy, calibration and coverage of each source held out."""
        probabilities, covered, told = self.scored()[0], self.coverage(), []
        for name, coverage in covered.items():
            here, scope = self.sources == name, f"{name}, held out"
            told += [
                Metric(f"top-{k}", scope, _share(probabilities[here], self.classes[here], k)) for k in (1, 2, 3, 5)
            ]
            told.append(Metric("ECE", scope, countries.ece(probabilities[here], self.classes[here])))
            told.append(Metric("shortlist coverage", scope, coverage))
        return tuple(told)


def unseen(
    recipe: heads.CountryHead, views: Features, classes: NDArray[np.intp], count: int, names: Sequence[str]
) -> Unseen:
    """Each source of at least FEWEST photos by a head that was taught on the other sources alone; kept in the cache."""
    of = np.array(names)
    large = [one for one, photos in sorted(Counter(names).items()) if photos >= FEWEST and photos < len(of)]

    def measure() -> cache.Arrays:
        logits = np.full((len(of), views.cuts, count), ABSENT, np.float32)
        for name in large:
            known, at = np.unique(classes[of != name], return_inverse=True)
            net = heads.country(recipe, views[of != name].teaching, at, len(known))
            logits[np.ix_(of == name, np.arange(views.cuts), known)] = heads.outputs(net, views[of == name].tests)
        return {"logits": logits}

    name = cache.key(recipe, views.values, views.cuts, classes, count, list(names), code=("nets", "learn/place"))
    logits = np.asarray(cache.arrays(name, measure)["logits"], np.float64)
    covered = logits[:, 0] > ABSENT
    rows = np.flatnonzero(covered[np.arange(len(of)), classes])
    return Unseen(rows, logits[rows], classes[rows], of[rows], covered[rows])


def held_out(
    recipe: heads.CountryHead, views: Features, classes: NDArray[np.intp], count: int, fold: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Features of n photos -> (n, cuts, C) logits of the test cuts, then the squeezed view, by heads taught without.

    Kept in the cache: the city model and the study ask for the same.
    """

    def measure() -> cache.Arrays:
        tests = np.concatenate([views.tests, views.squeezed], axis=1)
        logits = np.zeros((*tests.shape[:2], count), np.float32)
        for number in np.unique(fold):
            net = heads.country(recipe, views[fold != number].teaching, classes[fold != number], count)
            logits[fold == number] = heads.outputs(net, tests[fold == number])
        return {"logits": logits}

    name = cache.key(recipe, views.values, views.cuts, classes, count, fold, code=("nets", "learn/place"))
    return np.asarray(cache.arrays(name, measure)["logits"])


def metrics(
    scope: str, probabilities: NDArray[np.float64], listed: NDArray[np.bool_], classes: NDArray[np.intp],
    items: Sequence[Item],
) -> tuple[Metric, ...]:  # fmt: skip
    """Held-out probabilities and shortlists -> the metrics of a card."""
    found = countries.measures(probabilities, listed, classes, [item.group for item in items])
    tops = [metric(f"top-{k}", scope, one) for k, one in zip(countries.TOPS, found.top, strict=True)]
    rest = (metric("balanced accuracy", scope, found.balanced), metric("shortlist coverage", scope, found.coverage))
    numbers = (Metric("ECE", scope, found.ece), Metric("shortlist size", scope, found.size))
    return (*tops, *rest, *numbers)


def by_source(
    probabilities: NDArray[np.float64], listed: NDArray[np.bool_], classes: NDArray[np.intp], items: Sequence[Item]
) -> tuple[Metric, ...]:
    """The metrics of each source of at least FEWEST photos."""
    found: list[Metric] = []
    names = np.array([item.source for item in items])
    for name, count in sorted(Counter(names.tolist()).items()):
        if count >= FEWEST:
            at = np.flatnonzero(names == name).tolist()
            found += metrics(name, probabilities[at], listed[at], classes[at], [items[i] for i in at])
    return tuple(found)


def _share(probabilities: NDArray[np.float64], classes: NDArray[np.intp], k: int) -> float:
    return float(countries.hits(probabilities, classes, k).mean())
