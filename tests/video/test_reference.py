"""Where does a calibration hold?"""

from dataclasses import dataclass, replace

import msgspec
import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck.media import Clip, look
from sightcheck.verdict import Calibration, RatioBand
from sightcheck.video import reference
from sightcheck.video.detectors import SHOWN, default
from sightcheck.video.reference import Range, Reference


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return look(bytes(write_video(tmp_path_factory.mktemp("clip") / "a.mp4", moving_picture(12))))


def changed(clip: Clip, **fields: object) -> Clip:
    return msgspec.structs.replace(clip, **fields)


@pytest.mark.parametrize(
    ("fields", "form"),
    [
        ({}, "h264"),
        ({"codec": "mjpeg"}, "mjpeg"),
        ({"interlaced": True}, "h264, interlaced"),
        ({"transfer": "PQ"}, "h264, PQ"),
    ],
)
def test_a_way_of_coding_that_no_reference_had_gets_no_ratio(clip: Clip, fields: dict[str, object], form: str) -> None:
    forms = reference.forms([clip] * 40 + [changed(clip, codec="mjpeg")])
    assert forms == ("h264",)
    known = Reference(
        Calibration(1.0, 0.0, 1.0, 10, 10), reference.scope([clip]), np.array([True]), np.zeros(1), forms=forms
    )
    other = changed(clip, **fields)
    assert reference.form(other) == form
    assert (known.log10_lr(other, 0.7) is None) is (form != "h264")
    assert any(f"coded as {form}" in one for one in known.outside(other)) is (form != "h264")


def test_forms_are_kept_with_the_model_and_older_models_have_none(clip: Clip) -> None:
    @dataclass(frozen=True)
    class Recipe:
        name: str = "any"

    known = Reference(None, reference.scope([clip]), np.zeros(0, bool), np.zeros(0), forms=("h264",))
    arrays = reference.to_arrays(known, Recipe())
    assert reference.from_arrays(arrays).forms == ("h264",)
    settings = msgspec.json.decode(arrays["settings"].tobytes())
    del settings["forms"]
    arrays["settings"] = np.frombuffer(msgspec.json.encode(settings), np.uint8)
    assert reference.from_arrays(arrays).forms == ()


def test_bundled_models_know_how_their_clips_were_coded() -> None:
    from sightcheck import weights

    for name in default():
        if name in SHOWN:
            continue
        assert "h264" in reference.from_arrays(weights.load(name).arrays).forms, name


def test_stated_ratios_are_compared_with_observed_ones_by_band() -> None:
    """Two real sources, of three clips and of one, and a synthetic one of four: each source weighs half, or all."""
    ratios = np.array([-0.7, -0.5, 0.5, 0.0, -0.2, 0.5, 0.9, 1.0, np.nan])
    synthetic = np.array([False] * 4 + [True] * 4 + [True])
    known = reference.reliability(ratios, synthetic, ["a", "a", "a", "b", "c", "c", "c", "c", "never"])
    assert known.edges == (-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0)
    assert (known.sources_real, known.sources_synthetic) == (2, 1)
    minus, middle, plus, more = known.bands[3:7]
    assert minus == RatioBand(2, 0, 1, 0.3333, 0.0, -0.6, None)  # -0.5 is already weak, as a verdict has it
    # half of the real clips, by source "b", at 0, and a quarter of the synthetic ones at -0.2
    assert middle == RatioBand(1, 1, 2, 0.5, 0.25, -0.067, -0.301)
    # a sixth of the real clips at 0.5, two quarters of the synthetic ones at 0.5 and 0.9
    assert plus == RatioBand(1, 2, 2, 0.1667, 0.5, 0.65, 0.477)
    assert more == RatioBand(0, 1, 1, 0.0, 0.25, 1.0, None)
    assert {known.bands[at] for at in (0, 1, 2, 7, 8)} == {RatioBand(0, 0, 0, 0.0, 0.0, None, None)}
    assert known.band(-0.5) is minus
    assert known.band(1.0) is more


def test_a_tippett_plot_counts_from_each_ratio_upwards() -> None:
    ratios = np.array([-9.0, 0.3, 0.3, 2.0])
    drawn = reference.reliability(ratios, np.array([False, False, True, True]), ["a", "b", "c", "d"]).tippett
    assert drawn.grid[0] == -3.0
    assert drawn.grid[-1] == 3.0
    assert len(drawn.grid) == 61
    at = {point: (real, fake) for point, real, fake in zip(drawn.grid, drawn.real, drawn.synthetic, strict=True)}
    assert at[-3.0] == at[0.2] == at[0.3] == (0.5, 1.0)
    assert at[0.4] == at[2.0] == (0.0, 0.5)
    assert at[2.1] == at[3.0] == (0.0, 0.0)


@pytest.mark.parametrize("side", [True, False])
def test_one_label_alone_has_nothing_to_compare(side: bool) -> None:
    with pytest.raises(ValueError, match="both labels"):
        reference.reliability(np.array([0.1, 0.2, np.nan]), np.array([side, side, not side]), ["a", "b", "c"])


def test_what_ratios_were_worth_is_kept_with_the_model_and_stays_small(clip: Clip) -> None:
    draw = np.random.default_rng(0)
    synthetic = np.arange(500) % 2 == 0
    ratios = draw.normal(np.where(synthetic, 1.0, -1.0), 1.5)
    worth = reference.reliability(ratios, synthetic, [f"source {at % 20}" for at in range(500)])
    known = Reference(None, reference.scope([clip]), np.zeros(0, bool), np.zeros(0), reliability=worth)
    arrays = reference.to_arrays(known, None)
    assert len(arrays["settings"]) < 4096
    assert reference.from_arrays(arrays).reliability == worth
    assert reference.kept_reliability(arrays) == worth
    assert reference.kept_reliability({"weights": np.zeros(3)}) is None
    settings = msgspec.json.decode(arrays["settings"].tobytes())
    del settings["reliability"]
    older = arrays | {"settings": np.frombuffer(msgspec.json.encode(settings), np.uint8)}
    assert reference.from_arrays(older).reliability is None


