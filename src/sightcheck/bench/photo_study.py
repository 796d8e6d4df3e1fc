"""What do the country and city models score, beside their controls? The tables of docs/photo-study.md.

    python -m sightcheck.bench.photo_study TABLE...

The last table's largest source is told apart as "street view" where it holds most photos; features and trained heads
are taken from the cache where they are there.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import photos as tables
from sightcheck.learn.place import city, nearest
from sightcheck.learn.place.country import held_out, unseen
from sightcheck.learn.place.photos import Photos, read, seen, taught
from sightcheck.nets import heads
from sightcheck.nets.place.features import Features
from sightcheck.place import country
from sightcheck.place.backbone import CLIP, LITE
from sightcheck.place.city import NEAREST, Nearest
from sightcheck.protocol import cities, countries
from sightcheck.protocol.claims import ALIKE, cost, informed, ratios
from sightcheck.protocol.metrics import Estimate, cllr

Values = NDArray[np.float32]


def main(*paths: str) -> None:
    """Print every table as Markdown, each as soon as it is there."""
    photos = read([Path(path) for path in paths])
    views = [seen(photos, name) for name in (LITE, CLIP) if any(one.name == name for one in weights.folders())]
    for line in chain(unseen_tables(photos, views), domain_table(photos, views), nearest_tables(photos, views)):
        print(line, flush=True)
    for one in views:
        for line in chain(country_tables(photos, one), city_tables(photos, one), gates(photos, one)):
            print(line, flush=True)


def unseen_tables(photos: Photos, views: Sequence[Features]) -> Iterator[str]:
    """Countries on each source that the heads never saw, temperature, shortlist and ratio from the other sources."""
    yield "| features | source held out | photos | top-1 | top-3 | top-5 | ECE | coverage | Cllr | denied wrongly |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    kept, labels, classes = taught([item.country for item in photos.items])
    names = [photos.items[at].source for at in kept]
    for one in views:
        found = unseen(heads.CountryHead(), one[kept], classes, len(labels), names)
        told = {(row.scope, row.name): row.value for row in (*found.metrics(), *informed(found.claims(labels)))}
        for name in sorted(found.coverage()):
            numbers = [
                told.get((f"{name}, held out", what))
                for what in ("top-1", "top-3", "top-5", "ECE", "shortlist coverage", "Cllr", "denied wrongly, moderate")
            ]
            cells = " | ".join("-" if value is None else f"{value:.2f}" for value in numbers)
            yield f"| {one.read} | {name} | {int((found.sources == name).sum())} | {cells} |"
        yield f"| {one.read} | all, units alike | {len(found.classes)} | | | | | | {told[ALIKE, 'Cllr']:.2f} | |"


def domain_table(photos: Photos, views: Sequence[Features]) -> Iterator[str]:
    """Does nearness to the nearest five taught photos tell how far to trust a country? Sources held out."""
    yield "\n| features | nearness to taught photos | photos | top-1 | coverage | Cllr |"
    yield "| --- | --- | --- | --- | --- | --- |"
    kept, labels, classes = taught([item.country for item in photos.items])
    names = np.array([photos.items[at].source for at in kept])
    for one in views:
        features = one[kept]
        found = unseen(heads.CountryHead(), features, classes, len(labels), names.tolist())
        near = np.zeros(len(kept))
        for name in sorted(set(found.sources.tolist())):
            model = nearest.verifier(features, np.flatnonzero(names != name))
            cosines = model.vectors(features.centre[names == name]) @ model.others.T
            near[names == name] = np.sort(cosines, axis=1)[:, -NEAREST:].mean(1)
        claims, near = found.claims(labels), near[found.rows]
        given, (shown, listed) = ratios(claims), found.scored()
        photo = np.repeat(np.arange(len(near))[:, None], len(labels), 1)[found.covered]
        edges = np.quantile(near, (0, 0.02, 0.1, 0.25, 0.5, 0.75, 1))
        for low, high in pairwise(edges):
            here = (near >= low) & (near <= high)
            right = found.classes[here]
            told = (
                float(countries.hits(shown[here], right, 1).mean()), float(listed[here, right].mean()),
                cllr(given[here[photo]], claims.there[here[photo]]),
            )  # fmt: skip
            cells = " | ".join(f"{value:.2f}" for value in told)
            yield f"| {one.read} | {low:.2f} to {high:.2f} | {int(here.sum())} | {cells} |"


def nearest_tables(photos: Photos, views: Sequence[Features]) -> Iterator[str]:
    """Cities nobody taught, claimed by nearness: of one source and across sources, and what each part of it gives."""
    yield "\n| features | score | claims | TP, FP 2 % | TP, FP 5 % | AUC | Cllr, sources held out |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for one in views:
        for name, features, score in (
            ("5 nearest, less other places", one, nearest.margin),
            ("5 nearest", one, plain),
            ("5 nearest whitened, less other places", whitened(photos, one), nearest.margin),
        ):
            found = nearest.trials(photos.items, features, score=score)
            told = cost(found.claims, ratios(found.claims))
            for scope, part in (("one source", found[~found.across]), ("across sources", found[found.across])):
                at_2, at_5, area = nearest.rates(part)
                row = f"| {one.read} | {name} | {scope} | {_with(at_2)} | {_with(at_5)} | {_with(area)} |"
                yield f"{row} {told:.2f} |" if scope == "one source" else f"{row} |"


def plain(model: Nearest, query: Values, references: Values) -> float:
    """The mean of the NEAREST largest cosines, whatever other places have."""
    return float(np.sort(references @ query)[-NEAREST:].mean())


def whitened(photos: Photos, features: Features, kept: int = 64) -> Features:
    """Features projected on the `kept` largest principal components of the photos of no city, each scaled to 1."""
    known = features.centre[np.array([not one.city for one in photos.items])]
    size, axes = np.linalg.eigh(np.cov(known.T))
    turned = (features.values - known.mean(0)) @ (axes[:, -kept:] / np.sqrt(size[-kept:]))
    return replace(features, values=turned.astype(np.float32))


def country_tables(photos: Photos, views: Features) -> Iterator[str]:
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
    crops = countries.cross_fitted(alone[:, : views.cuts].astype(float), classes[first], fold[first])
    yield _row("street", "street", "average", *crops, classes[first], _where(groups, first))
    both = held_out(recipe, views, classes, len(labels), fold)
    for name in countries.ROWS if views.read == LITE else ("average",):
        logits = (both[:, views.cuts :] if name == "resize" else both[:, : views.cuts]).astype(float)
        found = countries.cross_fitted(logits, classes, fold, "average" if name == "resize" else name)
        for scope, where in (("street", first), ("web", ~first)):
            part = (found[0][where], found[1][where], classes[where], _where(groups, where))
            yield _row("both", scope, name, *part)
    net = heads.country(recipe, views[first].teaching, classes[first], len(labels))
    shown = country.fused(heads.outputs(net, views[~first].tests))
    yield _row("street", "web", "average", shown, shown > 1, classes[~first], _where(groups, ~first))


def city_tables(photos: Photos, views: Features) -> Iterator[str]:
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


def gates(photos: Photos, views: Features) -> Iterator[str]:
    """Figure 8.3: the pair network's rates as the gate lets N countries pass."""
    yield "\n| features | N | closed: TP (8.3) | FP (8.4) | open: TP (8.3) | FP (8.4) |"
    yield "| --- | --- | --- | --- | --- | --- |"
    data = city.known(photos, views)
    for count in range(1, 6):
        found = [cities.rates(one(replace(data, gate=count), city.RECIPE), True) for one in (city.closed, city.opened)]
        yield f"| {views.read} | {count} | " + " | ".join(f"{one.tp:.2f} | {one.fp:.2f}" for one in found) + " |"


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
