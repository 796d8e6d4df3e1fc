"""Are claims on cities scored with what is known of other places from other sources alone?"""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from sightcheck import weights
from sightcheck.data.manifest import Item
from sightcheck.learn.place import country, nearest
from sightcheck.learn.place.photos import FEWEST, Photos
from sightcheck.nets import heads
from sightcheck.nets.place.features import Features
from sightcheck.place.city import Nearest, from_arrays
from sightcheck.place.embedding import Names, Reader

COUNTRIES = {"Rome": "IT", "Paris": "FR", "Berlin": "DE"}


def drawn(count: int = FEWEST + 4, apart: float = 1.5, width: int = 40) -> tuple[tuple[Item, ...], Features]:
    """`count` photos of three cities from each of two sources, and of no city from a third; features by city."""
    items = [
        Item(path=key, kind="photo", city=name, country=code, group=key, source=source)
        for source in ("one", "two") for name, code in COUNTRIES.items() for n in range(count)
        for key in [f"{source}{name}{n}"]
    ]  # fmt: skip
    items += [Item(path=f"s{n}", kind="photo", country="IT", group=f"s{n}", source="street") for n in range(60)]
    random = np.random.default_rng(0)
    centres = {name: random.normal(size=width) * apart for name in COUNTRIES}
    centre = np.stack([centres.get(item.city, np.zeros(width)) for item in items])
    values = centre[:, None] + random.normal(size=(len(items), 3, width))
    return tuple(items), Features(values.astype(np.float32), 3, "clip")


def test_every_photo_is_claimed_for_every_city_and_source() -> None:
    items, features = drawn()
    found = nearest.trials(items, features)
    photos = sum(bool(item.city) for item in items)
    assert len(found.claimed) == photos * 6
    assert found.claims.there.sum() == photos * 2
    assert set(found.claims.source.tolist()) == {"one", "two"}
    at_2, _, area = nearest.rates(found)
    assert area.value > 0.95
    assert at_2.value > 0.5


def test_what_is_known_of_other_places_is_of_neither_source_nor_city() -> None:
    items, features = drawn()
    asked: list[np.ndarray] = []

    def kept(model: Nearest, query: np.ndarray, references: np.ndarray) -> float:
        asked.append(model.others)
        assert len(references) <= nearest.REFERENCES
        return nearest.margin(model, query, references)

    nearest.trials(items, features, score=kept)
    sizes = {len(one) for one in asked}
    count = FEWEST + 4
    # of one source: the other source's two other cities and the street; across two sources: the street alone
    assert sizes == {2 * count + 60, 60}


def test_near_copies_are_not_compared() -> None:
    items, features = drawn()
    twins = tuple(
        Item(path=one.path, kind="photo", city=one.city, country=one.country, source=one.source, group="same")
        if one.path.startswith("oneRome") else one for one in items
    )  # fmt: skip
    found = nearest.trials(twins, features)
    own = (found.claimed == "Rome, IT") & (found.claims.source == "one") & (found.claims.compared == "one")
    assert set(found.truth[own].tolist()) == {"Berlin, DE", "Paris, FR"}, "a photo of one group has nothing left"


def test_heads_never_saw_the_source_they_are_scored_on() -> None:
    items, features = drawn()
    labels = sorted(COUNTRIES.values())
    classes = np.array([labels.index(item.country) for item in items])
    found = country.unseen(heads.CountryHead(), features, classes, 3, [item.source for item in items])
    assert set(found.sources.tolist()) == {"one", "two", "street"}
    assert found.covered.all()
    alone = country.unseen(heads.CountryHead(), features, classes, 3, ["one"] * len(items))
    assert not len(alone.classes), "one source leaves nothing to teach"
    meaning = found.meaning(labels)
    assert meaning.claimed is not None
    assert meaning.coverage == min(found.coverage().values())


def test_a_model_is_kept_with_what_it_learned_from(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    items, features = drawn(width=1280)
    features = Features(features.values, 3, "backbone")
    random = np.random.default_rng(0)
    pixels = tuple(random.integers(0, 256, (64, 64, 3), np.uint8) for _ in items)
    photos = Photos(items, pixels, ())
    folder = nearest.train(photos, features, "mine", tmp_path / "detectors")
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))
    loaded = weights.load("mine")
    verifier, fitted = from_arrays(loaded.arrays)
    assert folder.name == "mine"
    assert isinstance(verifier, Nearest)
    assert fitted is not None
    reader = Reader(Names(city="mine"))
    assert set(photos.fingerprints.tolist()) <= set(reader.taught.tolist())
