"""The city model: pair heads on the shared backbone, tried on cities taught and not taught, calibrated (8.3.2)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import cache
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.learn.place import country as countries
from sightcheck.learn.place.photos import (
    FEWEST,
    Photos,
    card,
    elsewhere,
    metric,
    taught,
)
from sightcheck.nets import heads
from sightcheck.nets.export import to_onnx
from sightcheck.nets.loop import Schedule
from sightcheck.nets.place import city as pairs
from sightcheck.nets.place.features import Features
from sightcheck.place import city, country, scene
from sightcheck.place.backbone import CLIP, LITE
from sightcheck.place.embedding import Names, reader
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
SPLIT = (
    "fifths by group (near copies together): one asked about, one compared with, three taught, a tenth of which chose "
    "the epoch; open: no photo of the claimed city taught; kept model: all photos, a tenth of which chose the epoch"
)
SCENES = {LITE: "scene", CLIP: "scene-clip"}
MANY = 100
"""Photos of one source that make a city one of those the protocols claim."""


@dataclass(frozen=True)
class Known:
    """City photos ready for the protocols: items, features (n, v, d), scene groups (n, 16), held-out countries (n, C).

    `labels`: the ISO 3166 codes of each of the C classes. `main`: rows of the cities with at least MANY photos in the
    largest source; `fold` (n,) in five; a claim passes the gate whose country is among the `gate` likeliest.
    """

    items: tuple[Item, ...]
    views: Features
    scenes: Values
    countries: NDArray[np.float64]
    labels: tuple[tuple[str, ...], ...]
    main: Rows
    fold: Rows
    gate: int = country.GATE

    @property
    def cities(self) -> NDArray[np.str_]:
        """(n,) city of each photo."""
        return np.array([item.place for item in self.items])

    @property
    def top_two(self) -> Rows:
        """(n, 2) the two likeliest countries."""
        return np.argsort(-self.countries, axis=1, kind="stable")[:, : country.GATE]


def known(photos: Photos, views: Features, gate: str = "") -> Known:
    """All photos, their features -> the city photos with their countries.

    `gate` names the country model that tells them, as it is; without one, heads do that never saw them.
    """
    rows, told, labels = _asked(photos, gate) if gate else _held_out(photos, views)
    of_cities = tuple(photos.items[at] for at in rows)
    scenes = weights.load(SCENES[views.read])
    groups16 = scenes.arrays["groups16"]
    seen = views[rows]
    places = country.softmax(weights.session(scenes.network).run(None, {"input": seen.centre})[0])
    main = _main(of_cities)
    return Known(
        of_cities, seen, scene.grouped(places, groups16), told, labels, main,
        tables.folds(of_cities, [f"{item.place} {item.source}" for item in of_cities]),
    )  # fmt: skip


def _held_out(photos: Photos, views: Features) -> tuple[Rows, NDArray[np.float64], tuple[tuple[str, ...], ...]]:
    """Rows of the city photos, their countries by heads that were taught the other folds, the classes' codes."""
    kept, labels, classes = taught([item.country for item in photos.items])
    items = [photos.items[at] for at in kept]
    fold = tables.folds(items, [f"{item.country} {item.source}" for item in items])
    logits = countries.held_out(heads.CountryHead(), views[kept], classes, len(labels), fold)
    of_cities = np.array([bool(item.city) for item in items])
    return kept[of_cities], country.fused(logits[of_cities, : views.cuts]), tuple((one,) for one in labels)


def _asked(photos: Photos, gate: str) -> tuple[Rows, NDArray[np.float64], tuple[tuple[str, ...], ...]]:
    """Rows of the city photos, their countries by the model of this name, the codes of its classes."""
    model = reader(Names(country=gate))
    rows = np.array([at for at, item in enumerate(photos.items) if item.city], np.intp)
    told = np.stack([model.embed(photos.pixels[at]).countries for at in rows]).astype(np.float64)
    return rows, told, model.countries.labels


def closed(data: Known, recipe: pairs.City, top: int = 0, weighted: bool = True) -> list[Trial]:
    """Cities taught: each fold's photos of the main source, against those of the next fold.

    Neither teaches nor validates, as in the thesis, where the photos of the verification set, queries and references,
    lie apart from those of training (Table 8.1, 8.4.2).
    """
    found: list[Trial] = []
    for number in range(5):
        here, references, others = _dealt(data, number)
        found += _trials(data, fitted(data, recipe, others), here, references, top, weighted)
    return found


def across(data: Known, recipe: pairs.City, top: int = 0, weighted: bool = True) -> list[Trial]:
    """Cities taught, sources not: photos of other sources against some of the main one that teach nothing."""
    others = np.setdiff1d(np.arange(len(data.items)), data.main)
    _, references, taught_rows = _dealt(data, 0)
    return _trials(data, fitted(data, recipe, taught_rows), others, references, top, weighted)