def ranged(clip: Clip, soft: bool) -> Reference:
    """A calibration whose range of frame rates excludes the clip's, softly or not."""
    scope = (*reference.scope([clip])[:1], Range("frame rate", 20, 30, " a second", soft), *reference.scope([clip])[2:])
    return Reference(Calibration(1.0, 0.0, 1.0, 10, 10), scope, np.array([True]), np.zeros(1))


def test_outside_a_soft_range_a_ratio_is_given_and_the_clip_is_told_apart(clip: Clip) -> None:
    hard, soft = ranged(clip, False), ranged(clip, True)
    assert (hard.covers(clip), soft.covers(clip)) == (False, True)
    assert (hard.log10_lr(clip, 0.7), soft.log10_lr(clip, 0.7)) == (None, 0.7)
    assert [len(one.outside(clip)) for one in (hard, soft)] == [1, 1]
    assert "hardly depends" not in hard.outside(clip)[0]
    assert "outside the 20 to 30" in soft.outside(clip)[0]
    assert "hardly depends" in soft.outside(clip)[0]
    small = changed(clip, width=32, height=32)
    assert not soft.covers(small), "a hard range beside a soft one still holds"
    taught = replace(soft, clips=np.array([clip.sha256]))
    assert not taught.covers(clip)
    assert taught.outside(clip)[-1] == reference.LEARNT


def many(clip: Clip, n: int = 120) -> tuple[list[Clip], np.ndarray]:
    """Clips of many frame rates, half of them synthetic; other properties do not change but the length."""
    rates = np.random.default_rng(0).permutation(n) + 1.0
    return [changed(clip, fps=rate, duration_s=at + 1.0) for at, rate in enumerate(rates)], np.arange(n) % 2 == 1


@pytest.mark.parametrize("depending", [None, False, True])
def test_a_range_is_soft_only_where_the_scores_of_neither_label_depend_on_it(
    depending: bool | None, clip: Clip
) -> None:
    clips, synthetic = many(clip)
    rates = np.array([one.fps for one in clips])
    scores = np.random.default_rng(1).normal(size=len(clips))
    if depending is not None:
        scores = np.where(synthetic == depending, scores + rates / 20, scores)
    size, rate, _, length = reference.scope(clips, scores, synthetic)
    assert rate.soft is (depending is None)
    assert length.soft
    assert not size.soft, "all of one size: nothing says that the score would not change"
    assert not any(one.soft for one in reference.scope(clips))


def test_few_clips_of_a_label_make_no_range_soft(clip: Clip) -> None:
    clips, synthetic = many(clip)
    scores = np.random.default_rng(1).normal(size=len(clips))
    few = synthetic & (np.cumsum(synthetic) < reference.FEWEST)
    assert not any(one.soft for one in reference.scope(clips, scores, few))
    unheard = np.where(synthetic & ~few, np.nan, scores)
    assert not any(one.soft for one in reference.scope(clips, unheard, synthetic))


def leaking(clip: Clip) -> Reference:
    """A detector whose synthetic clips all have twice the frame rate of the real ones."""
    synthetic = np.arange(40) % 2 == 1
    clips = [changed(clip, fps=(20.0 if fake else 10.0) * (1 + at / 400)) for at, fake in enumerate(synthetic)]
    made = reference.by_metadata(clips, synthetic, [str(at) for at in range(40)])
    return Reference(None, reference.scope(clips), synthetic, np.zeros(40), made=made)


@pytest.mark.parametrize(
    ("fps", "log10_lr", "told"),
    [
        (22.0, 0.8, True),
        (22.0, -0.8, False),
        (22.0, 0.4, False),
        (22.0, None, False),
        (9.5, -0.8, True),
        (9.5, 0.8, False),
        (14.2, 0.8, False),
        (14.2, -0.8, False),
    ],
)
def test_a_leak_is_told_where_the_file_alone_points_the_same_way(
    fps: float, log10_lr: float | None, told: bool, clip: Clip
) -> None:
    known, asked = leaking(clip), changed(clip, fps=fps)
    found = known.leak(asked, log10_lr)
    assert bool(found) is told
    assert all("how files were made" in one for one in found)
    assert known.limits(asked, log10_lr) == (*known.outside(asked), *found)
    assert replace(known, made=()).leak(asked, log10_lr) == ()


def test_a_property_that_never_changed_says_nothing_of_a_clip_in_which_it_does(clip: Clip) -> None:
    known = leaking(clip)
    rate, *others = (known.made[at] for at in (1, 0, 2, 3))
    assert rate > 1
    assert np.abs(others).max() < rate / 10


def test_what_files_alone_tell_is_kept_with_the_model(clip: Clip) -> None:
    known = leaking(clip)
    arrays = reference.to_arrays(known, None)
    assert reference.from_arrays(arrays).made == known.made
    assert len(known.made) == 5
    assert reference.from_arrays(arrays).scope == known.scope
    settings = msgspec.json.decode(arrays["settings"].tobytes())
    del settings["made"]
    older = arrays | {"settings": np.frombuffer(msgspec.json.encode(settings), np.uint8)}
    assert reference.from_arrays(older).made == ()
