"""Is a calibration of claims blind to the source it is scored on, and does it deny only what every source bears?"""

import math

import numpy as np
import pytest

from sightcheck.protocol import claims, metrics
from sightcheck.protocol.claims import Claims


def made(shift: float = 0.0, seed: int = 0) -> Claims:
    """400 claims of four sources, true ones two above false ones; those of the last source lie `shift` lower."""
    random = np.random.default_rng(seed)
    source = np.repeat([f"s{at}" for at in range(4)], 100)
    there = np.tile(np.arange(100) < 50, 4)
    score = random.normal(size=400) + 2.0 * there - shift * (source == "s3")
    unit = np.array([f"{name} {number % 10}" for name, number in zip(source, range(400), strict=True)])
    return Claims(score, there, unit, source, source)


def test_a_ratio_never_learned_from_its_own_source() -> None:
    one = made()
    other = made()
    turned = other.score.copy()
    turned[other.source == "s1"] *= -5
    changed = claims.ratios(Claims(turned, other.there, other.unit, other.source, other.compared))
    same = one.source == "s1"
    told = claims.ratios(one)
    kept = claims.calibration(one[one.source != "s1"])
    assert told[same] == pytest.approx([kept.log10_lr(score) for score in one.score[same]])
    assert changed[same] == pytest.approx([kept.log10_lr(score) for score in turned[same]])


def test_references_of_a_source_are_held_out_with_it() -> None:
    one = made()
    compared = np.where(np.arange(400) % 3 == 0, "s1", one.compared)
    told = claims.ratios(Claims(one.score, one.there, one.unit, one.source, compared))
    at = int(np.flatnonzero(one.source == "s1")[0])
    without = one[(one.source != "s1") & (compared != "s1")]
    assert told[at] == pytest.approx(claims.calibration(without).log10_lr(one.score[at]))


def test_a_denial_is_bounded_by_the_sources_and_by_the_worst_of_them() -> None:
    fair, unfair = claims.calibration(made()), claims.calibration(made(shift=3.0))
    assert fair.floor is not None
    assert fair.floor <= math.log10(5) < fair.bound
    assert unfair.floor is not None
    assert unfair.floor < claims.MODERATE
    assert unfair.log10_lr(-50) == pytest.approx(-unfair.floor)
    assert unfair.log10_lr(50) == pytest.approx(unfair.bound)


def test_the_card_tells_of_every_source() -> None:
    told = {(one.name, one.scope): one.value for one in claims.informed(made())}
    assert {scope for _, scope in told} == {claims.ALIKE, *(f"s{at}, held out" for at in range(4))}
    assert 0 < (told["Cllr", claims.ALIKE] or 0) < 1


@pytest.mark.parametrize(
    ("ratios", "wanted"), [([0, 0], 1.0), ([20, -20], 0.0), ([1, -1], math.log2(1.1)), ([-1, 1], math.log2(11))]
)
def test_the_cost_of_ratios_is_its_definition(ratios: list[float], wanted: float) -> None:
    assert metrics.cllr(np.array(ratios, float), np.array([True, False])) == pytest.approx(wanted, abs=1e-6)


def test_the_cost_of_one_class_is_undefined_and_weights_count() -> None:
    assert math.isnan(metrics.cllr(np.zeros(2), np.array([True, True])))
    there = np.array([True, True, False])
    doubled = metrics.cllr(np.array([1.0, 0.0, 0.0]), there, np.array([1.0, 0.0, 1.0]))
    assert doubled == pytest.approx((math.log2(1.1) + 1) / 2)
