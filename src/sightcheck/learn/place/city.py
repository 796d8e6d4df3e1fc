"""The city model: pair heads on the shared backbone, tried on cities taught and not taught, calibrated (8.3.2)."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.learn.place import country as countries
from sightcheck.learn.place.photos import (
    FEWEST,
    SPLIT,
    Photos,
    cache,
    card,
    elsewhere,
    metric,
    sources,
    taught,
    training_views,
)
from sightcheck.nets import heads
from sightcheck.nets.export import to_onnx
from sightcheck.nets.loop import Schedule
from sightcheck.nets.place import city as pairs
from sightcheck.place import city, country, scene
from sightcheck.protocol import cities
from sightcheck.protocol.cities import Rates, Trial
from sightcheck.verdict import Calibration, calibrate
from sightcheck.weights import Metric

Rows = NDArray[np.intp]
Values = NDArray[np.float32]

RECIPE = pairs.City(
    backbone="efficientnet-lite0", frozen=True, pairs=8192, dropout=0.3,
    schedule=Schedule(epochs=20, batch=128, rate=0.05, weight_decay=1e-3, cosine=True),
)  # fmt: skip
"""Heads on the shared backbone. Rate, decay and dropout: the best of four settings tried on one fold of one source."""
MANY = 100
"""Photos of one source that make a city one of those the protocols claim."""
CENTRE = country.CROPS.index("centre")


@dataclass(frozen=True)
class Known:
    """City photos ready for the protocols: items, features (n, v, d), scene groups (n, 16), held-out countries (n, C).

    `main`: rows of the cities with at least MANY photos in the largest source; `fold` (n,) in five.
    """

    items: tuple[Item, ...]
    views: Values
    scenes: Values
    countries: NDArray[np.float64]
    labels: tuple[str, ...]
    main: Rows
    fold: Rows

    @property
    def cities(self) -> NDArray[np.str_]:
        """(n,) city of each photo."""
        return np.array([item.city for item in self.items])

    @property
    def top_two(self) -> Rows:
        """(n, 2) the two likeliest countries."""
        return np.argsort(-self.countries, axis=1, kind="stable")[:, : country.GATE]


def known(photos: Photos, views: Values, recipe: heads.CountryHead | None = None) -> Known:
    """All photos, their features -> the city photos with countries told by heads that never saw them."""
    kept, labels, classes = taught([item.country for item in photos.items])
    items = [photos.items[at] for at in kept]
    fold = tables.folds(items, [f"{item.country} {item.source}" for item in items])
    logits = countries.held_out(recipe or heads.CountryHead(), views[kept], classes, len(labels), fold)
    told = country.fused(logits[:, : len(country.CROPS)])
    rows = np.array([at for at, item in enumerate(items) if item.city], np.intp)
    of_cities = tuple(items[at] for at in rows)
    groups16 = weights.load("scene").arrays["groups16"]
    model = weights.session(weights.load("scene").network)
    seen = views[kept][rows]
    places = country.softmax(model.run(None, {"input": seen[:, CENTRE]})[0])
    main = _main(of_cities)
    return Known(
        of_cities, seen, scene.grouped(places, groups16), told[rows], tuple(labels), main,
        tables.folds(of_cities, [f"{item.city} {item.source}" for item in of_cities]),
    )  # fmt: skip


def closed(data: Known, recipe: pairs.City, top: int = 0, weighted: bool = True) -> list[Trial]:
    """Cities taught: each fold's photos of the main source against the other folds' as references."""
    found: list[Trial] = []
    for number in range(5):
        here, others = data.main[data.fold[data.main] == number], data.main[data.fold[data.main] != number]
        found += _trials(data, fitted(data, recipe, others), here, others, top, weighted)
    return found


def across(data: Known, recipe: pairs.City, top: int = 0, weighted: bool = True) -> list[Trial]:
    """Cities taught, sources not: photos of other sources against references of the main one."""
    others = np.setdiff1d(np.arange(len(data.items)), data.main)
    return _trials(data, fitted(data, recipe, data.main[data.fold[data.main] != 0]), others, data.main, top, weighted)


def opened(data: Known, recipe: pairs.City, top: int = 0, weighted: bool = True) -> list[Trial]:
    """A city not taught, each in turn: all its photos and a fifth of the others', claimed for it."""
    found: list[Trial] = []
    for name in sorted(set(data.cities[data.main].tolist())):
        of_city = data.main[data.cities[data.main] == name]
        rest = np.setdiff1d(data.main, of_city)
        queries = np.r_[of_city, rest[data.fold[rest] == 0]]
        found += _trials(data, fitted(data, recipe, rest[data.fold[rest] != 0]), queries, of_city, top, weighted)
    return found


