"""Does evidence weigh what it should, and no more?"""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sightcheck.verdict import (
    TAKEN_THERE,
    Evidence,
    RatioBand,
    Reliability,
    Tippett,
    band_at,
    calibrate,
    group_weights,
    strength,
    weigh_photo,
    weigh_video,
)


def evidence(log10_lr: float | None, method: str = "m") -> Evidence:
    return Evidence(method, "a sentence", 0.0, log10_lr)


@pytest.mark.parametrize(
    ("log10_lr", "band"),
    [
        (None, "none"),
        (0.0, "none"),
        (0.499, "none"),
        (0.5, "weak"),
        (-0.5, "weak"),
        (-0.999, "weak"),
        (1.0, "moderate"),
        (1.999, "moderate"),
        (2.0, "strong"),
        (-2.999, "strong"),
        (-3.0, "very strong"),
        (40.0, "very strong"),
    ],
)
def test_bands_start_at_their_edges(log10_lr: float | None, band: str) -> None:
    assert strength(log10_lr) == band


@pytest.mark.parametrize(
    ("log10_lr", "at"),
    [(-9.0, 0), (-1.0, 0), (-0.999, 1), (-0.5, 1), (-0.499, 2), (0.0, 2), (0.499, 2), (0.5, 3), (0.999, 3), (1.0, 4)],
)
def test_an_edge_belongs_to_the_band_farther_from_zero(log10_lr: float, at: int) -> None:
    assert band_at((-1.0, -0.5, 0.5, 1.0), log10_lr) == at


def test_a_reliability_that_does_not_fit_together_is_refused() -> None:
    none = RatioBand(0, 0, 0, 0.0, 0.0, None, None)
    with pytest.raises(ValueError, match="1 edges part 2 bands, not 1"):
        Reliability((0.0,), (none,), Tippett((), (), ()), 0, 0)
    with pytest.raises(ValueError, match="2 points"):
        Tippett((0.0, 1.0), (1.0, 1.0), (1.0,))


def test_a_verdict_has_no_truth_value() -> None:
    with pytest.raises(TypeError, match="not true or false"):
        bool(weigh_video([evidence(2.0)]))


@pytest.mark.parametrize(
    ("ratios", "answer"),
    [
        ([0.7], "synthetic"),
        ([-1.2], "no sign of synthesis"),
        ([0.4], "undecided"),
        ([], "undecided"),
        ([None, None], "undecided"),
        ([None, 0.8], "synthetic"),
        ([0.8, -0.6], "undecided"),
        ([0.8, -0.4], "synthetic"),
        ([0.8, 2.0], "synthetic"),
        ([-0.8, 0.5], "undecided"),
        ([0.8, None, -3.0], "undecided"),
        ([0.4, 3.0], "undecided"),
    ],
)
def test_the_first_ratio_decides_unless_opposed(ratios: list[float | None], answer: str) -> None:
    assert weigh_video([evidence(ratio) for ratio in ratios]).answer == answer


@pytest.mark.parametrize(
    ("fused", "parts", "answer", "band"),
    [
        (1.2, [-3.0], "synthetic", "moderate"),
        (-0.6, [2.0, None], "no sign of synthesis", "weak"),
        (0.4, [3.0, 3.0], "undecided", "none"),
        (None, [3.0], "undecided", "none"),
    ],
)
def test_a_calibrated_fusion_decides_alone(
    fused: float | None, parts: list[float | None], answer: str, band: str
) -> None:
    said = [evidence(ratio, str(at)) for at, ratio in enumerate(parts)]
    together = replace(evidence(fused, "joint"), weighs=tuple(one.method for one in said))
    verdict = weigh_video([together, *said])
    assert (verdict.answer, verdict.strength) == (answer, band)
    assert verdict.evidence == (together, *said)
    assert verdict.log10_lr == fused, "what a part says does not stand for it"
    if fused is not None and abs(fused) >= 0.5:
        assert weigh_video([replace(together, weighs=()), *said]).answer == "undecided", "only what weighs them may"


def test_a_fusion_that_is_not_asked_first_does_not_decide() -> None:
    together = replace(evidence(-2.0, "joint"), weighs=("traces",))
    assert weigh_video([evidence(1.0, "traces"), together]).answer == "undecided"
    assert weigh_video([evidence(1.0, "traces"), replace(together, log10_lr=0.0)]).answer == "synthetic"


