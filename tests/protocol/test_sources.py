"""Is a score weighed by models and calibrations that saw nothing of its source?"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightcheck.data.manifest import Item
from sightcheck.data.split import linked_groups
from sightcheck.protocol import evaluate, sources
from sightcheck.protocol.sources import TOLD, WRONG, Shrinkage
from sightcheck.verdict import Calibration, group_weights

few = st.integers(0, 5).map(str)
named = st.one_of(st.just(""), few)
clips = st.builds(
    Item,
    path=few,
    label=st.sampled_from(["real", "fake"]),
    group=st.integers(0, 9).map("scene {}".format),
    source=named,
    generator=named,
    sha256=st.integers(0, 40).map(str),
)
tables = st.lists(clips, min_size=2, max_size=30).map(tuple)


def world(each: int = 12, per: int = 4) -> tuple[Item, ...]:
    """Sources of real clips and as many of synthetic ones, `per` clips each, every clip its own scene."""
    return tuple(
        Item(path=f"{label}{at}.{number}", label=label, source=f"{label}{at}", generator=f"g{at}" * (label == "fake"))
        for label in ("real", "fake")
        for at in range(each)
        for number in range(per)
    )


def drawn(items: tuple[Item, ...], apart: float = 2.0, seed: int = 0) -> np.ndarray:
    """Scores (n,) of unit spread, the labels so far apart."""
    synthetic = sources.labels(items)
    return np.random.default_rng(seed).normal(np.where(synthetic, apart / 2, -apart / 2))


@settings(max_examples=80)
@given(tables, st.sampled_from([0, 3]))
def test_a_model_learns_nothing_of_what_it_is_asked(items: tuple[Item, ...], folds: int) -> None:
    linked = linked_groups(items)
    held = []
    for taught, out in sources.trials(items, folds):
        held += out.tolist()
        asked = [items[at] for at in out]
        makers = {item.maker for item in asked if item.synthetic}
        for at in range(len(items)):
            item = items[at]
            scene = linked[at] in linked[out]
            mine = item.origin in {one.origin for one in asked} or (item.synthetic and item.maker in makers)
            assert (at in taught) == (not scene and not mine and at not in out), "and of all else"
    assert sorted(held) == [*range(len(items))]


@given(tables)
def test_one_model_a_source(items: tuple[Item, ...]) -> None:
    parts = [{items[at].origin for at in out} for _, out in sources.trials(items)]
    assert sorted(name for part in parts for name in part) == sorted({item.origin for item in items})
    assert all(len(part) == 1 for part in parts)


def test_scenes_and_generators_that_recur_elsewhere_are_held_out_too() -> None:
    items = (
        Item(path="a", label="fake", source="s", group="scene", generator="g"),
        Item(path="b", label="real", source="t", group="scene"),
        Item(path="c", label="fake", source="u", generator="g"),
        Item(path="d", label="fake", source="u", generator="h"),
        Item(path="e", label="real", source="u"),
    )
    (taught,) = [taught.tolist() for taught, out in sources.trials(items) if out.tolist() == [0]]
    assert taught == [3, 4]


def test_each_is_scored_once_by_its_model_and_not_where_none_could_be_taught() -> None:
    items = (*world(2, 1), Item(path="x", label="real", source="odd", group="y"))
    models: list[set[int]] = []

    def teach(taught: np.ndarray):
        models.append({*taught.tolist()})
        return lambda out: out + 100.0 * len(models)

    found = sources.held_out(items, teach)
    assert len(models) == 5
    assert sorted((found % 100).tolist()) == [0, 1, 2, 3, 4]
    both = tuple(replace(item, source="one") for item in items[:2])
    assert np.isnan(sources.held_out((*both, items[3]), teach)).all(), "a label was left to teach alone"


def test_a_fusion_gives_weight_to_what_tells_and_none_to_the_rest() -> None:
    items = world(100, 4)
    synthetic, rng = sources.labels(items), np.random.default_rng(1)
    good, useless = drawn(items), rng.normal(size=len(items))
    origins = np.array([item.origin for item in items])
    coefficients, offset = sources.fused(np.stack([good, useless, -good / 2], 1), synthetic, origins)
    assert (coefficients >= 0).all()
    assert coefficients[2] == 0
    assert coefficients[0] == pytest.approx(2 / np.log(10), rel=0.15), "two unit Gaussians two apart: ln LR = 2 s"
    assert coefficients[1] < coefficients[0] / 10
    assert offset == pytest.approx(0, abs=0.1)
    weak = sources.fused(good[:, None], synthetic, origins, strength=0.001)[0]
    assert 0 < weak[0] < coefficients[0] / 2
    assert sources.fused(-good[:, None], synthetic, origins)[0].tolist() == [0]
    assert sources.fused(-good[:, None], synthetic, origins)[1] == 0


@given(st.integers(0, 10**6))
def test_no_coefficient_is_ever_negative(seed: int) -> None:
    rng, items = np.random.default_rng(seed), world(4, 2)
    rows = rng.normal(size=(len(items), 3)) * 10 ** rng.uniform(-3, 3, 3)
    assert (sources.fused(rows, sources.labels(items), np.array([item.origin for item in items]))[0] >= 0).all()


def test_a_large_source_weighs_as_one() -> None:
    """Four hundred clips of one real source that mislead do little more than one clip of it."""
    items = world(20, 1)
    scores = drawn(items, 3)
    scores[0] = 4.0
    many = np.repeat(np.arange(len(items)), [400] + [1] * (len(items) - 1))
    synthetic, origins = sources.labels(items), np.array([item.origin for item in items])
    once = sources.fused(scores[:, None], synthetic, origins, 1e6)[0]
    often = sources.fused(scores[many, None], synthetic[many], origins[many], 1e6)[0]
    assert often[0] == pytest.approx(once[0], rel=0.01)


ratio = st.integers(-600, 600).map(lambda hundredths: hundredths / 100)


@given(st.lists(st.tuples(ratio, st.booleans(), few), min_size=4, max_size=60))
def test_wrong_answers_are_held_to_their_share_by_clips_and_by_sources(
    drawn: list[tuple[float, bool, str]],
) -> None:
    log10_lr, synthetic, origins = (np.array(column) for column in zip(*drawn, strict=True))
    if synthetic.all() or not synthetic.any():
        return
    found = sources.shrinkage(log10_lr, synthetic, origins)
    assert 0 < found.synthetic <= 1
    assert 0 < found.real <= 1
    stated, alike = found.stated(log10_lr), group_weights(synthetic, origins)
    for weight in (alike, np.ones(len(alike))):
        for wrong, side, most in ((stated >= TOLD, ~synthetic, WRONG[0]), (stated <= -TOLD, synthetic, WRONG[1])):
            assert weight[wrong & side].sum() <= most * weight[side].sum() + 1e-9
    assert (np.sign(stated) == np.sign(log10_lr)).all()


def test_each_side_is_shrunk_as_much_as_it_must_and_no_more() -> None:
    real = [*np.linspace(-2, -1, 98), 2.0, 4.0, 5.0]  # 2 % may be called synthetic: one, as (1 + 1) / (101 + 1) is less
    fake = np.linspace(1, 2, 100).tolist()
    log10_lr, synthetic = np.array(real + fake), np.array([False] * 101 + [True] * 100)
    found = sources.shrinkage(log10_lr, synthetic, np.array([str(at) for at in range(201)]))
    assert found.real == pytest.approx(1, rel=1e-5)
    assert found.synthetic == pytest.approx(TOLD / 4, rel=1e-5)
    few_sources = np.array(["many" if at < 98 else str(at) for at in range(201)])  # each of the three weighs a quarter
    assert sources.shrinkage(log10_lr, synthetic, few_sources).synthetic == pytest.approx(TOLD / 5, rel=1e-5)
    assert Shrinkage(0.5, 0.25).stated(np.array([2.0, 0.0, -2.0])).tolist() == [1.0, 0.0, -0.5]


def test_no_side_speaks_louder_than_its_sources_bear() -> None:
    """Nine real sources, one of them at 0.6; a synthetic one at 2: all of it over nothing and one real source more."""
    log10_lr = np.array([2.0, 0.6, *[-1.0] * 8])
    synthetic, origins = np.arange(10) < 1, np.array([str(at) for at in range(10)])
    most, floor = sources.borne(log10_lr, synthetic, origins)
    assert most == pytest.approx(1.0)  # 1 * (9 + 1) / (0 * 9 + 1)
    assert floor == TOLD  # 8/9 * (1 + 1) / (0 * 1 + 1) is less than what is told at all
    most, floor = sources.borne(-log10_lr, ~synthetic, origins)
    assert (most, floor) == (TOLD, pytest.approx(1.0))
    louder = np.where(log10_lr == 0.6, 2.5, log10_lr)
    assert sources.borne(louder, synthetic, origins)[0] == pytest.approx(np.log10(5))  # 1 * (9 + 1) / (1/9 * 9 + 1)
    twice = np.repeat(np.arange(10), [1, 7, *[1] * 8])  # seven clips of the source at 2.5
    assert sources.borne(louder[twice], synthetic[twice], origins[twice])[0] == pytest.approx(np.log10(5))


def test_a_ratio_comes_from_a_calibration_that_saw_nothing_of_its_source() -> None:
    items = world()
    scores = drawn(items)
    before = sources.ratios(scores, items)
    assert before[sources.labels(items)].mean() > 0.3 > -0.3 > before[~sources.labels(items)].mean()
    others = scores.copy()
    others[1:4] += 50  # three of the four clips of the first source
    after = sources.ratios(others, items)
    assert after[0] == before[0]
    assert not np.isclose(after[4], before[4]), "the others are calibrated on them"


def test_copies_are_turned_into_ratios_by_what_the_clips_calibrate() -> None:
    items = world()
    scores = drawn(items)
    rows = np.stack([scores, drawn(items, 0, 1)], 1)
    for shrunk in (False, True):
        plain = sources.ratios(rows, items, shrunk=shrunk)
        np.testing.assert_array_equal(sources.ratios(rows, items, shrunk=shrunk, asked=rows), plain)
        copied = sources.ratios(rows, items, shrunk=shrunk, asked=rows + np.array([0.5, 0]))
        assert (copied >= plain).all()
    plain, copied = (sources.ratios(scores, items, shrunk=False, asked=scores + more) for more in (0.0, 0.5))
    slopes = (copied - plain).reshape(-1, 4) / 0.5
    np.testing.assert_allclose(slopes, slopes[:, :1].repeat(4, 1))
    np.testing.assert_allclose(slopes, 2 / np.log(10), rtol=0.6)


def test_what_is_stated_is_held_and_shrunk() -> None:
    items = world()
    scores = drawn(items)
    scores[:2] = 9.0  # two of 48 real clips, more than may be called synthetic
    plain, stated = (sources.ratios(scores, items, shrunk=shrunk) for shrunk in (False, True))
    assert (np.abs(stated) <= np.abs(plain) + 1e-9).all()
    assert stated.max() <= np.log10(13)
    assert stated[4:].max() < plain[4:].max() / 2


def test_worth_by_hand() -> None:
    pair = Item(path="r1", label="real", group="one", source="s", width=64, height=64)
    items = (
        pair,
        replace(pair, label="fake"),
        replace(pair, group="two"),
        replace(pair, group="two", label="fake"),
        Item(path="r3", label="real", source="t"),
        Item(path="f3", label="fake", source="u"),
    )
    scores = np.array([0.0, 1.0, 1.0, 1.0, 5.0, -1.0])
    log10_lr = np.array([-1.0, 0.5, 0.6, -0.5, 0.49, 0.2])
    found = sources.worth(scores, log10_lr, items)
    assert found.auc == pytest.approx(3 / 9)
    assert found.auc_by_source == pytest.approx(2 * 0.25 * (0.25 + 0.25 / 2))
    assert found.aligned == pytest.approx(3 / 4)
    assert found.pairs == pytest.approx(3 / 4)
    assert found.decided == pytest.approx(4 / 6)
    assert (found.false_synthetic, found.false_none) == pytest.approx((1 / 3, 1 / 3))
    real, fake = (np.log2(1 + 10.0 ** np.array(one)) for one in ((-1.0, 0.6, 0.49), (-0.5, 0.5, -0.2)))
    assert found.cllr == pytest.approx((real.mean() + fake.mean()) / 2)
    assert found.cllr_by_source == pytest.approx(([0.25, 0.25, 0.5] @ real + [0.25, 0.25, 0.5] @ fake) / 2)
    alone = sources.worth(scores[4:], log10_lr[4:], items[4:])
    assert np.isnan([alone.aligned, alone.pairs]).all()
    assert alone.auc == 0


CALIBRATION = Calibration(1.0, 0.0, 1.0, 9, 9)


def test_a_detector_that_tells_held_out_sources_apart_keeps_its_voice() -> None:
    items = world()
    assert evaluate.voice(CALIBRATION, drawn(items), items) == (CALIBRATION, ())
    some = np.where(np.arange(len(items)) % 4 == 1, np.nan, drawn(items))
    assert evaluate.voice(CALIBRATION, some, items) == (CALIBRATION, ())


@pytest.mark.parametrize("backwards", [True, False])
def test_one_that_turns_round_or_says_nothing_there_has_none(backwards: bool) -> None:
    items = world()
    by_source = np.repeat(np.random.default_rng(1).normal(size=24), 4)
    calibration, why = evaluate.voice(CALIBRATION, -drawn(items) if backwards else by_source, items)
    assert calibration is None
    (told,) = why
    assert "it has no voice" in told
    assert "held out" in told


def test_too_few_sources_say_nothing_of_a_voice() -> None:
    items = world(4)
    assert evaluate.voice(CALIBRATION, -drawn(items), items) == (CALIBRATION, ())
    assert evaluate.voice(None, -drawn(world()), world()) == (None, ())
