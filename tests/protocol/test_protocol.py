from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from sightcheck.data.audit import logistic as regression
from sightcheck.data.manifest import Item
from sightcheck.data.pairs import aligned
from sightcheck.errors import UsageError
from sightcheck.protocol import evaluate
from sightcheck.protocol.evaluate import controls
from sightcheck.protocol.held_out import Scope, fold_trials, folds_out, leave_one_out, trials, unpaired
from sightcheck.protocol.shots import few_shot
from sightcheck.video import linear
from sightcheck.video.fewshot import Recipe

logistic = unpaired(regression)
few = st.integers(0, 5).map(str)
clips = st.builds(
    Item,
    path=few,
    kind=st.sampled_from(["street", "dance"]),
    label=st.sampled_from(["real", "fake"]),
    group=st.integers(0, 9).map(str),
    source=few,
    generator=few,
    sha256=st.integers(0, 40).map(str),
)
manifests = st.lists(clips, min_size=2, max_size=30).map(tuple)
scopes = st.builds(Scope, *[st.sampled_from([(), ("street",)])] * 2)


def world(reals=12, generators=4, per=3):
    """Real sources r0.. and generators g0.. from sources s0.., `per` clips each, every clip its own group."""
    real = [Item(path=f"r{i}.{j}", label="real", source=f"r{i}") for i in range(reals) for j in range(per)]
    fake = [
        Item(path=f"s{i}.{j}", label="fake", source=f"s{i}", generator=f"g{i}")
        for i in range(generators)
        for j in range(per)
    ]
    return tuple(real + fake)


def first_column(features, items):
    """A detector that learns nothing: its score is the first feature."""
    return lambda rows: rows[:, 0]


def allowed(items, i, trial, by, scope):
    """The protocol's sentence, word for word, for one candidate of the train side."""
    item, held = items[i], [x for x in items if x.synthetic and getattr(x, by) == trial.held_out]
    fold = [items[j] for j in trial.reals]
    taught = not scope.taught or item.kind in scope.taught
    same_source = item.source in {x.source for x in held}
    in_fold = not item.synthetic and item.source in {x.source for x in fold}
    return taught and not same_source and not in_fold and item not in held


def chained(items, indices):
    """Groups and hashes reached from these clips through shared groups or files."""
    groups, hashes = set(), set()
    reached = set(indices)
    while True:
        groups = {items[i].group for i in reached}
        hashes = {items[i].sha256 for i in reached}
        more = {i for i, x in enumerate(items) if x.group in groups or x.sha256 in hashes}
        if more == reached:
            return reached
        reached = more


@settings(max_examples=60)
@given(manifests, scopes)
def test_folds_teach_no_generator_source_or_group_of_their_own(items, scope):
    for trial in fold_trials(items, scope, k=3):
        tested = [items[i] for i in (*trial.fakes, *trial.reals)]
        taught = [items[i] for i in trial.train]
        assert {item.synthetic for item in taught} == {False, True}
        assert not {item.maker for item in tested if item.synthetic} & {item.maker for item in taught}
        assert not {item.source for item in tested} & {item.source for item in taught}
        assert not {item.group for item in tested} & {item.group for item in taught}


def test_folds_teach_one_model_each_and_score_every_generator():
    items, taught = world(), []

    def fit(features, teachers):
        taught.append(len(features))
        return first_column(features, teachers)

    features = np.array([[float(item.synthetic)] for item in items]) + np.arange(len(items))[:, None] * 1e-6
    found = folds_out(features, items, fit, k=3, resampled=10)
    assert len(taught) == 3
    assert [row.held_out for row in found.rows] == ["g0", "g1", "g2", "g3"]
    assert found.auc.macro.value == 1


@settings(max_examples=60)
@given(manifests, st.sampled_from(["source", "generator"]), scopes)
def test_trials_teach_exactly_what_the_protocol_allows(items, by, scope):
    for trial in trials(items, by, scope):
        held = [i for i, x in enumerate(items) if x.synthetic and getattr(x, by) == trial.held_out]
        assert set(trial.fakes) == {i for i in held if not scope.scored or items[i].kind in scope.scored}
        shut = chained(items, [*held, *trial.reals])
        expected = {i for i in range(len(items)) if i not in shut and allowed(items, i, trial, by, scope)}
        assert set(trial.train) == expected
        assert {items[i].synthetic for i in trial.train} == {False, True}