@pytest.mark.parametrize(
    ("city", "country", "answer", "band"),
    [
        (0.7, 0.6, "taken there", "weak"),
        (0.7, 2.5, "taken there", "weak"),
        (-1.2, -0.6, "not taken there", "moderate"),
        (-1.2, 0.4, "not taken there", "moderate"),
        (0.7, -0.6, "undecided", "none"),
        (-1.2, 0.6, "undecided", "none"),
        (0.4, 2.0, "undecided", "none"),
        (None, 1.1, "taken there", "moderate"),
        (None, -0.5, "not taken there", "weak"),
        (None, None, "undecided", "none"),
    ],
)
def test_the_city_decides_a_photo_unless_the_country_objects(
    city: float | None, country: float | None, answer: str, band: str
) -> None:
    given = [evidence(city, "city"), evidence(country, "country"), evidence(None, "metadata")]
    verdict = weigh_photo(given)
    assert (verdict.answer, verdict.strength, verdict.question) == (answer, band, TAKEN_THERE)
    assert verdict.evidence == tuple(given)


def test_a_photo_without_evidence_is_undecided() -> None:
    assert weigh_photo([]).answer == "undecided"


def test_ratios_are_never_multiplied() -> None:
    assert weigh_video([evidence(0.8), evidence(0.8), evidence(0.8)]).strength == "weak"


def test_calibration_is_a_balanced_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    synthetic = np.arange(400) < 100
    scores = rng.normal(np.where(synthetic, 1.0, -1.0), 1.0)
    found = calibrate(scores, synthetic, [str(number) for number in range(400)])
    spread = scores.std()
    expected = LogisticRegression(C=1.0, class_weight="balanced").fit(scores[:, None] / spread, synthetic)
    assert found.slope == pytest.approx(expected.coef_[0, 0] / spread / math.log(10), rel=1e-4)
    assert found.offset == pytest.approx(expected.intercept_[0] / math.log(10), abs=1e-4)
    assert found.slope == pytest.approx(2 / math.log(10), rel=0.3), "two unit Gaussians two apart: ln LR = 2 s"
    assert found.log10_lr(0.0) == pytest.approx(0.0, abs=0.15)


def test_many_clips_of_one_group_weigh_as_one_group() -> None:
    rng = np.random.default_rng(0)
    synthetic = np.arange(400) < 200
    scores = rng.normal(np.where(synthetic, 1.0, -1.0), 1.0)
    scores[-1] = 3.0
    many = np.repeat(np.arange(400), [1] * 399 + [400])  # one real clip that misleads, four hundred times
    once, grouped, counted = (
        calibrate(scores, synthetic, [*map(str, range(400))]),
        calibrate(scores[many], synthetic[many], [*map(str, many)]),
        calibrate(scores[many], synthetic[many], [*map(str, range(len(many)))]),
    )
    assert grouped.slope == pytest.approx(once.slope, rel=0.02)
    assert counted.slope < once.slope / 2
    assert (grouped.groups_real, grouped.groups_synthetic) == (200, 200)


def test_few_groups_bound_the_ratio() -> None:
    scores = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 5.2])
    found = calibrate(scores, scores > 1, list("abcdef"))
    assert found.bound == pytest.approx(math.log10(4))
    assert found.log10_lr(1e9) == found.bound
    assert found.log10_lr(-1e9) == -found.bound


def test_scores_that_run_backwards_say_nothing() -> None:
    scores = np.array([0.0, 1.0, 2.0, 3.0])
    found = calibrate(scores, scores < 1.5, list("abcd"))
    assert found.log10_lr(3.0) == found.log10_lr(-3.0) == 0.0


def test_classes_weigh_alike_and_groups_within_them() -> None:
    synthetic = np.array([False] * 4 + [True] * 2)
    groups = np.array(list("aaabcd"))
    weights = group_weights(synthetic, groups)
    assert weights[synthetic].sum() == pytest.approx(weights[~synthetic].sum())
    assert weights[:3].sum() == pytest.approx(weights[3])
    assert weights.sum() == pytest.approx(6)
    clips = group_weights(synthetic, groups, softness=1.0)
    assert clips[0] == pytest.approx(clips[3])
    between = group_weights(synthetic, groups, softness=0.5)
    assert between[3] / between[0] == pytest.approx(math.sqrt(3))
