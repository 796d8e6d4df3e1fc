"""Are frames looked at by the backbone where it is, and is it told how to get it where it is not?"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sightcheck import sandbox, weights
from sightcheck.cli import app
from sightcheck.errors import BrokenInstallation
from sightcheck.learn import teach
from sightcheck.video import appearance, fewshot
from sightcheck.video.appearance import CLIP, LENGTH, MIDDLE, MISSING, SIDE, WIDTH, Glimpses
from sightcheck.video.detectors import SHOWN, default

FETCHED = weights.home() / CLIP
"""Where whoever runs the tests keeps it; looked up before the tests get a home of their own."""
CARD = weights.Card(CLIP, "backbone", "a test", {}, (), "", (), (), (), "nothing", {}, "2026-01-01")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))
    appearance._session.cache_clear()
    return tmp_path


@pytest.fixture
def fetched(home: Path) -> None:
    """The backbone in a home of its own."""
    if not (FETCHED / "model.onnx").is_file() or MIDDLE not in weights.card(FETCHED).recipe:
        pytest.skip("the backbone CLIP is not here as this version fetches it: sightcheck weights get clip")
    (home / "detectors").mkdir()
    (home / "detectors" / CLIP).symlink_to(FETCHED)


def look(path: Path) -> Glimpses:
    return sandbox.run(appearance.measure, os.fsencode(path))


def test_six_glimpses_of_a_clip_are_square_and_in_order(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    seen = look(make_clip(tmp_path / "long.mp4", frames=60))
    assert seen.rgb.shape == (6, SIDE, SIDE, 3)
    assert seen.rgb.dtype == np.uint8
    assert seen.times_s == tuple(sorted({*seen.times_s}))
    assert seen.rgb.std() > 10
    stills = appearance.stills(seen)
    assert [one.time_s for one in stills] == [*seen.times_s]
    assert {one.png[16:24] for one in stills} == {(96).to_bytes(4) * 2}


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_of_a_short_clip_frames_are_spread(frames: int, make_clip: Callable[..., Path], tmp_path: Path) -> None:
    seen = look(make_clip(tmp_path / "short.mp4", frames=frames))
    assert 1 <= len(seen.times_s) == len({*seen.times_s}) <= min(frames, 6)
    assert seen.times_s[0] == 0.0
    assert seen.times_s[-1] >= (frames - 1) / 10 - 0.2, "up to what is left of a window"


@pytest.mark.parametrize(("height", "width"), [(48, 96), (96, 48), (600, 300), (224, 1000), (225, 224)])
def test_the_middle_square_is_looked_at(height: int, width: int) -> None:
    rgb = np.zeros((height, width, 3), np.uint8)
    side = min(height, width)
    y, x = (height - side) // 2, (width - side) // 2
    rgb[y : y + side, x : x + side] = 200
    found = appearance._square(rgb)
    assert found.shape == (SIDE, SIDE, 3)
    assert np.median(found) == 200
    assert found[8:-8, 8:-8].min() == 200


def test_nothing_seen_has_no_features() -> None:
    nothing = Glimpses((), np.zeros((0, SIDE, SIDE, 3), np.uint8))
    assert appearance.features(nothing).shape == (0, LENGTH)
    assert appearance.stills(nothing) == ()


def test_without_the_backbone_nothing_asks_for_it(home: Path) -> None:
    assert not appearance.ready()
    names = default()
    assert "appearance" not in names
    assert "joint-appearance" not in names
    bundled = (weights.BUNDLED / "joint").is_dir()
    assert names[:bundled] == ("joint",) * bundled
    assert names[bundled : bundled + 2] == ("traces", "frames")
    assert names[-len(SHOWN) :] == tuple(SHOWN)
    assert all(name in SHOWN or (weights.BUNDLED / name).is_dir() for name in names)
    with pytest.raises(BrokenInstallation, match="sightcheck weights get clip"):
        appearance.features(Glimpses((0.0,), np.zeros((1, SIDE, SIDE, 3), np.uint8)))


def kept(**recipe: object) -> None:
    weights.save(CARD.__class__(**{**vars(CARD), "recipe": recipe}), {"golden": np.zeros(1)})


def test_a_backbone_that_an_earlier_version_fetched_is_not_enough(home: Path) -> None:
    kept(features=512)
    assert not appearance.ready()
    with pytest.raises(BrokenInstallation, match="weights get clip"):
        teach.recipe("appearance")


def test_with_the_backbone_what_reads_it_decides_where_it_ships(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(**{MIDDLE: 2 * WIDTH})
    assert appearance.ready()
    monkeypatch.setattr(weights, "BUNDLED", tmp_path / "bundled")
    every = ("joint-appearance", "joint", "appearance", "traces", "frames", "footprint", "texture", "fusion")
    for name in every:
        (tmp_path / "bundled" / name).mkdir(parents=True)
    assert default() == ("joint-appearance", "appearance", *every[3:], *SHOWN)
    (tmp_path / "bundled/joint-appearance").rmdir()
    (tmp_path / "bundled/texture").rmdir()
    assert default() == ("appearance", "traces", "frames", "footprint", "fusion", *SHOWN)


def test_teaching_it_without_the_backbone_is_one_sentence(home: Path, clip: Path) -> None:
    for label in ("real", "fake"):
        (home / label).mkdir()
        (home / label / "0.mp4").write_bytes(clip.read_bytes())
    given = ["teach", "mine", "--method", "appearance", "--real", str(home / "real"), "--fake", str(home / "fake")]
    done = CliRunner().invoke(app.app, given)
    assert isinstance(done.exception, BrokenInstallation)
    assert str(done.exception) == MISSING
    assert not (home / "detectors").exists()


@pytest.mark.usefixtures("fetched")
def test_features_are_of_each_glimpse_alone(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    seen = look(make_clip(tmp_path / "long.mp4", frames=20))
    found = appearance.features(seen)
    assert found.shape == (len(seen.times_s), LENGTH) == (len(seen.times_s), 2048)
    assert np.isfinite(found).all()
    alone = appearance.features(Glimpses(seen.times_s[1:2], seen.rgb[1:2]))
    np.testing.assert_allclose(alone[0], found[1], atol=1e-2 * np.abs(found).max())
    assert np.abs(found[0] - found[1]).max() > 1e-3
    golden = weights.load(CLIP).arrays["golden"]
    assert golden.shape[1] == LENGTH - 2 * WIDTH


@pytest.mark.usefixtures("fetched")
def test_it_reads_a_clip_as_one_vector(clip: Path) -> None:
    reading = fewshot.read(os.fsencode(clip), teach.recipe("appearance"))
    assert reading.vector is not None
    assert reading.vector.shape == (LENGTH,)
    assert "CLIP" in fewshot.describe(reading, teach.recipe("appearance"))
    assert len(reading.stills) == len(reading.times_s) == len(reading.windows)