@settings(max_examples=30)
@given(manifests)
def test_real_folds_part_no_source_and_no_group(items):
    folds = {}
    for trial in trials(items):
        folds.setdefault(trial.fold, set()).update(trial.reals.tolist())
    for a, b in product(folds, folds):
        if a != b:
            assert not {items[i].source for i in folds[a]} & {items[i].source for i in folds[b]}
            assert not {items[i].group for i in folds[a]} & {items[i].group for i in folds[b]}


def test_every_generator_meets_every_real_clip_once():
    items = world()
    for generator in ("g0", "g3"):
        mine = [trial for trial in trials(items) if trial.held_out == generator]
        assert [trial.fold for trial in mine] == [0, 1, 2, 3, 4]
        assert sorted(np.concatenate([trial.reals for trial in mine])) == list(range(36))


def test_auc_compares_only_scores_of_one_model():
    """Each model adds a constant of its own: within a model the order is perfect, across models it is not."""
    items = world()
    synthetic = np.array([item.synthetic for item in items], float)
    offsets = iter(np.random.default_rng(0).normal(size=1000) * 100)
    found = leave_one_out(
        synthetic[:, None],
        items,
        lambda *_: (lambda shift: lambda rows: rows[:, 0] + shift)(next(offsets)),
        resampled=5,
    )
    assert (found.auc.macro.value, found.auc.minimum.value) == (1, 1)
    assert roc_auc_score(synthetic[found.held.clips], found.held.scores) < 0.9


def test_auc_is_the_pair_weighted_mean_over_models():
    items, rng = world(generators=3), np.random.default_rng(1)
    features = rng.normal(size=(len(items), 1))
    found = leave_one_out(features, items, first_column, resampled=5)
    synthetic = np.array([item.synthetic for item in items])
    aucs = []
    for row in found.rows:
        fakes = np.array([item.generator == row.held_out for item in items])
        used = fakes | ~synthetic
        aucs.append(roc_auc_score(synthetic[used], features[used, 0]))
        assert (row.fakes, row.reals, row.pairs) == (3, 36, 108)
        assert row.auc.value == pytest.approx(aucs[-1])
    assert found.auc.macro.value == pytest.approx(np.mean(aucs))
    assert found.auc.minimum.value == pytest.approx(min(aucs))


def test_a_generator_with_more_clips_weighs_more_only_in_the_weighted_mean():
    items = tuple(x for x in world(generators=3) if x.generator != "g0" or x.path == "s0.0")
    worse = np.array([[-1.0 if item.generator == "g0" else float(item.synthetic)] for item in items])
    found = leave_one_out(worse, items, first_column, resampled=5)
    assert found.auc.macro.value == pytest.approx(2 / 3)
    assert found.auc.weighted.value == pytest.approx(6 / 7)
    assert found.auc.minimum.value == 0


def test_features_that_know_only_the_source_are_worth_nothing():
    items, rng = world(reals=25, generators=12), np.random.default_rng(0)
    names = sorted({item.source for item in items})
    identity = np.eye(len(names))[[names.index(item.source) for item in items]]
    features = identity + rng.normal(size=identity.shape) * 1e-3
    assert 0.3 < leave_one_out(features, items, logistic, resampled=5).auc.macro.value < 0.7


def test_matched_pairs_take_a_frame_rate_leak_away():
    """Synthetic clips have 10 fps and so has every third real clip; the detector has learnt the frame rate."""
    items = tuple(
        Item(**{**vars(x), "fps": 10.0 if x.synthetic or x.path.endswith(".0") else 25.0, "frames": 50, "width": 64})
        for x in world()
    )
    features = np.array([[-item.fps] for item in items])
    found = leave_one_out(features, items, first_column, resampled=20)
    assert found.auc.macro.value == pytest.approx((24 + 12 / 2) / 36)
    assert found.matched.macro.value == found.matched.weighted.value == 0.5
    assert {row.matched_pairs for row in found.rows} == {3 * 12}
    told = controls(features, items, resampled=5)
    assert told.metadata.auc.macro.value == pytest.approx((24 + 12 / 2) / 36)