def _dealt(data: Known, number: int) -> tuple[Rows, Rows, Rows]:
    """Rows of the main source: those asked about, those they are compared with, those that teach."""
    fold = data.fold[data.main]
    held, references = fold == number, fold == (number + 1) % 5
    return data.main[held], data.main[references], data.main[~held & ~references]


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
    """The pair network taught on some rows, a tenth of their groups validating it; kept where it was taught before."""
    _, classes = pairs.indices(data.cities[rows].tolist())
    views, top_two = data.views[rows].teaching, data.top_two[rows]
    about = (recipe, data.cities[rows].tolist(), [data.items[at].group for at in rows], top_two, views)
    folder = cache.folder("models") / cache.key(*about, code=("nets", "learn/place", "place"))
    folder.mkdir(parents=True, exist_ok=True)
    tenth = tables.folds([data.items[at] for at in rows], data.cities[rows].tolist(), k=10) == 0
    kept = [len(set(classes[where].tolist())) > 1 for where in (tenth, ~tenth)]
    teach = ~tenth if all(kept) else np.full(len(rows), True)

    def shown(where: NDArray[np.bool_]) -> pairs.Shown:
        return pairs.Shown(pairs.of_views(views[where]), classes[where], top_two[where])

    return pairs.train(recipe, shown(teach), folder, shown(tenth) if all(kept) else None, views[teach])


def _trials(
    data: Known, net: pairs.Pairs, queries: Rows, references: Rows, top: int = 0, weighted: bool = True
) -> list[Trial]:
    names = tuple(sorted(set(data.cities[references].tolist())))
    where = {item.place: item.country for item in data.items}
    gate = np.stack([_passes(data, where[name]) for name in names], 1)
    vectors = heads.outputs(net.branch, data.views.centre)
    groups = np.array([item.group for item in data.items])
    seen = cities.Photos(vectors.astype(np.float64), data.scenes.astype(np.float64), data.cities, groups, names, gate)
    return cities.trials(seen, net.head(), queries, references, top, weighted)


def _passes(data: Known, code: str) -> NDArray[np.bool_]:
    """(n,) whether each photo passes a country's gate; all do where the country is not covered."""
    columns = [at for at, codes in enumerate(data.labels) if code in codes]
    likeliest = np.argsort(-data.countries, axis=1, kind="stable")[:, : data.gate]
    return np.asarray(np.isin(likeliest, columns).any(1)) if columns else np.full(len(data.items), True)


def train(
    photos: Photos, views: Features, name: str, root: Path | None = None, symmetric: bool = False, gate: str = ""
) -> Path:
    """The pair network on every city of at least FEWEST photos, calibrated on cities held out -> its model folder.

    `gate`: see `known`.
    """
    recipe = replace(RECIPE, symmetric=symmetric)
    data = known(photos, views, gate)
    tried = {scope: protocol(data, recipe) for scope, protocol in PROTOCOLS.items()}
    counts = Counter(data.cities.tolist())
    rows = np.array([at for at, name in enumerate(data.cities) if counts[name] >= FEWEST], np.intp)
    net = fitted(data, recipe, rows)
    network, golden = to_onnx(net.branch, (2, views.values.shape[-1]))
    described = card(
        name, f"Same city or not, by pairs ({'symmetric' if symmetric else 'thesis'} head) on the shared backbone",
        {
            "reads": f"features of {views.read}", **asdict(recipe), "gate": gate or "heads taught without the photo",
            "plausible_share": plausible(data, recipe, rows),
        },
        tables.sources([data.items[at] for at in rows]), SPLIT,
        tuple(one for scope, found in tried.items() for one in metrics(scope, cities.rates(found, gate=True))),
        tuple(one for s, found in tried.items() for one in metrics(f"{s}, no gate", cities.rates(found, gate=False))),
        (elsewhere([data.items[at] for at in rows]),), photos, "city",
    )  # fmt: skip
    arrays = {"golden": golden, **city.to_arrays(net.head(), margin(tried["open"]))}
    return weights.save(described, arrays, root, network)


def plausible(data: Known, recipe: pairs.City, rows: Rows) -> float:
    """The share of plausible pairs among the negative ones that an epoch draws."""
    _, classes = pairs.indices(data.cities[rows].tolist())
    drawn = pairs.sample(classes, data.top_two[rows], recipe.pairs, recipe.plausible, np.random.default_rng(0))
    return round(pairs.plausible_share(drawn, data.top_two[rows]), 3)


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
    counts = Counter(item.place for item in items if item.source == largest)
    return np.array(
        [at for at, one in enumerate(items) if one.source == largest and counts[one.place] >= MANY], np.intp
    )
