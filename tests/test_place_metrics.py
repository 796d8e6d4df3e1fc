"""Are countries and cities scored as chapters 7 and 8 score them, and calibrated on what was held out?"""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, top_k_accuracy_score

from sightcheck.bench import cities, countries
from sightcheck.bench.cities import Photos, Trial
from sightcheck.place import country
from sightcheck.place.city import PairHead


def sample(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(n, 6) probabilities and the (n,) classes drawn from them."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(6, 0.6), n)
    return probabilities, np.array([random.choice(6, p=row) for row in probabilities])


def test_hits_and_balance_are_scikit_learn_s() -> None:
    probabilities, truth = sample()
    for k in (1, 3, 5):
        wanted = top_k_accuracy_score(truth, probabilities, k=k, labels=range(6))
        assert countries.hits(probabilities, truth, k).mean() == pytest.approx(wanted)
    wanted = balanced_accuracy_score(truth, probabilities.argmax(1))
    assert countries.balanced(countries.hits(probabilities, truth, 1), truth) == pytest.approx(wanted)


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.35, 0.65]])
    truth = np.array([0, 1, 0, 1])
    assert countries.ece(probabilities, truth) == pytest.approx((2 * 0.45 + 2 * 0.35) / 4)


def test_the_threshold_covers_what_it_promises() -> None:
    (fit, truth), (fresh, wanted) = sample(4000, 1), sample(4000, 2)
    least = countries.threshold(fit, truth, 0.9)
    assert (fresh[np.arange(4000), wanted] >= least).mean() == pytest.approx(0.9, abs=0.02)


def test_temperature_undoes_a_known_one() -> None:
    probabilities, truth = sample(4000, 3)
    sharpened = np.repeat(3 * np.log(probabilities)[:, None], 5, 1)
    assert countries.temperature(sharpened, truth) == pytest.approx(3, rel=0.1)


def test_a_fold_is_never_calibrated_on_its_own_truth() -> None:
    probabilities, truth = sample(300, 4)
    logits, fold = np.repeat(np.log(probabilities)[:, None], 5, 1), np.arange(300) % 3
    turned = np.where(fold == 0, np.random.default_rng(0).permutation(truth), truth)
    before, after = (countries.cross_fitted(logits, labels, fold) for labels in (truth, turned))
    assert np.array_equal(before[0][fold == 0], after[0][fold == 0])
    assert np.array_equal(before[1][fold == 0], after[1][fold == 0])
    assert not np.array_equal(before[0][fold == 1], after[0][fold == 1])


def test_a_claimed_country_s_ratio_rises_with_its_probability() -> None:
    probabilities, truth = sample(400, 5)
    fitted = countries.claimed(probabilities, truth, [str(at) for at in truth])
    assert fitted.slope > 0
    assert fitted.log10_lr(country.log_odds(0.9)) > 0 > fitted.log10_lr(country.log_odds(0.01))


def test_measures_have_intervals_round_their_values() -> None:
    probabilities, truth = sample(100, 6)
    found = countries.measures(probabilities, probabilities >= 0.1, truth, [str(at) for at in range(100)])
    assert [one.value for one in found.top] == sorted(one.value for one in found.top)
    assert all(one.low <= one.value <= one.high for one in (*found.top[:2], found.balanced, found.coverage))


def photos() -> Photos:
    """Four photos of two cities; the first two are near copies of each other."""
    vectors = np.zeros((4, 64))
    vectors[:, 0] = (1, 1, 1, -1)
    names = np.array(["Rome", "Rome", "Rome", "Paris"])
    gate = np.array([[True, False], [True, True], [False, True], [True, True]])
    return Photos(vectors, np.ones((4, 16)), names, np.array(["a", "a", "b", "c"]), ("Rome", "Paris"), gate)


def opposite() -> PairHead:
    """P(different) falls below a half where the symmetric product a * b is positive."""
    weight, out = np.zeros((64, 128), np.float32), np.zeros(64, np.float32)
    weight[0, 64], out[0] = 1, -4
    return PairHead(weight, np.zeros(64, np.float32), out, 2.0, True)


def test_near_copies_do_not_vote_and_every_claim_is_tried() -> None:
    every = np.arange(4)
    found = cities.trials(photos(), opposite(), every, every)
    assert len(found) == 8
    first = next(one for one in found if one.claimed == "Rome" and one.group == "a")
    alone = cities.trials(photos(), opposite(), every[:1], every[2:3])[0]
    assert first.margin == alone.margin
    assert [one.passed for one in found if one.claimed == "Rome"] == [True, True, False, True]


def test_a_rejected_query_is_never_verified() -> None:
    found = [Trial(0.9, False, "Rome", "Rome", "a"), Trial(0.1, True, "Rome", "Paris", "b")]
    assert cities.scores(found, gate=True).tolist() == [-2.0, 0.1]
    assert cities.scores(found, gate=False).tolist() == [0.9, 0.1]


def test_rates_are_equations_8_3_and_8_4() -> None:
    cells = {("A", "A"): (3, 4), ("A", "B"): (1, 4), ("B", "B"): (2, 4), ("B", "A"): (0, 4)}
    found = [
        Trial(1.0 if at < yes else -1.0, True, claimed, truth, f"{claimed}{truth}{at}")
        for (claimed, truth), (yes, of) in cells.items()
        for at in range(of)
    ]
    rates = cities.rates(found, gate=True)
    assert rates.tp == pytest.approx((0.75 + 0.5) / 2)
    assert rates.fp == pytest.approx((0.25 + 0.0) / 2)
    assert cities.matrix(found, gate=True)["A", "B"] == 0.25
