"""Where does a calibration hold?"""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck.media import Clip, look
from sightcheck.verdict import RatioBand
from sightcheck.video import reference
from sightcheck.video.reference import Reference


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
    from sightcheck.verdict import Calibration

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

    for name in ("traces", "footprint", "frames", "texture", "fusion"):
        assert reference.from_arrays(weights.load(name).arrays).forms == ("h264",), Path(name)


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
