"""Is the linear detector the one that is described, and what do aligned pairs teach it?"""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sightcheck.verdict import group_weights
from sightcheck.video import linear, traces
from sightcheck.video.linear import Taught, with_pairs

ONE = [("all", 3)]


def vectors(n: int = 24, d: int = 45) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    synthetic = np.arange(n) % 2 == 1
    return rng.random((n, d)) + 0.3 * synthetic[:, None], synthetic


def names(n: int, each: int = 1) -> np.ndarray:
    return np.array([str(number // each) for number in range(n)])


def scenes(n: int = 20) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """n scenes, real and synthetic, half of them pairs of one camera: columns of scene, scene and making, camera."""
    rng, synthetic = np.random.default_rng(1), np.repeat([False, True], n)
    scene = np.tile(rng.normal(0, 1, n), 2)
    camera = np.where(np.tile(np.arange(n) < n // 2, 2), 0.0, np.where(synthetic, 1.0, -1.0))
    noise = rng.normal(0, 0.05, (2, 2 * n))
    pairs = [(at, n + at) for at in range(n // 2)]
    return np.stack([scene, scene + 0.3 * synthetic + noise[0], camera + noise[1]], 1), synthetic, pairs


def test_f_svm_is_scikit_learns_linear_libsvm_whatever_is_paired() -> None:
    rows, synthetic = vectors()
    ours = linear.fit("footprint", rows, synthetic, [""] * len(rows))
    np.testing.assert_allclose(
        ours.scores(rows), SVC(kernel="linear", C=0.1).fit(rows, synthetic).decision_function(rows)
    )
    paired = linear.fit("footprint", rows, synthetic, [""] * len(rows), [(0, 1), (2, 3)])
    np.testing.assert_array_equal(paired.coef, ours.coef)
    assert paired.intercept == ours.intercept


def test_percent_in_place_of_fractions_is_another_margin() -> None:
    rows, synthetic = vectors()
    groups = [""] * len(rows)
    fractions = linear.fit("footprint", rows, synthetic, groups).scores(rows)
    percent = linear.fit("footprint", 100 * rows, synthetic, groups).scores(100 * rows)
    assert np.abs(fractions - percent).max() > 0.1


@pytest.mark.parametrize("shape", [(45,), (3, 45), (3, 2, 45)])
def test_scores_drop_the_last_axis(shape: tuple[int, ...]) -> None:
    rows, synthetic = vectors()
    assert linear.svm(rows, synthetic).scores(np.zeros(shape)).shape == shape[:-1]


def test_late_fusion_does_not_depend_on_the_order_of_clips() -> None:
    rows, synthetic = vectors(40, 72)
    groups, order = names(40, 2), np.random.default_rng(1).permutation(40)
    straight = linear.late_fusion(rows, synthetic, groups)
    shuffled = linear.late_fusion(rows[order], synthetic[order], groups[order])
    np.testing.assert_allclose(straight.scores(rows), shuffled.scores(rows), atol=1e-3)
    assert len(straight.coef) == sum(size for _, size in traces.FAMILIES)


def test_without_pairs_it_is_scikit_learns_regression_with_an_intercept_to_the_last_bit() -> None:
    rows, synthetic, _ = scenes()
    groups = names(40, 3)
    ours = linear.late_fusion(rows, synthetic, groups, families=ONE)
    weight = group_weights(synthetic, groups, softness=0.5)
    standard = np.clip((rows - ours.centre) / ours.scale, -3, 3)
    theirs = LogisticRegression(C=0.1, max_iter=1000).fit(standard, synthetic, sample_weight=weight)
    spread = np.std(theirs.decision_function(standard)) + 1e-9
    np.testing.assert_array_equal(ours.coef, theirs.coef_[0] / spread)
    assert ours.intercept == theirs.intercept_[0] / spread
    np.testing.assert_array_equal(ours.centre, np.average(rows, axis=0, weights=weight))


def test_every_form_of_a_clip_teaches() -> None:
    rows, synthetic, pairs = scenes()
    both = np.stack([rows, rows + 0.1], axis=1)
    flat = linear.late_fusion(both.reshape(-1, 3), np.repeat(synthetic, 2), np.repeat(names(40), 2), families=ONE)
    np.testing.assert_array_equal(linear.late_fusion(both, synthetic, names(40), families=ONE).coef, flat.coef)
    laundered = [(2 * real + form, 2 * fake + form) for real, fake in pairs for form in (0, 1)]
    units = np.repeat(names(40, 40), 2)  # one unit, whose pairs weigh alike
    flat = linear.late_fusion(both.reshape(-1, 3), np.repeat(synthetic, 2), units, laundered, ONE)
    np.testing.assert_allclose(linear.late_fusion(both, synthetic, units[::2], pairs, ONE).coef, flat.coef, rtol=1e-6)


def test_pairs_teach_the_making_where_other_clips_betray_the_camera() -> None:
    rows, synthetic, pairs = scenes()
    alone = linear.late_fusion(rows, synthetic, names(40), families=ONE)
    paired = linear.late_fusion(rows, synthetic, names(40), pairs, ONE)
    making = [one.coef[1] / one.coef[2] for one in (alone, paired)]
    assert making[1] > 1.2 * making[0] > 0


def test_with_pairs_it_is_a_regression_whose_intercept_is_of_the_clips_alone() -> None:
    rows, synthetic, pairs = scenes()
    rows[synthetic, 2] *= 6
    ours = linear.late_fusion(rows, synthetic, names(40), pairs, ONE)
    clips = np.clip((rows - ours.centre) / ours.scale, -3, 3)
    inside = clips[[fake for _, fake in pairs]] - clips[[real for real, _ in pairs]]
    known = np.r_[np.c_[clips, np.ones(40)], np.c_[inside, np.zeros(10)], np.c_[-inside, np.zeros(10)]]
    labels = np.r_[synthetic, np.ones(10, bool), np.zeros(10, bool)]
    theirs = LogisticRegression(C=0.1, fit_intercept=False, tol=1e-8).fit(known, labels)
    scores = known[:40] @ theirs.coef_[0]
    np.testing.assert_allclose(ours.scores(rows), scores / scores.std(), atol=1e-3)


@pytest.mark.parametrize(("n", "pairs", "together"), [(40, 1, 2), (40, 20, 40), (9, 8, 9), (4, 4, 4)])
def test_a_pair_weighs_as_its_two_clips_and_all_at_most_as_all_clips(n: int, pairs: int, together: float) -> None:
    clips = Taught(np.random.default_rng(0).normal(size=(2 * n, 3)), np.arange(2 * n) % 4 > 1, np.ones(2 * n))
    found = with_pairs(clips, names(n), np.array([(0, 1 + at) for at in range(pairs)]) % n)
    np.testing.assert_array_equal(found.weights[: 2 * n], clips.weights)
    assert found.weights[2 * n :].sum() == pytest.approx(2 * together)  # two forms
    assert found.constant is not None
    np.testing.assert_array_equal(found.constant, [1] * 2 * n + [0] * 4 * pairs)


def test_a_difference_is_synthetic_less_real_and_its_mirror_image_real() -> None:
    clips = Taught(np.arange(12.0).reshape(6, 2) ** 2, np.array([False, True, True] * 2), np.ones(6))
    found = with_pairs(clips, names(6), np.array([(0, 2), (3, 1)]))
    differences = clips.rows[[2, 1]] - clips.rows[[0, 3]]
    np.testing.assert_array_equal(found.rows, [*clips.rows, *differences, *-differences])
    np.testing.assert_array_equal(found.labels[6:], [True, True, False, False])


def test_pairs_of_a_unit_weigh_as_the_square_root_of_their_number() -> None:
    clips = Taught(np.random.default_rng(0).normal(size=(10, 3)), np.repeat([False, True], 5), np.ones(10))
    units = np.array([*"vwxyz", *"aaaab"])  # the synthetic clip's unit counts
    found = with_pairs(clips, units, np.array([(at, 5 + at) for at in range(5)]))
    halves = found.weights[10:15]
    assert halves[:4].sum() == pytest.approx(2 * halves[4])
