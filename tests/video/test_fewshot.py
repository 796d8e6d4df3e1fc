"""Is a taught detector the one that was taught?"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sightcheck import ask, sandbox, weights
from sightcheck.errors import BrokenInstallation, UsageError
from sightcheck.media import Sampling, look
from sightcheck.verdict import Calibration
from sightcheck.video import fewshot, linear, reference
from sightcheck.video.fewshot import FewShot, Recipe
from sightcheck.video.reference import Range, Reference

SHORT = Recipe("footprint", Sampling(frames=16, windows=1))
CARD = weights.Card("mine", "footprint", "a test", {}, (), "", (), (), ("a limit",), "nothing", {}, "2026-01-01")


def vectors(n: int = 24, d: int = 45) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    synthetic = np.arange(n) % 2 == 1
    return rng.random((n, d)) + 0.3 * synthetic[:, None], synthetic


def taught(recipe: Recipe = SHORT) -> FewShot:
    rows, synthetic = vectors()
    fitted = linear.fit(recipe.method, rows, synthetic, [str(number) for number in range(len(rows))])
    held_out = fitted.scores(rows)
    sizes = (Range("short side", 64, 4000, ""), Range("frame rate", 1, 100, ""))
    scope = (*sizes, Range("compression", 0, 100, ""), Range("length", 0, 100, ""))
    return FewShot("mine", recipe, fitted, Reference(Calibration(1, 0, 1, 9, 9), scope, synthetic, held_out), rows)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_published_recipe_is_the_default() -> None:
    assert fewshot.published().sampling.frames - 1 == 30


def test_the_first_frame_is_dropped_and_the_rest_kept_in_order(clip: Path) -> None:
    reading = fewshot.read(os.fsencode(clip), SHORT)
    assert reading.windows.shape == (1, 45)
    (shown,) = reading.footprints
    np.testing.assert_array_equal(reading.windows[0].reshape(15, 3), shown.fractions[1:])


def test_a_shorter_clip_is_undecided_and_says_why(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    path = make_clip(tmp_path / "short.mp4", frames=12)
    verdict = ask.video(path, [taught()]).verdicts[0]
    assert verdict.answer == "undecided"
    assert "16 frames" in verdict.evidence[0].sentence


def test_what_is_loaded_is_what_was_saved(home: Path, clip: Path) -> None:
    model = taught()
    assert fewshot.save(model, CARD) == home / "detectors/mine"
    found = fewshot.load("mine")
    for name in ("centre", "scale", "coef"):
        np.testing.assert_array_equal(getattr(found.linear, name), getattr(model.linear, name))
    assert found.recipe == model.recipe
    assert found.reference.calibration == model.reference.calibration
    assert found.reference.scope == model.reference.scope
    before, after = (ask.video(clip, [one]).verdicts[0].evidence[0] for one in (model, found))
    assert (after.score, after.log10_lr) == (before.score, before.log10_lr)
    assert after.limits == ("a limit",)
    assert after.weights_sha256 == weights.card(home / "detectors/mine").sha256


def test_an_altered_model_is_refused(home: Path) -> None:
    folder = fewshot.save(taught(), CARD)
    data = bytearray((folder / "model.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.npz").write_bytes(bytes(data))
    with pytest.raises(BrokenInstallation, match="SHA-256 differs"):
        fewshot.load("mine")


@pytest.mark.parametrize("missing", ["model.npz", "card.json"])
def test_a_missing_file_is_told(home: Path, missing: str) -> None:
    (fewshot.save(taught(), CARD) / missing).unlink()
    with pytest.raises(BrokenInstallation, match=rf"{missing} cannot be read \(No such file or directory\); teach it"):
        fewshot.load("mine")


@pytest.mark.parametrize("name", ["../mine", "", "A b", "traces"])
def test_some_names_are_not_for_taught_models(home: Path, name: str) -> None:
    with pytest.raises(UsageError):
        fewshot.save(taught(), dataclasses.replace(CARD, name=name))
    assert not home.exists()


@pytest.mark.parametrize(
    ("at", "name", "told"),
    [
        (0, "short side", "short side of 96 is outside the 1000 to 2000"),
        (1, "frame rate", "frame rate of 10 is outside"),
        (2, "compression", "compression of"),
        (3, "length", "length of 3.6 is outside"),
    ],
)
def test_outside_the_calibration_there_is_no_ratio(at: int, name: str, told: str, clip: Path) -> None:
    described, model = sandbox.run(look, os.fsencode(clip)), taught()
    assert model.examine(described, os.fsencode(clip)).log10_lr is not None
    scope = [*model.reference.scope]
    scope[at] = Range(name, 1000, 2000, "")
    changed = dataclasses.replace(model.reference, scope=tuple(scope))
    found = dataclasses.replace(model, reference=changed).examine(described, os.fsencode(clip))
    assert found.score is not None
    assert found.log10_lr is None
    (limit,) = found.limits
    assert told in limit


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1080, "1080"),
        (1366, "1366"),
        (86400.0, "86400"),
        (23.976, "24"),
        (3.6, "3.6"),
        (1.234e-5, "0.0000123"),
        (0, "0"),
    ],
)
def test_numbers_are_shown_without_powers_of_ten(value: float, shown: str) -> None:
    assert reference.plain(value) == shown


def test_the_scope_is_what_the_clips_were_and_longer(
    clip: Path, make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    paths = (clip, make_clip(tmp_path / "small.mp4", frames=20, width=128, height=64))
    seen = reference.scope([sandbox.run(look, os.fsencode(path)) for path in paths])
    assert [(one.low, one.high) for one in seen[:2]] == [(64, 96), (10, 10)]
    assert seen[3].low == pytest.approx(2.0)
    assert not seen[3].excludes(3600)
    assert seen[3].excludes(1.9)
