"""Are claims counted as they are, near copies left out, and ratios held out by city?"""

import numpy as np
import pytest

from sightcheck.data.manifest import Item
from sightcheck.place.matching import Features
from sightcheck.protocol import matches
from sightcheck.protocol.matches import Photos, Trial


def photos(cities: str, groups: list[str] | None = None) -> Photos:
    """One photo a letter, that of its city; each has points of its own, but the last one those of the first."""
    made = []
    for at in range(len(cities)):
        random = np.random.default_rng(0 if at == len(cities) - 1 else at)
        points = random.uniform(0, 1, (60, 2)).astype(np.float32)
        made.append(Features(points, random.uniform(0, 1, (60, 128)).astype(np.float32), 340, 256))
    items = tuple(
        Item(path=f"{at}.jpg", kind="photo", city=city, group=groups[at] if groups else str(at), source="s")
        for at, city in enumerate(cities)
    )
    return Photos(items, tuple(made), np.full((len(cities), 365), 1 / 365, np.float32))


def test_every_photo_is_claimed_for_every_city_that_has_references() -> None:
    found = matches.trials(photos("AABBA"), np.arange(5), np.arange(4))
    assert len(found) == 10
    assert sum(one.there for one in found) == 5


def test_a_photo_that_a_reference_shows_again_has_its_points() -> None:
    found = {(one.group, one.claimed): one.points for one in matches.trials(photos("ABA"), np.array([2]), np.arange(2))}
    assert found["2", "A"] >= 40
    assert found["2", "B"] < 10


def test_near_copies_are_no_references() -> None:
    found = matches.trials(photos("AABA", ["x", "1", "2", "x"]), np.array([3]), np.arange(3))
    assert next(one.points for one in found if one.claimed == "A") < 10


def claims(there: list[int], elsewhere: list[int], city: str = "A") -> list[Trial]:
    true = [Trial(points, city, city, f"t{city}{at}", "s") for at, points in enumerate(there)]
    return true + [Trial(points, city, "Z", f"f{city}{at % 5}", "s") for at, points in enumerate(elsewhere)]


def test_the_scale_counts_the_claims_that_reached_each_step() -> None:
    scale = matches.scale(claims([3, 12, 55], [0] * 9 + [16]))
    assert scale.reached_there == (2, 1, 1, 1, 1)
    assert scale.reached_elsewhere == (1, 1, 0, 0, 0)
    assert (scale.there, scale.elsewhere, scale.each) == (3, 10, 2.0)


def test_a_citys_ratios_come_from_other_cities() -> None:
    found = claims([60] * 10, [0] * 50) + claims([0] * 10, [60] * 50, "B")
    ratios = matches.held_out(found)
    assert ratios[0] == 0  # where B alone teaches, so many points say nothing
    assert ratios[70:].max() == pytest.approx(np.log10(6))  # by A: all of 10, against 0 of 50 and one photo's 10 more
    assert matches.held_out(found[:60], found[60:]).max() == 0
