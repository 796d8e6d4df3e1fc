"""Where does a calibration hold?"""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck.media import Clip, look
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
