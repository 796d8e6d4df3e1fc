"""Are cities told apart with the photos apart that teach, that are asked about and that are compared with?"""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from sightcheck import weights
from sightcheck.data.manifest import Item
from sightcheck.learn.place import city
from sightcheck.learn.place.photos import Photos
from sightcheck.nets.loop import Schedule
from sightcheck.nets.place.features import Features
from sightcheck.place import country
from sightcheck.place.embedding import ROLES

QUICK = replace(city.RECIPE, pairs=64, validation_pairs=32, schedule=Schedule(epochs=2, batch=32, rate=0.05))
CITIES = (("Paris", "FR", ""), ("Paris", "US", "Texas"), ("Paris", "US", "Tennessee"))


def drawn(count: int = 24) -> tuple[Photos, Features]:
    """Photos of three cities of one name from one source, two of each city from another, and their features."""
    items = [
        Item(path=key, kind="photo", city=name, country=code, region=region, group=key,
             source="main" if n < count else "other")
        for name, code, region in CITIES for n in range(count + 2) for key in [f"{code}{region}{n}"]
    ]  # fmt: skip
    random = np.random.default_rng(0)
    pixels = tuple(random.integers(0, 256, (256, 256, 3), np.uint8) for _ in items)
    values = random.normal(size=(len(items), 7, 1280)).astype(np.float32)
    return Photos(tuple(items), pixels, ()), Features(values, 5, "backbone")


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path) -> city.Known:  # type: ignore[no-untyped-def]
    if missing := [name for name in ROLES if not (weights.BUNDLED / name).is_dir()]:
        pytest.skip(f"the bundled models {missing} are missing")
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path))
    monkeypatch.setattr(city, "MANY", 20)
    return city.known(*drawn())


def test_cities_of_one_name_are_three(data: city.Known) -> None:
    found = city.closed(data, QUICK)
    assert {one.claimed for one in found} == {"Paris, FR", "Paris, Texas, US", "Paris, Tennessee, US"}
    assert len(found) == 3 * len(data.main)


def test_what_teaches_is_never_asked_about_or_compared_with(data: city.Known, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, trials = city.fitted, city._trials
    taught: list[set[int]] = []

    def fit(known, recipe, rows):  # type: ignore[no-untyped-def]
        taught.append(set(rows.tolist()))
        return fitted(known, recipe, rows)

    def tried(known, net, queries, references, *more):  # type: ignore[no-untyped-def]
        assert not taught[-1] & set(queries.tolist())
        assert not taught[-1] & set(references.tolist())
        assert {known.items[at].source for at in references} == {"main"}
        return trials(known, net, queries, references, *more)

    monkeypatch.setattr(city, "fitted", fit)
    monkeypatch.setattr(city, "_trials", tried)
    for protocol in city.PROTOCOLS.values():
        assert protocol(data, QUICK)
    asked = [set(city._dealt(data, number)[0].tolist()) for number in range(5)]
    assert set().union(*asked) == set(data.main.tolist())
    assert sum(map(len, asked)) == len(data.main)


def test_a_named_country_model_gates(data: city.Known) -> None:
    photos, views = drawn()
    gated = city.known(photos, views, "country")
    model = country.from_arrays(weights.load("country").arrays)
    assert gated.labels == model.labels
    assert data.labels == (("FR",), ("US",))
    np.testing.assert_array_equal(city._passes(gated, "FR"), (gated.top_two == model.index("FR")).any(1))
    assert city._passes(gated, "VA").all(), "a country that is not covered denies nothing"
    assert not city._passes(gated, "FR").all()
