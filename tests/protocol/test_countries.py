"""Are countries scored as chapter 7 scores them, and calibrated on nothing they are scored on?"""

import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score, top_k_accuracy_score

from sightcheck.place import country
from sightcheck.protocol import countries
from sightcheck.protocol.claims import calibration

CLASSES = 12


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 12) probabilities and (n,) classes that are drawn from them: perfectly calibrated."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(CLASSES, 0.3), n) * 0.999 + 0.001 / CLASSES
    return probabilities, (random.random((n, 1)) > probabilities.cumsum(1)).sum(1)


def crops(probabilities: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """(n, C) -> (n, 5, C) logits of five crops that all see the same."""
    return np.repeat(scale * np.log(probabilities)[:, None], 5, 1)


@pytest.mark.parametrize("k", countries.TOPS)
def test_accuracy_among_the_k_likeliest_is_scikit_learn_s(k: int) -> None:
    probabilities, truth = drawn(500, 1)
    wanted = top_k_accuracy_score(truth, probabilities, k=k, labels=range(CLASSES))
    assert countries.hits(probabilities, truth, k).mean() == pytest.approx(wanted)


def test_of_equal_probabilities_the_lower_class_is_first() -> None:
    even = np.full((3, 4), 0.25)
    assert countries.hits(even, np.array([0, 1, 3]), 2).tolist() == [True, True, False]


def test_balanced_accuracy_is_scikit_learn_s_with_weights_and_without() -> None:
    probabilities, truth = drawn(500, 2)
    called, hit = probabilities.argmax(1), countries.hits(probabilities, truth, 1)
    assert countries.balanced(hit, truth) == pytest.approx(balanced_accuracy_score(truth, called))
    weights = np.random.default_rng(0).random(500)
    wanted = balanced_accuracy_score(truth, called, sample_weight=weights)
    assert countries.balanced(hit, truth, weights) == pytest.approx(wanted)
    weights[truth == 3] = 0
    others = [one for one in np.unique(truth) if one != 3]
    wanted = recall_score(truth, called, labels=others, average="macro", sample_weight=weights)
    assert countries.balanced(hit, truth, weights) == pytest.approx(wanted)
    assert math.isnan(countries.balanced(hit, truth, np.zeros(500)))


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.92, 0.08], [0.98, 0.02], [0.62, 0.38], [0.66, 0.34], [1.0, 0.0]])
    truth = np.array([0, 1, 0, 0, 0])  # above .9: 2 of 3 at 2.9 in all; in .6 to .7: 2 of 2 at 1.28 in all
    assert countries.ece(probabilities, truth) == pytest.approx((abs(2.9 - 2) + abs(1.28 - 2)) / 5)
    assert countries.ece(np.eye(2), np.array([0, 1])) == 0
    assert countries.ece(np.eye(2), np.array([1, 0])) == 1


def test_calibrated_probabilities_have_next_to_no_error() -> None:
    probabilities, truth = drawn(8000, 3)
    assert countries.ece(probabilities, truth) < 0.02
    assert countries.ece(country.softmax(3 * np.log(probabilities)), truth) > 0.1


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_a_shortlist_covers_what_it_promises_on_photos_it_has_not_seen(coverage: float) -> None:
    (held, truth), (fresh, wanted) = drawn(4000, 4), drawn(4000, 5)
    sharpened, fresh = (country.softmax(2 * np.log(one)) for one in (held, fresh))  # wrongly calibrated, as models are
    least = countries.threshold(sharpened, truth, coverage)
    assert (fresh[np.arange(4000), wanted] >= least).mean() == pytest.approx(coverage, abs=0.03)


def test_a_higher_coverage_needs_a_lower_threshold() -> None:
    probabilities, truth = drawn(400, 6)
    found = [countries.threshold(probabilities, truth, coverage) for coverage in (0.5, 0.7, 0.9, 0.99)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1]


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_temperature_finds_how_much_the_logits_were_scaled(scale: float) -> None:
    probabilities, truth = drawn(4000, 7)
    found = countries.temperature(crops(probabilities, scale), truth)
    assert found == pytest.approx(scale, rel=0.1)
    assert np.allclose(country.fused(crops(probabilities, scale), temperature=scale), probabilities, atol=1e-4)


