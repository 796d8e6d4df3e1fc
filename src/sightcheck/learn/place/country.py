"""The country model: a head on the shared backbone, cross-validated by group, calibrated on held-out photos (7.3)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
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
    sources,
    taught,
    training_views,
)
from sightcheck.nets import heads
from sightcheck.nets.export import to_onnx
from sightcheck.nets.place import features
from sightcheck.place import country
from sightcheck.protocol import countries
from sightcheck.weights import Metric


def train(
    photos: Photos,
    views: NDArray[np.float32],
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
    crops = logits[:, : len(country.CROPS)].astype(np.float64)
    probabilities, listed = countries.cross_fitted(crops, classes, fold)
    units = [f"{item.country} {item.source}" for item in items]
    temperature = countries.temperature(crops, classes)
    fitted = country.fused(crops, temperature=temperature)
    meaning = country.Countries(
        tuple((label,) for label in labels), temperature, countries.threshold(fitted, classes), countries.COVERAGE,
        countries.claimed(fitted, classes, units),
    )  # fmt: skip
    network, golden = to_onnx(heads.country(recipe, training_views(views), classes, len(labels)), (2, views.shape[-1]))
    described = card(
        name, f"{len(labels)} countries by a head on the shared backbone",
        {"reads": "features of backbone", "countries": " ".join(labels), **asdict(recipe)}, sources(items), SPLIT,
        (*metrics("all", probabilities, listed, classes, items), *by_source(probabilities, listed, classes, items)),
        source_held_out(recipe, views, classes, len(labels), items), (elsewhere(items),), photos,
        "country",
    )  # fmt: skip
    return weights.save(described, {"golden": golden, **country.to_arrays(meaning)}, root, network)


def held_out(
    recipe: heads.CountryHead, views: NDArray[np.float32], classes: NDArray[np.intp], count: int, fold: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Features (n, v, d) -> (n, 6, C) logits of the test views, each photo's by a head that was taught without it.

    Kept in the cache: the city model and the study ask for the same.
    """

    def measure() -> cache.Arrays:
        logits = np.zeros((len(views), features.TEST_VIEWS, count), np.float32)
        for number in np.unique(fold):
            net = heads.country(recipe, training_views(views[fold != number]), classes[fold != number], count)
            logits[fold == number] = heads.outputs(net, views[fold == number, : features.TEST_VIEWS])
        return {"logits": logits}

    name = cache.key(recipe, views, classes, count, fold, code=("nets", "learn/place"))
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


def source_held_out(
    recipe: heads.CountryHead, views: NDArray[np.float32], classes: NDArray[np.intp], count: int, items: Sequence[Item]
) -> tuple[Metric, ...]:
    """Control: each source scored by a head that was taught on the other sources alone."""
    names, found = np.array([item.source for item in items]), []
    for name, photos in sorted(Counter(names.tolist()).items()):
        here = names == name
        if photos < FEWEST or here.all() or set(classes[here]) - set(classes[~here]):
            continue
        net = heads.country(recipe, training_views(views[~here]), classes[~here], count)
        shown = country.fused(heads.outputs(net, views[here, : len(country.CROPS)]))
        found += [Metric(f"top-{k}", f"{name}, held out", _share(shown, classes[here], k)) for k in (1, 2, 5)]
    return tuple(found)


def _share(probabilities: NDArray[np.float64], classes: NDArray[np.intp], k: int) -> float:
    return float(countries.hits(probabilities, classes, k).mean())
