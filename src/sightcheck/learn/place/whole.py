"""The thesis's own recipes: a whole network learns, of any backbone; a fifth of the groups is held out (7.3, 8.3)."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.learn.place.city import margin
from sightcheck.learn.place.city import metrics as city_metrics
from sightcheck.learn.place.country import metrics as country_metrics
from sightcheck.learn.place.photos import Photos, Told, cache, card, sources, taught
from sightcheck.nets.export import to_onnx
from sightcheck.nets.place import city as pairs
from sightcheck.nets.place import country as classifier
from sightcheck.nets.place.photographs import outputs
from sightcheck.place import city, country
from sightcheck.place.embedding import reader
from sightcheck.place.world import gazetteer
from sightcheck.protocol import cities, countries
from sightcheck.verdict import Calibration

SHAPE = (2, 3, country.SIDE, country.SIDE)
SPLIT = "a fifth of the groups held out (near copies together); the kept model is the one that was scored"
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
    fold = tables.folds(items, [f"{item.country} {item.source}" for item in items])
    here, others = np.flatnonzero(fold == 0), np.flatnonzero(fold != 0)
    net = classifier.train(
        recipe,
        [pixels[at] for at in others],
        classes[others],
        len(labels),
        _folder(name, (recipe, labels), items),
        told,
    )
    logits = np.stack([outputs(net, country.five_crops(pixels[at])) for at in here]).astype(np.float64)
    truth, scored = classes[here], [items[at] for at in here]
    half = tables.folds(scored, [item.country for item in scored], k=2)
    probabilities, listed = countries.cross_fitted(logits, truth, half)
    temperature = countries.temperature(logits, truth)
    fitted = country.fused(logits, temperature=temperature)
    codes = [gazetteer.classes()[int(label)] if grouped else (label,) for label in labels]
    meaning = country.Countries(
        tuple(codes), temperature, countries.threshold(fitted, truth), countries.COVERAGE,
        countries.claimed(fitted, truth, [f"{item.country} {item.source}" for item in scored]),
    )  # fmt: skip
    network, golden = to_onnx(net, SHAPE)
    described = card(
        name, f"{len(labels)} classes of countries by {recipe.backbone} (7.3)", {"reads": "pixels", **asdict(recipe)},
        sources(items), SPLIT, country_metrics("held out", probabilities, listed, truth, scored), (), LIMITS, photos,
        "country",
    )  # fmt: skip
    return weights.save(described, {"golden": golden, **country.to_arrays(meaning)}, root, network)


def train_city(
    photos: Photos, recipe: pairs.City, name: str, root: Path | None = None, told: Told | None = None
) -> Path:
    """The pair network of 8.3.2 on every city of at least FEWEST photos, gated by the bundled country model."""
    weights.check_name(name, root)
    kept, labels, classes = taught([item.city for item in photos.items])
    items, pixels = [photos.items[at] for at in kept], [photos.pixels[at] for at in kept]
    fold = tables.folds(items, [f"{item.city} {item.source}" for item in items])
    read = [reader().embed(one) for one in pixels]
    told_countries = np.stack([one.countries for one in read])
    top_two = np.argsort(-told_countries, axis=1, kind="stable")[:, : country.GATE]
    others = np.flatnonzero(fold != 0)
    look = pairs.of_pixels([pixels[at] for at in others])
    net = pairs.train(recipe, look, classes[others], top_two[others], _folder(name, recipe, items), progress=told)
    middle = country.CROPS.index("centre")
    vectors = np.concatenate([outputs(net.branch, country.five_crops(one)[middle : middle + 1]) for one in pixels])
    gate = np.stack([_gate(top_two, items, label) for label in labels], 1)
    seen = cities.Photos(
        vectors.astype(np.float64), np.stack([one.scenes for one in read]).astype(np.float64),
        np.array([item.city for item in items]), np.array([item.group for item in items]), tuple(labels), gate,
    )  # fmt: skip
    found = cities.trials(seen, net.head(), np.flatnonzero(fold == 0), others)
    network, golden = to_onnx(net.branch, SHAPE)
    described = card(
        name, f"Same city or not, by pairs, {recipe.backbone} (8.3.2)", {"reads": "pixels", **asdict(recipe)},
        sources(items), SPLIT, city_metrics("closed", cities.rates(found, gate=True)),
        city_metrics("closed, no gate", cities.rates(found, gate=False)), LIMITS, photos, "city",
    )  # fmt: skip
    return weights.save(described, {"golden": golden, **city.to_arrays(net.head(), _margin(found))}, root, network)


def _gate(top_two: NDArray[np.intp], items: Sequence[Item], city_name: str) -> NDArray[np.bool_]:
    """(n,) whether each photo passes a city's gate; a country that is not covered lets everything pass."""
    code = next(item.country for item in items if item.city == city_name)
    at = reader().countries.index(code)
    return np.full(len(items), True) if at is None else np.asarray((top_two == at).any(1))


def _margin(found: Sequence[cities.Trial]) -> Calibration | None:
    """Calibration of the vote's margin; None where no true or no false claim passed its gate."""
    passed = {one.claimed == one.truth for one in found if one.passed}
    return margin(found) if len(passed) == 2 else None


def _folder(name: str, recipe: object, items: Sequence[Item]) -> Path:
    """Where a run's checkpoints lie: another recipe or other photos are another run."""
    import hashlib

    key = hashlib.sha256(repr((recipe, [item.path for item in items])).encode()).hexdigest()[:16]
    folder = cache() / f"{name}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