def test_a_fold_is_calibrated_by_the_others_alone() -> None:
    probabilities, truth = drawn(600, 8)
    fold = np.arange(600) % 3
    plain = countries.cross_fitted(crops(probabilities, 2), truth, fold)
    for number in range(3):
        here = fold == number
        turned = truth.copy()
        turned[here] = np.random.default_rng(0).permutation(truth[here])
        found = countries.cross_fitted(crops(probabilities, 2), turned, fold)
        for before, after in zip(plain, found, strict=True):
            assert np.array_equal(before[here], after[here])
        assert not np.allclose(plain[0][~here], found[0][~here]), "the others do use that fold's truth"


@pytest.mark.parametrize("fusion", ["average", "maximum", "centre"])
def test_cross_fitted_rows_sum_to_one_and_list_the_likeliest(fusion: str) -> None:
    probabilities, truth = drawn(600, 9)
    logits = crops(probabilities, 2) + np.random.default_rng(1).normal(0, 0.3, (600, 5, CLASSES))
    found, listed = countries.cross_fitted(logits, truth, np.arange(600) % 3, fusion)
    assert np.allclose(found.sum(1), 1)
    assert listed[np.arange(600), found.argmax(1)].all()
    assert np.array_equal(found.argmax(1), country.fused(logits, fusion).argmax(1))
    assert listed[np.arange(600), truth].mean() == pytest.approx(0.9, abs=0.05)


def test_a_claim_gains_from_what_tells_countries_apart_and_from_nothing_else() -> None:
    probabilities, truth = drawn(600, 10)
    sources = np.array([f"source {one % 10}" for one in range(600)])
    lands = np.array([f"land {one % 5}" for one in range(600)])
    every = np.full(probabilities.shape, True)
    found = countries.claimed(probabilities, truth, sources, lands, every)
    assert (len(found.score), int(found.there.sum())) == (600 * CLASSES, 600)
    part = countries.claimed(probabilities, truth, sources, lands, every & (np.arange(CLASSES) > 0))
    assert len(part.score) == 600 * (CLASSES - 1)
    fitted = calibration(found)
    assert fitted.slope > 0
    assert fitted.log10_lr(country.log_odds(0.95)) > 0.5 > -0.5 > fitted.log10_lr(country.log_odds(0.001))
    assert fitted.groups_real == fitted.groups_synthetic == 10
    shuffled = np.random.default_rng(2).integers(0, CLASSES, 600)
    blind = calibration(countries.claimed(probabilities, shuffled, sources, lands, every))
    assert abs(blind.log10_lr(country.log_odds(0.95))) < 0.3


def test_measures_count_photos_and_shortlists() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1], [0.3, 0.4, 0.3]])
    truth = np.array([0, 0, 1, 1])
    listed = np.array([[1, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]], bool)
    found = countries.measures(probabilities, listed, truth, list("abcd"))
    assert [one.value for one in found.top] == [0.5, 1, 1, 1]
    assert found.balanced.value == 0.5
    assert (found.coverage.value, found.size, found.photos) == (0.75, 1.75, 4)
    assert found.coverage.low <= 0.75 <= found.coverage.high


def test_an_interval_is_over_groups_and_not_over_photos() -> None:
    probabilities, truth = drawn(40, 11)
    many = [np.repeat(one, 10, axis=0) for one in (probabilities, probabilities > 0.1, truth)]
    names = [str(at) for at in range(400)]
    apart = countries.measures(*many, names).top[0]
    together = countries.measures(*many, [str(at // 10) for at in range(400)]).top[0]
    assert together.value == apart.value
    assert together.high - together.low > 2 * (apart.high - apart.low)
