"""What do the country and city models score, beside their controls? The tables of docs/photo-study.md.

    python -m sightcheck.bench.photo_study TABLE...

The last table's largest source is told apart as "street view" where it holds most photos; features and trained heads
are taken from the cache where they are there.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck.data import photos as tables
from sightcheck.learn.place import city
from sightcheck.learn.place.country import held_out
from sightcheck.learn.place.photos import Photos, read, seen, taught, training_views
from sightcheck.learn.recipes import VIEWS
from sightcheck.nets import heads
from sightcheck.place import country
from sightcheck.protocol import cities, countries
from sightcheck.protocol.metrics import Estimate

Views = NDArray[np.float32]
RESIZED = len(country.CROPS)


def main(*paths: str) -> None:
    """Print every table as Markdown, each as soon as it is there."""
    photos = read([Path(path) for path in paths])
    views = seen(photos, VIEWS)
    for line in chain(country_tables(photos, views), city_tables(photos, views)):
        print(line, flush=True)


def country_tables(photos: Photos, views: Views) -> Iterator[str]:
    """Table 7.3 by source group, and what happens to photos of the other group and of other sources."""
    kept, labels, classes = taught([item.country for item in photos.items])
    items, views = [photos.items[at] for at in kept], views[kept]
    fold = tables.folds(items, [f"{item.country} {item.source}" for item in items])
    largest, _ = Counter(item.source for item in items).most_common(1)[0]
    first = np.array([item.source == largest for item in items])
    recipe, groups = heads.CountryHead(), [item.group for item in items]
    yield f"\n{len(items)} photos, {len(labels)} countries, {len(set(groups))} groups; five folds by group.\n"
    yield "| taught on | scored on | row | top-1 | top-3 | top-5 | top-10 | balanced | ECE | coverage | shortlist |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    yield _chance(labels, classes[first])
    alone = held_out(recipe, views[first], classes[first], len(labels), fold[first])
    crops = countries.cross_fitted(alone[:, :RESIZED].astype(float), classes[first], fold[first])
    yield _row("street", "street", "average", *crops, classes[first], _where(groups, first))
    both = held_out(recipe, views, classes, len(labels), fold)
    for name in countries.ROWS:
        logits = (both[:, RESIZED:] if name == "resize" else both[:, :RESIZED]).astype(float)
        found = countries.cross_fitted(logits, classes, fold, "average" if name == "resize" else name)
        for scope, where in (("street", first), ("web", ~first)):
            part = (found[0][where], found[1][where], classes[where], _where(groups, where))
            yield _row("both", scope, name, *part)
    net = heads.country(recipe, training_views(views[first]), classes[first], len(labels))
    shown = country.fused(heads.outputs(net, views[~first, :RESIZED]))
    yield _row("street", "web", "average", shown, shown > 1, classes[~first], _where(groups, ~first))


def city_tables(photos: Photos, views: Views) -> Iterator[str]:
    """Table 8.4 on these photos, its columns as rows: sampling and gate, with cities taught and not taught.

    Beside them this project's own comparisons, which the thesis does not have: the symmetric head and the other votes.
    """
    data = city.known(photos, views)
    counts = Counter(data.cities[data.main].tolist())
    yield f"\nClaimed cities: {'; '.join(f'{name} ({count})' for name, count in sorted(counts.items()))}.\n"
    yield "| protocol | head | plausible pairs | vote | gate | TP, FP 2 % | TP, FP 5 % | AUC | TP (8.3) | FP (8.4) |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    settings = [(symmetric, plausible) for symmetric in (False, True) for plausible in (0.5, 0.0)]
    for name, protocol in city.PROTOCOLS.items():
        for symmetric, plausible in settings[:3]:
            recipe = replace(city.RECIPE, symmetric=symmetric, plausible=plausible)
            for vote, kwargs in (("weighted", {}), ("plain", {"weighted": False}), ("20 most similar", {"top": 20})):
                if vote != "weighted" and (symmetric or not plausible):
                    continue
                trials = protocol(data, recipe, **kwargs)
                for gate in (True, False):
                    yield _city_row(name, symmetric, plausible, vote, gate, cities.rates(trials, gate))


def _city_row(name: str, symmetric: bool, plausible: float, vote: str, gate: bool, found: cities.Rates) -> str:
    head = "symmetric" if symmetric else "thesis"
    numbers = f"{_with(found.at_2)} | {_with(found.at_5)} | {_with(found.auc)} | {found.tp:.2f} | {found.fp:.2f}"
    return f"| {name} | {head} | {plausible:.0%} | {vote} | {'on' if gate else 'off'} | {numbers} |"


def _row(
    taught_on: str, scope: str, name: str, probabilities: NDArray[np.float64], listed: NDArray[np.bool_],
    classes: NDArray[np.intp], groups: list[str],
) -> str:  # fmt: skip
    found = countries.measures(probabilities, listed, classes, groups)
    tops = " | ".join(_with(one) if k < 1 else f"{one.value:.2f}" for k, one in enumerate(found.top))
    listing = f"{found.coverage.value:.2f} | {found.size:.1f}" if listed.any() else "- | -"
    return f"| {taught_on} | {scope} | {name} | {tops} | {found.balanced.value:.2f} | {found.ece:.2f} | {listing} |"


def _chance(labels: list[str], classes: NDArray[np.intp]) -> str:
    """Guessing the most frequent countries."""
    shares = np.sort(np.bincount(classes, minlength=len(labels)))[::-1] / len(classes)
    tops = " | ".join(f"{shares[:k].sum():.2f}" for k in countries.TOPS)
    return f"| - | street | chance | {tops} | {1 / len(set(classes.tolist())):.2f} | - | - | - |"


def _with(one: Estimate) -> str:
    return f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"


def _where(groups: list[str], where: NDArray[np.bool_]) -> list[str]:
    return [group for group, kept in zip(groups, where.tolist(), strict=True) if kept]


if __name__ == "__main__":
    main(*sys.argv[1:])