def test_no_matched_pair_gives_nan_and_not_a_number():
    items = tuple(Item(**{**vars(x), "fps": 10.0 if x.synthetic else 25.0}) for x in world())
    found = leave_one_out(np.zeros((len(items), 1)), items, first_column, resampled=5)
    assert np.isnan([found.matched.macro.value, found.matched.minimum.value, found.rows[0].matched.value]).all()
    assert {row.matched_pairs for row in found.rows} == {0}


def test_intervals_hold_the_value_and_repeat():
    items, rng = world(), np.random.default_rng(2)
    features = rng.normal(size=(len(items), 2)) + np.array([[item.synthetic] for item in items])
    found, again = (leave_one_out(features, items, logistic, resampled=200) for _ in range(2))
    macro = found.auc.macro
    assert macro == again.auc.macro
    assert macro.low < macro.value < macro.high
    assert (macro.n, macro.groups) == (48, 48)


def test_a_generator_no_model_can_be_taught_for_is_named():
    items = world(generators=2)
    items += (Item(path="x", label="fake", source="s0", generator="wide"),)
    items += (Item(path="y", label="fake", source="s1", generator="wide"),)
    found = leave_one_out(np.zeros((len(items), 1)), items, first_column, resampled=5)
    assert found.left_out == ("wide",)
    assert [row.held_out for row in found.rows] == ["g0", "g1"]


@pytest.mark.parametrize("items", [world(generators=1), world(reals=1), world(generators=0)])
def test_nothing_to_hold_out_is_refused(items):
    with pytest.raises(UsageError, match="nothing can be held out"):
        leave_one_out(np.zeros((len(items), 1)), items, first_column)


def test_features_must_fit_the_items_and_be_finite():
    items = world()
    for features in (np.zeros((3, 1)), np.full((len(items), 1), np.nan)):
        with pytest.raises(UsageError, match="one row of finite numbers"):
            leave_one_out(features, items, first_column)


@pytest.mark.parametrize("by_source", [False, True])
def test_few_shot_never_tests_what_it_was_taught(by_source):
    items = tuple(Item(**{**vars(x), "group": x.path[:-2] if by_source else x.path[:-1] + "x"}) for x in world())
    taught = []

    def spy(features, teachers):
        assert sum(x.synthetic for x in teachers) == len(teachers) / 2 == 4
        taught.append({items[int(i)] for i in features[:, 0]})

        def score(rows):
            tested = {items[int(i)] for i in rows[:, 0]}
            assert not {x.group for x in tested} & {x.group for x in taught[-1]}
            if by_source:
                assert not {x.source for x in tested} & {x.source for x in taught[-1]}
            return rows[:, 0]

        return score

    (shot,) = few_shot(np.arange(len(items), dtype=float)[:, None], items, spy, sizes=(4,), by_source=by_source)
    assert len(taught) == shot.draws > 0
    assert len({frozenset(x.path for x in one) for one in taught}) == len(taught)


def test_few_shot_curve_rises_and_says_when_clips_run_out():
    items, rng = world(reals=20, generators=10), np.random.default_rng(0)
    features = rng.normal(size=(len(items), 4)) + np.array([[1.5 * item.synthetic] for item in items])
    curve = few_shot(features, items, logistic, sizes=(1, 8, 31))
    assert curve[0].auc.value < curve[1].auc.value
    assert curve[0].balanced_accuracy.value < curve[1].balanced_accuracy.value
    assert curve[1].auc.low < curve[1].auc.value < curve[1].auc.high
    assert [shot.draws for shot in curve] == [20, 20, 0]
    assert np.isnan([curve[2].auc.value, curve[2].auc.low]).all()


def test_every_protocol_hands_the_fit_the_items_of_its_rows():
    items, seen = world(), []

    def spy(features, teachers):
        seen.append([x.path for x in teachers] == [items[int(i)].path for i in features[:, 0]])
        return first_column(features, teachers)

    rows = np.arange(len(items), dtype=float)[:, None]
    leave_one_out(rows, items, spy, resampled=1)
    folds_out(rows, items, spy, k=3, resampled=1)
    few_shot(rows, items, spy, sizes=(4,), draws=3)
    assert len(seen) > 6
    assert all(seen)


