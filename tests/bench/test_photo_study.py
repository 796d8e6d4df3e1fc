"""Do the tables of docs/photo-study.md have a row for all that they compare, made from what the protocols give?"""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from sightcheck.bench import photo_study
from sightcheck.data.manifest import Item
from sightcheck.learn.place.photos import FEWEST, Photos
from sightcheck.nets.place.features import Features

CITIES = {"Rome": "IT", "Paris": "FR"}
COUNT = FEWEST + 5


@pytest.fixture
def drawn(tmp_path, monkeypatch) -> tuple[Photos, Features]:  # type: ignore[no-untyped-def]
    """Photos of two cities from two sources and of no city from a third, with features by city."""
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path))
    items = [
        Item(path=key, kind="photo", city=city, country=code, group=key, source=source)
        for source in ("one", "two") for city, code in CITIES.items() for n in range(COUNT)
        for key in [f"{source}{city}{n}"]
    ]  # fmt: skip
    items += [
        Item(path=key, kind="photo", country=code, group=key, source="street")
        for code in CITIES.values() for n in range(40) for key in [f"{code}{n}"]
    ]  # fmt: skip
    random = np.random.default_rng(0)
    mean = {"IT": random.normal(size=80), "FR": random.normal(size=80)}
    values = np.stack([mean[one.country] for one in items])[:, None] + random.normal(size=(len(items), 3, 80))
    return Photos(tuple(items), (), ()), Features(values.astype(np.float32), 3, "clip")


def cells(lines: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]


def test_every_source_is_held_out(drawn: tuple[Photos, Features]) -> None:
    head, _, *rows = cells(list(photo_study.unseen_tables(drawn[0], [drawn[1]])))
    assert [row[1] for row in rows] == ["one", "street", "two", "all, units alike"]
    assert {len(row) for row in rows} == {len(head)}
    assert all(float(row[head.index("top-1")]) > 0.9 for row in rows[:3])


def test_each_part_of_nearness_is_taken_away_in_turn(drawn: tuple[Photos, Features]) -> None:
    photos, features = drawn
    head, _, *rows = cells(list(photo_study.nearest_tables(photos, [features])))
    assert len(rows) == 6
    assert {row[2] for row in rows} == {"one source", "across sources"}
    assert {len(row) for row in rows} == {len(head)}
    turned = photo_study.whitened(photos, features, 10)
    assert turned.values.shape == (len(photos.items), 3, 10)
    known = turned.centre[[not one.city for one in photos.items]]
    assert np.cov(known.T) == pytest.approx(np.eye(10), abs=1e-3)


def test_nearness_to_what_was_taught_is_told_by_quantiles(drawn: tuple[Photos, Features]) -> None:
    _, _, *rows = cells(list(photo_study.domain_table(drawn[0], [drawn[1]])))
    assert len(rows) == 6
    lows = [float(row[1].split(" to ")[0]) for row in rows]
    assert lows == sorted(lows)
