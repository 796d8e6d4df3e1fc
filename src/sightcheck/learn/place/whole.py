"""The thesis's own recipes: a whole network learns, of any backbone, split as published by whole groups (7.2, 8.3)."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import cache
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.data.split import published
from sightcheck.errors import UsageError
from sightcheck.learn.place.city import margin
from sightcheck.learn.place.city import metrics as city_metrics
from sightcheck.learn.place.country import metrics as country_metrics
from sightcheck.learn.place.photos import Photos, Told, card, taught
from sightcheck.nets.export import to_onnx
from sightcheck.nets.place import city as pairs
from sightcheck.nets.place import country as classifier
from sightcheck.nets.place.photographs import outputs
from sightcheck.place import city, country
from sightcheck.place.embedding import Names, Reader, reader
from sightcheck.place.world import gazetteer
from sightcheck.protocol import cities, countries
from sightcheck.protocol.claims import calibration
from sightcheck.verdict import Calibration

SAME = "calibrated on the photos it was scored on, for too few groups of photos were given to part them"
CODE = ("nets", "learn/place", "place", "data/split.py")
SHAPE = (2, 3, country.SIDE, country.SIDE)
SPLIT = "96, 2 and 2 % of each country by group (near copies together): taught, calibrated, scored"
CITY_SPLIT = "fifths of the groups: one scored, one to compare with, one chose the epoch, two taught"
LIMITS = ("scored on photos of the sources it was taught: on photos from elsewhere it is weaker",)


def train_country(
    photos: Photos, recipe: classifier.Country, name: str, root: Path | None = None, grouped: bool = False,
    told: Told | None = None,
) -> Path:  # fmt: skip
    """The classifier of 7.3 on every country of at least FEWEST photos -> its model folder.

    `grouped`: the 61 classes of the thesis in place of single countries. Stopped, it goes on after its last epoch.
    """
    weights.check_name(name, root)
    names = [str(gazetteer.class_of(item.country)) if grouped else item.country for item in photos.items]
    kept, labels, classes = taught(names)
    items, pixels = [photos.items[at] for at in kept], [photos.pixels[at] for at in kept]
    names_kept = [names[at] for at in kept]
    parts = published(items, names_kept)
    others = np.flatnonzero(parts == "train")
    about = (recipe, labels, [(item.path, item.sha256, item.country, item.group) for item in items])
    net = classifier.train(
        recipe,
        [pixels[at] for at in others],
        classes[others],
        len(labels),
        cache.run(cache.key(name, *about, code=CODE)),
        told,
    )
    chosen, here = (_rows(parts, classes, part) for part in ("validation", "test"))
    outputs_of = {
        part: np.stack([outputs(net, country.five_crops(pixels[at])) for at in rows]).astype(np.float64)
        for part, rows in (("validation", chosen), ("test", here))
    }
    temperature = countries.temperature(outputs_of["validation"], classes[chosen])
    fitted = country.fused(outputs_of["validation"], temperature=temperature)
    threshold = countries.threshold(fitted, classes[chosen])
    probabilities = country.fused(outputs_of["test"], temperature=temperature)
    listed = probabilities >= threshold
    truth, scored = classes[here], [items[at] for at in here]
    codes = [gazetteer.classes()[int(label)] if grouped else (label,) for label in labels]
    limits = (*LIMITS, *_unscored(codes, truth), *((SAME,) if chosen.tolist() == here.tolist() else ()))
    meaning = country.Countries(
        tuple(codes), temperature, threshold, countries.COVERAGE,
        _claimed(fitted, classes[chosen], [items[at] for at in chosen]),
    )  # fmt: skip
    network, golden = to_onnx(net, SHAPE)
    described = card(
        name, f"{len(labels)} classes of countries by {recipe.backbone} (7.3)", {"reads": "pixels", **asdict(recipe)},
        tables.sources(items), SPLIT,
        country_metrics("held out", probabilities, listed, truth, scored), (), limits, photos,
        "country",
    )  # fmt: skip
    return weights.save(described, {"golden": golden, **country.to_arrays(meaning)}, root, network)


def train_city(
    photos: Photos, recipe: pairs.City, name: str, root: Path | None = None, told: Told | None = None,
    gate: str = "country",
) -> Path:  # fmt: skip
    """The pair network of 8.3.2 on every city of at least FEWEST photos; `gate`: the country model that gates it."""
    weights.check_name(name, root)
    kept, labels, classes = taught([item.place for item in photos.items])
    items, pixels = [photos.items[at] for at in kept], [photos.pixels[at] for at in kept]
    fold = tables.folds(items, [f"{item.place} {item.source}" for item in items])
    asked = reader(Names(country=gate))
    read = [asked.embed(one) for one in pixels]
    told_countries = np.stack([one.countries for one in read])
    top_two = np.argsort(-told_countries, axis=1, kind="stable")[:, : country.GATE]
    others, validating = np.flatnonzero(fold > 2), np.flatnonzero(fold == 2)
    about = (recipe, labels, gate, top_two, [(item.path, item.sha256, item.place, item.group) for item in items])

    def shown(rows: NDArray[np.intp]) -> pairs.Shown:
        return pairs.Shown(pairs.of_pixels([pixels[at] for at in rows]), classes[rows], top_two[rows])

    checked = shown(validating) if len(set(classes[validating].tolist())) > 1 else None
    net = pairs.train(recipe, shown(others), cache.run(cache.key(name, *about, code=CODE)), checked, None, told)
    middle = country.CROPS.index("centre")
    vectors = np.concatenate([outputs(net.branch, country.five_crops(one)[middle : middle + 1]) for one in pixels])
    passes = np.stack([_gate(asked, top_two, items, label) for label in labels], 1)
    seen = cities.Photos(
        vectors.astype(np.float64), np.stack([one.scenes for one in read]).astype(np.float64),
        np.array([item.place for item in items]), np.array([item.group for item in items]), tuple(labels), passes,
    )  # fmt: skip
    found = cities.trials(seen, net.head(), np.flatnonzero(fold == 0), np.flatnonzero(fold == 1))
    network, golden = to_onnx(net.branch, SHAPE)
    drawn = pairs.sample(classes[others], top_two[others], recipe.pairs, recipe.plausible, np.random.default_rng(0))
    share = round(pairs.plausible_share(drawn, top_two[others]), 3)
    described = card(
        name, f"Same city or not, by pairs, {recipe.backbone} (8.3.2)",
        {"reads": "pixels", **asdict(recipe), "gate": gate, "plausible_share": share},
        tables.sources(items), CITY_SPLIT, city_metrics("closed", cities.rates(found, gate=True)),
        city_metrics("closed, no gate", cities.rates(found, gate=False)), LIMITS, photos, "city",
    )  # fmt: skip
    return weights.save(described, {"golden": golden, **city.to_arrays(net.head(), _margin(found))}, root, network)


def _rows(parts: NDArray[np.str_], classes: NDArray[np.intp], part: str) -> NDArray[np.intp]:
    """The rows of a part, or those that test where it is empty. Raises UsageError where nothing is held out."""
    rows = np.flatnonzero(parts == part)
    rows = rows if len(rows) else np.flatnonzero(parts == "test")
    if not len(rows):
        raise UsageError("no country has two groups of photos, so that nothing can be held out; add photos of others")
    return rows


def _claimed(fitted: NDArray[np.float64], truth: NDArray[np.intp], items: Sequence[Item]) -> Calibration:
    """Validation photos' probabilities (n, C) and classes (n,) -> calibration of a claimed country."""
    named, lands = (np.array([getattr(one, name) for one in items]) for name in ("source", "country"))
    return calibration(countries.claimed(fitted, truth, named, lands, np.full(fitted.shape, True)))


def _unscored(codes: Sequence[tuple[str, ...]], truth: NDArray[np.intp]) -> tuple[str, ...]:
    """What is said of the classes of which no photo was held out."""
    names = [code[0] for at, code in enumerate(codes) if at not in truth]
    return (f"not scored on {', '.join(names)}: no group of its photos can be held out",) if names else ()


def _gate(asked: Reader, top_two: NDArray[np.intp], items: Sequence[Item], place: str) -> NDArray[np.bool_]:
    """(n,) whether each photo passes a city's gate; a country that is not covered lets everything pass."""
    code = next(item.country for item in items if item.place == place)
    at = asked.countries.index(code)
    return np.full(len(items), True) if at is None else np.asarray((top_two == at).any(1))


def _margin(found: Sequence[cities.Trial]) -> Calibration | None:
    """Calibration of the vote's margin; None where no true or no false claim passed its gate."""
    passed = {one.claimed == one.truth for one in found if one.passed}
    return margin(found) if len(passed) == 2 else None