def twins(sources=6, scenes=4):
    """Sources of aligned pairs, a real and a synthetic clip a scene, two synthetic ones in the first scene of each."""
    clips = [
        Item(
            path=f"{label}{i}.{j}{n}", label=label, source=f"s{i}", generator="g" * (label == "fake"), group=f"{i}.{j}"
        )
        for i in range(sources)
        for j in range(scenes)
        for label, n in (("real", 0), ("fake", 0), *[("fake", 1)] * (j == 0))
    ]
    return tuple(clips)


@pytest.mark.parametrize("by_source", [False, True])
def test_pairs_are_drawn_whole_of_as_many_scenes_and_never_tested(by_source):
    items, draws = twins(), []

    def spy(features, teachers):
        draws.append(tuple(int(i) for i in features[:, 0]))
        couples = aligned(teachers)
        assert sorted(at for pair in couples for at in pair) == list(range(8))
        assert len({x.group for x in teachers}) == len(couples) == 4

        def score(rows):
            tested = {items[int(i)] for i in rows[:, 0]}
            taught = {items[i] for i in draws[-1]}
            assert not {x.group for x in tested} & {x.group for x in taught}
            assert not (by_source and {x.source for x in tested} & {x.source for x in taught})
            return rows[:, 0]

        return score

    rows = np.arange(len(items), dtype=float)[:, None]
    shots = few_shot(rows, items, spy, sizes=(4, 25), by_source=by_source, paired=True)
    assert len(set(draws)) == len(draws) == shots[0].draws > 10
    assert shots[1].draws == 0, "there are 24 scenes"


def test_few_shot_takes_pairs_of_the_kinds_that_teach():
    items = tuple(replace(x, kind="street" if x.source < "s3" else "dance") for x in twins())
    kinds = set()

    def spy(features, teachers):
        kinds.update(x.kind for x in teachers)
        return first_column(features, teachers)

    few_shot(np.zeros((len(items), 1)), items, spy, (3,), scope=Scope(taught=("street",)), paired=True)
    assert kinds == {"street"}


def test_in_few_shot_the_scenes_of_a_source_weigh_alike():
    """A weighting knows the scene, near copies and all, and clips of one scene by two sources are no pair."""
    items = tuple(replace(x, sha256=x.path) for x in twins(sources=2))
    items += (Item(path="x", label="real", source="s9", group="0.0"),)
    units = {}

    def spy(features, teachers):
        for x in teachers:
            units[x.path] = x.unit
        assert all(teachers[a].path != "x" for a, _ in aligned(teachers))
        return first_column(features, teachers)

    few_shot(np.zeros((len(items), 1)), items, spy, sizes=(3,), draws=60)
    assert len(units) == len(items)
    for a, b in product(items, items):
        if a.label == b.label:
            assert (units[a.path] == units[b.path]) == ((a.group, a.source) == (b.group, b.source))


def test_a_recipe_is_fitted_on_the_aligned_pairs_of_the_items_that_teach():
    items, rng = twins(), np.random.default_rng(0)
    synthetic, units = np.array([x.synthetic for x in items]), [x.unit for x in items]
    vectors = rng.normal(size=(len(items), 2, 72)) + 0.5 * synthetic[:, None, None]
    found = evaluate.fitted(Recipe(), vectors, items).coef
    np.testing.assert_array_equal(found, linear.fit("traces", vectors, synthetic, units, aligned(items)).coef)
    plain = linear.fit("traces", vectors, synthetic, units).coef
    assert np.abs(found - plain).max() > 1e-3
    apart = [replace(x, width=64 * (1 + x.synthetic)) for x in items]
    np.testing.assert_array_equal(evaluate.fitted(Recipe(), vectors, apart).coef, plain)
    score = evaluate.teacher(Recipe())(evaluate.exam(vectors, items), items)(evaluate.exam(vectors, items))
    np.testing.assert_array_equal(score, evaluate.fitted(Recipe(), vectors, items).scores(vectors[:, 0]))


def test_controls_compare_real_clips_with_real_clips():
    items = tuple(Item(**{**vars(x), "width": 64 if x.source < "r2" else 128}) for x in world(per=4))
    features = np.array([[float(item.source == "r3")] for item in items])
    told = controls(features, items, resampled=5)
    assert told.sources_metadata.groups == told.sources_features.groups == 48
    assert told.sources_metadata.auc > 0.6
    assert told.sources_features.auc < 0.6
    assert told.length.auc.macro.value == 0.5