PROTOCOLS = {"closed": closed, "across sources": across, "open": opened}


def fitted(data: Known, recipe: pairs.City, rows: Rows) -> pairs.Pairs:
    """The pair network taught on some rows; taken from the cache where the same was taught before."""
    key = hashlib.sha256(repr((recipe, rows.tolist(), [data.items[at].path for at in rows])).encode())
    key.update(np.ascontiguousarray(data.views[rows, 0]).tobytes())
    _, classes = pairs.indices(data.cities[rows].tolist())
    folder = cache() / key.hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    views = training_views(data.views[rows])
    return pairs.train(recipe, pairs.of_views(views), classes, data.top_two[rows], folder, views)


def _trials(
    data: Known, net: pairs.Pairs, queries: Rows, references: Rows, top: int = 0, weighted: bool = True
) -> list[Trial]:
    names = tuple(sorted(set(data.cities[references].tolist())))
    where = {item.city: item.country for item in data.items}
    columns = [data.labels.index(where[name]) for name in names]
    gate = np.stack([(data.top_two == column).any(1) for column in columns], 1)
    vectors = heads.outputs(net.branch, data.views[:, CENTRE])
    groups = np.array([item.group for item in data.items])
    seen = cities.Photos(vectors.astype(np.float64), data.scenes.astype(np.float64), data.cities, groups, names, gate)
    return cities.trials(seen, net.head(), queries, references, top, weighted)


def train(photos: Photos, views: Values, name: str, root: Path | None = None, symmetric: bool = False) -> Path:
    """The pair network on every city of at least FEWEST photos, calibrated on cities held out -> its model folder."""
    recipe = replace(RECIPE, symmetric=symmetric)
    data = known(photos, views)
    tried = {scope: protocol(data, recipe) for scope, protocol in PROTOCOLS.items()}
    counts = Counter(data.cities.tolist())
    rows = np.array([at for at, name in enumerate(data.cities) if counts[name] >= FEWEST], np.intp)
    net = fitted(data, recipe, rows)
    network, golden = to_onnx(net.branch, (2, views.shape[-1]))
    described = card(
        name, f"Same city or not, by pairs ({'symmetric' if symmetric else 'thesis'} head) on the shared backbone",
        {"reads": "features of backbone", **asdict(recipe)}, sources([data.items[at] for at in rows]), SPLIT,
        tuple(one for scope, found in tried.items() for one in metrics(scope, cities.rates(found, gate=True))),
        tuple(one for s, found in tried.items() for one in metrics(f"{s}, no gate", cities.rates(found, gate=False))),
        (elsewhere([data.items[at] for at in rows]),), photos, "city",
    )  # fmt: skip
    arrays = {"golden": golden, **city.to_arrays(net.head(), margin(tried["open"]))}
    return weights.save(described, arrays, root, network)


def metrics(scope: str, found: Rates) -> tuple[Metric, ...]:
    """Rates -> the metrics of a card."""
    return (
        metric("TP at FP 2 %", scope, found.at_2),
        metric("TP at FP 5 %", scope, found.at_5),
        metric("AUC", scope, found.auc),
        Metric("TP by the thesis's rule (8.3)", scope, found.tp),
        Metric("FP by the thesis's rule (8.4)", scope, found.fp),
    )


def margin(found: Sequence[Trial]) -> Calibration:
    """Open-set trials that passed their gate -> calibration of the margin; the groups are pairs of cities."""
    passed = [one for one in found if one.passed]
    there = np.array([one.claimed == one.truth for one in passed])
    names = [f"{one.claimed} {one.truth}" for one in passed]
    return calibrate(np.array([one.margin for one in passed]), there, names)


def _main(items: Sequence[Item]) -> Rows:
    """Rows of the cities with at least MANY photos in the source that has most of them."""
    largest, _ = Counter(item.source for item in items).most_common(1)[0]
    counts = Counter(item.city for item in items if item.source == largest)
    return np.array([at for at, one in enumerate(items) if one.source == largest and counts[one.city] >= MANY], np.intp)
