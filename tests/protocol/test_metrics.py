import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from sightcheck.protocol.metrics import accuracy, auc, balanced_accuracy, bootstrap, cllr, ece, resamples, tpr_at_fpr

rows = st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(1, 4)), min_size=2, max_size=40)
both = rows.filter(lambda given: len({label for _, label, _ in given}) == 2)


def arrays(given):
    scores, labels, weights = zip(*given, strict=True)
    return np.array(scores, float), np.array(labels, bool), np.array(weights, float)


@given(both)
def test_metrics_equal_scikit_learn_with_ties_and_weights(given):
    scores, labels, weights = arrays(given)
    called = scores > 3
    assert auc(scores, labels, weights) == pytest.approx(reference.roc_auc_score(labels, scores, sample_weight=weights))
    assert accuracy(called, labels, weights) == pytest.approx(
        reference.accuracy_score(labels, called, sample_weight=weights)
    )
    assert balanced_accuracy(called, labels, weights) == pytest.approx(
        reference.balanced_accuracy_score(labels, called, sample_weight=weights)
    )
    fpr, tpr, _ = reference.roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)
    for limit in (0, 0.01, 0.3, 1):
        assert tpr_at_fpr(scores, labels, limit, weights) == pytest.approx(tpr[fpr <= limit + 1e-12].max())


def test_weights_count_clips_as_if_repeated():
    scores, labels = np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True])
    times = np.array([2, 1, 3, 1])
    again = np.repeat(np.arange(4), times)
    for metric in (auc, lambda s, y, w=None: ece(s, y, 10, w), lambda s, y, w=None: tpr_at_fpr(s, y, 0.5, w)):
        assert metric(scores, labels, times.astype(float)) == pytest.approx(metric(scores[again], labels[again]))


def test_a_hand_worked_case():
    scores, labels = np.array([3.0, 2, 2, 1]), np.array([True, False, True, False])
    assert auc(scores, labels) == (1 + 1 + 0.5 + 1) / 4
    assert tpr_at_fpr(scores, labels, 0.01) == 0.5
    assert tpr_at_fpr(scores, labels, 0.5) == 1


def test_ece_by_hand():
    probabilities, labels = np.array([0.05, 0.05, 0.95, 1.0]), np.array([False, True, True, True])
    assert ece(probabilities, labels) == pytest.approx((2 * (0.5 - 0.05) + 0.05) / 4)
    assert ece(probabilities, labels, bins=1) == pytest.approx(0.75 - 0.5125)
    assert ece(np.array([0.0, 1.0]), np.array([False, True])) == 0


@pytest.mark.parametrize("labels", [[True, True], [False, False], []])
def test_one_class_gives_nan(labels):
    y, s = np.array(labels, bool), np.zeros(len(labels))
    assert np.isnan([auc(s, y), tpr_at_fpr(s, y, 0.1), balanced_accuracy(s > 0, y)]).all()


def test_nothing_gives_nan():
    assert np.isnan([accuracy(np.zeros(0, bool), np.zeros(0, bool)), ece(np.zeros(0), np.zeros(0, bool))]).all()


def test_resamples_draw_whole_groups_inside_their_class():
    synthetic = np.array([True, True, True, False, False, False])
    weights = resamples(synthetic, ["a", "a", "b", "a", "c", "d"], 200)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, [0, 2]].sum(1) == 2).all()
    assert (weights[:, 3:].sum(1) == 3).all()
    assert set(np.unique(weights[:, 0])) == {0, 1, 2}


def test_the_interval_is_that_of_the_mean_over_groups():
    """30 groups of 10 equal clips: the interval is that of 30 numbers, not of 300."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 10)
    values = rng.normal(size=30)[groups]
    synthetic = np.ones(300, bool)
    found = bootstrap(lambda w: float(np.average(values, weights=w)), synthetic, groups.astype(str))
    assert (found.n, found.groups, found.value) == (300, 30, pytest.approx(values.mean()))
    assert found.high - found.low == pytest.approx(2 * 1.96 * values[::10].std() / np.sqrt(30), rel=0.1)
    assert found == bootstrap(lambda w: float(np.average(values, weights=w)), synthetic, groups.astype(str))


def test_one_group_in_a_class_has_no_interval():
    labels = np.array([True, True, False, False])
    found = bootstrap(lambda w: auc(np.arange(4.0), labels, w), labels, ["a", "a", "b", "c"], n=20)
    assert (found.value, found.groups) == (0, 3)
    assert np.isnan([found.low, found.high]).all()


def test_cllr_is_one_for_ratios_that_say_nothing_and_falls_with_what_they_say() -> None:
    there = np.array([True, False, False])
    assert cllr(np.zeros(3), there) == pytest.approx(1)
    assert cllr(np.array([3.0, -3, -3]), there) < 0.01
    assert cllr(np.array([-3.0, 3, 3]), there) > 5
    assert np.isnan(cllr(np.zeros(2), np.array([True, True])))
