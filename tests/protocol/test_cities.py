"""Are cities scored by equations 8.3 and 8.4, with no photo voting on its own near copy?"""

import math

import numpy as np
import pytest

from sightcheck.place import city
from sightcheck.place.city import PairHead
from sightcheck.place.scene import similarity
from sightcheck.protocol import cities
from sightcheck.protocol.cities import Photos, Trial

PLACES = ("Oslo", "Lima")


def head() -> PairHead:
    random = np.random.default_rng(0)
    weight, bias, out = (random.normal(size=shape).astype(np.float32) for shape in ((64, 128), (64,), (64,)))
    return PairHead(weight / 8, bias, out / 8, 0.0, False)


def album(groups: str, places: str, gate: bool = True) -> Photos:
    """Photos with a letter for the group of each, and O or L for its city."""
    random, n = np.random.default_rng(1), len(groups)
    names = np.array([PLACES["OL".index(letter)] for letter in places])
    passed = np.full((n, 2), gate)
    return Photos(random.normal(size=(n, 64)), random.random((n, 16)), names, np.array(list(groups)), PLACES, passed)


def margin(photos: Photos, query: int, rows: list[int], top: int = 0, weighted: bool = True) -> float:
    different = head().different(photos.vectors[query], photos.vectors[rows])
    return city.vote(different, similarity(photos.scenes[query], photos.scenes[rows]), top, weighted).margin


def test_every_query_is_claimed_for_every_city_with_references() -> None:
    photos = album("abcdef", "OOOLLL")
    found = cities.trials(photos, head(), np.array([0, 3]), np.array([1, 2, 4, 5]))
    assert sorted((one.claimed, one.truth, one.group) for one in found) == [
        ("Lima", "Lima", "d"), ("Lima", "Oslo", "a"), ("Oslo", "Lima", "d"), ("Oslo", "Oslo", "a")
    ]  # fmt: skip
    wanted = {
        ("Oslo", "a"): (0, [1, 2]),
        ("Lima", "a"): (0, [4, 5]),
        ("Oslo", "d"): (3, [1, 2]),
        ("Lima", "d"): (3, [4, 5]),
    }
    for one in found:
        assert one.margin == pytest.approx(margin(photos, *wanted[one.claimed, one.group]))


def test_a_query_of_a_city_without_references_is_only_claimed_elsewhere() -> None:
    found = cities.trials(album("abcd", "OOLL"), head(), np.array([2, 3]), np.array([0, 1]))
    assert {(one.claimed, one.truth) for one in found} == {("Oslo", "Lima")}
    rates = cities.rates(found, gate=False)
    assert math.isnan(rates.tp)
    assert 0 <= rates.fp <= 1


def test_near_copies_of_the_query_do_not_vote_even_as_references() -> None:
    photos = album("aaabcc", "OOOOLL")
    found = cities.trials(photos, head(), np.array([0]), np.arange(6))
    oslo = next(one for one in found if one.claimed == "Oslo")
    assert oslo.margin == pytest.approx(margin(photos, 0, [3]))
    assert oslo.margin != pytest.approx(margin(photos, 0, [1, 2, 3]))


def test_where_all_references_are_near_copies_nothing_is_verified() -> None:
    (only,) = cities.trials(album("aaa", "OOO"), head(), np.array([0]), np.array([1, 2]))
    assert only.margin == 0
    assert cities.matrix([only], gate=False) == {("Oslo", "Oslo"): 0.0}


@pytest.mark.parametrize(("top", "weighted"), [(0, True), (2, True), (0, False), (1, False)])
def test_trials_vote_as_asked(top: int, weighted: bool) -> None:
    photos = album("abcdef", "OOOOOO")
    (only,) = cities.trials(photos, head(), np.array([0]), np.arange(1, 6), top, weighted)
    assert only.margin == pytest.approx(margin(photos, 0, [1, 2, 3, 4, 5], top, weighted))


def test_the_gate_is_that_of_the_claimed_city() -> None:
    photos = album("abcd", "OOLL")
    photos.gate[0] = True, False
    found = cities.trials(photos, head(), np.array([0]), np.arange(1, 4))
    assert {one.claimed: one.passed for one in found} == {"Oslo": True, "Lima": False}
    assert [score == -2 for score in cities.scores(found, gate=True)] == [one.claimed == "Lima" for one in found]
    assert cities.scores(found, gate=False).tolist() == [one.margin for one in found]


def table(cells: dict[tuple[str, str], tuple[int, int]], passed: bool = True) -> list[Trial]:
    """(claimed, truth) -> how many of how many verified."""
    return [
        Trial(0.5 if at < yes else -0.5, passed, claimed, truth, f"{truth}{at}")
        for (claimed, truth), (yes, of) in cells.items()
        for at in range(of)
    ]


CELLS = {("A", "A"): (9, 10), ("B", "B"): (3, 5), ("A", "B"): (1, 5), ("B", "A"): (0, 10)}


def test_rates_are_means_of_cells_and_not_of_photos() -> None:
    """Equations 8.3 and 8.4: a city of few photos weighs as much as one of many."""
    found = cities.rates(table(CELLS), gate=True)
    assert found.tp == pytest.approx((0.9 + 0.6) / 2)
    assert found.fp == pytest.approx((0.2 + 0.0) / 2)
    assert found.trials == 30
    assert cities.matrix(table(CELLS), gate=True) == {
        cell: pytest.approx(yes / of) for cell, (yes, of) in CELLS.items()
    }


def test_a_margin_of_nought_is_not_verified() -> None:
    tied = [Trial(0.0, True, "A", "A", "a"), Trial(1e-9, True, "A", "B", "b")]
    assert cities.matrix(tied, gate=False) == {("A", "A"): 0.0, ("A", "B"): 1.0}


def test_a_gated_query_counts_as_a_rejection() -> None:
    shut = table(CELLS, passed=False)
    gated, free = cities.rates(shut, gate=True), cities.rates(shut, gate=False)
    assert (gated.tp, gated.fp) == (0, 0)
    assert (free.tp, free.fp) == (pytest.approx(0.75), pytest.approx(0.1))


def test_rates_at_fixed_false_positives_know_the_perfect_and_the_useless() -> None:
    right = [
        Trial(1.0 if claimed == truth else -1.0, True, claimed, truth, f"{truth}{at}")
        for at in range(20)
        for claimed in "AB"
        for truth in "AB"
    ]
    best = cities.rates(right, gate=False)
    assert (best.at_2.value, best.at_5.value, best.auc.value) == (1, 1, 1)
    same = [Trial(0.1, True, one.claimed, one.truth, one.group) for one in right]
    worst = cities.rates(same, gate=False)
    assert (worst.at_2.value, worst.at_5.value, worst.auc.value) == (0, 0, 0.5)
