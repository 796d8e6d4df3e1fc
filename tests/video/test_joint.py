"""Do detectors speak together as they were weighed, and only while they are what was weighed?"""

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sightcheck import ask, sandbox, weights
from sightcheck.errors import BrokenInstallation
from sightcheck.media import Clip, look
from sightcheck.verdict import Calibration, Evidence
from sightcheck.video import fewshot, joint, linear, reference
from sightcheck.video.detectors import detector
from sightcheck.video.fewshot import FewShot
from sightcheck.video.joint import Joint, Part, Recipe
from sightcheck.video.reference import Range, Reference

WIDE = tuple(Range(name, 0, 10**6, "") for name in ("short side", "frame rate", "compression", "length"))
WORTH = reference.reliability(np.array([-0.6, 0.7]), np.array([False, True]), ["a", "b"])
KNOWN = Reference(
    Calibration(1.0, 0.0, 2.0, 9, 9, 1.0), WIDE, np.array([False, True]), np.array([-9.0, 9.0]), reliability=WORTH
)
RECIPE = Recipe((Part("one", "", 0.5), Part("two", "", 0.0), Part("three", "", 0.25)), 0.1, 0.5, 0.25)
CARD = weights.Card("mine", "joint", "a test", {}, (), "", (), (), ("a limit",), "nothing", {}, "2026-01-01")
SHORT = fewshot.Recipe("footprint", fewshot.Sampling(frames=16, windows=1))


def said(*scores: float | None) -> list[Evidence]:
    return [Evidence(name, "A part.", score) for name, score in zip(("one", "two", "three"), scores, strict=True)]


@pytest.fixture(scope="module")
def described(clip: Path) -> Clip:
    return sandbox.run(look, os.fsencode(clip))


@pytest.mark.parametrize(
    ("scores", "ratio"),
    [((2.0, -9.0, 4.0), 1.05), ((-2.0, 9.0, -4.0), -0.475), ((-0.2, 0.0, 0.0), 0.0), ((0.0, 5.0, 0.0), 0.05)],
)
def test_scores_are_weighed_and_each_side_shrunk_by_itself(scores: tuple[float, ...], ratio: float) -> None:
    assert RECIPE.ratio(scores) == pytest.approx(ratio)


def test_together_they_state_a_ratio_within_its_bounds(described: Clip) -> None:
    one = Joint("mine", RECIPE, (), KNOWN, ("a limit",), "ab" * 32)
    found = one.fuse(described, said(2.0, -9.0, 4.0))
    assert (found.score, found.log10_lr) == pytest.approx((1.05, 1.05))
    assert found.weighs == ("one", "two", "three")
    assert found.reliability == WORTH
    assert (found.limits, found.weights_sha256, found.method) == (("a limit",), "ab" * 32, "mine")
    assert found.sentence.startswith("What one, two and three say together")
    assert one.fuse(described, said(90.0, 0.0, 0.0)).log10_lr == 2.0
    assert one.fuse(described, said(-90.0, 0.0, 0.0)).log10_lr == -1.0
    narrow = replace(one, reference=replace(KNOWN, scope=(Range("short side", 1000, 2000, ""), *WIDE[1:])))
    outside = narrow.fuse(described, said(2.0, -9.0, 4.0))
    assert (outside.score, outside.log10_lr) == (found.score, None)
    assert "outside the 1000 to 2000" in outside.limits[0]


@pytest.mark.parametrize("silent", [0, 1, 2])
def test_a_part_that_measured_nothing_leaves_no_ratio(silent: int, described: Clip) -> None:
    scores: list[float | None] = [2.0, 1.0, 4.0]
    scores[silent] = None
    found = Joint("mine", RECIPE, (), KNOWN, ("a limit",)).fuse(described, said(*scores))
    assert (found.score, found.log10_lr, found.reliability) == (None, None, None)
    assert found.sentence.startswith(f"Not weighed together: {('one', 'two', 'three')[silent]} could not be measured")
    assert found.weighs == ("one", "two", "three")
    assert ask.weigh_video([found, Evidence("one", "A part.", 9.0, 3.0)]).answer == "undecided"


def test_names_are_listed() -> None:
    assert [joint.listed(list("abc")[:count]) for count in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


def part(name: str, shift: float = 0.0) -> str:
    """A detector of random numbers, taught and written; its sha256."""
    rng = np.random.default_rng(len(name))
    synthetic = np.arange(24) % 2 == 1
    rows = rng.random((24, 45)) + 0.3 * synthetic[:, None] + shift
    fitted = linear.fit("footprint", rows, synthetic, [str(at) for at in range(24)])
    model = FewShot(
        name, SHORT, fitted, replace(KNOWN, reliability=None, synthetic=synthetic, held_out=np.zeros(24)), rows
    )
    folder = fewshot.save(model, replace(CARD, name=name, method="footprint"))
    return weights.card(folder).sha256


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Two parts and their fusion `mine` in a home of its own."""
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    recipe = Recipe((Part("one", part("one"), 0.5), Part("other", part("other"), 0.25)), 0.125, 0.5, 0.25)
    assert joint.save(CARD, recipe, KNOWN) == tmp_path / "home/detectors/mine"
    return recipe


def test_what_is_loaded_is_what_was_saved(saved: Recipe) -> None:
    found = detector("mine")
    assert isinstance(found, Joint)
    assert found.recipe == saved
    assert [one.name for one in found.parts] == ["one", "other"]
    assert found.reference.calibration == KNOWN.calibration
    assert found.reference.reliability == WORTH
    assert (found.limits, found.sha256) == (("a limit",), weights.card(weights.find("mine")).sha256)


@pytest.mark.parametrize("names", [("mine",), ("mine", "other"), ("one", "mine", "other")])
def test_a_part_measures_a_clip_once_and_the_fusion_is_of_what_they_said(
    names: tuple[str, ...], saved: Recipe, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    plain = FewShot.examine
    monkeypatch.setattr(FewShot, "examine", lambda one, *given: (asked.append(one.name), plain(one, *given))[1])
    steps: list[float] = []
    found = {one.method: one for one in ask.video(clip, names, steps.append).verdicts[0].evidence}
    assert tuple(found) == names
    assert sorted(asked) == ["one", "other"]
    assert steps == sorted(steps)
    assert steps[-1] == pytest.approx(1)
    scores = [
        detector(name).examine(sandbox.run(look, os.fsencode(clip)), os.fsencode(clip)).score
        for name in ("one", "other")
    ]
    assert found["mine"].score == pytest.approx(saved.ratio(scores))
    assert found["mine"].weighs == ("one", "other")


def test_a_part_that_was_taught_anew_is_another_part(saved: Recipe) -> None:
    weights.remove("other")
    part("other", shift=0.5)
    with pytest.raises(BrokenInstallation, match=r"'mine' was made of another other: run `sightcheck train joint`"):
        detector("mine")


def test_a_part_that_is_gone_is_told(saved: Recipe) -> None:
    weights.remove("one")
    with pytest.raises(BrokenInstallation, match="lacks a part: no detector is called 'one'"):
        detector("mine")


def test_a_part_of_a_method_that_is_unknown_here_is_told(saved: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(joint.PARTS, "footprint")
    with pytest.raises(BrokenInstallation, match="another version"):
        joint.load("mine")


def test_the_bundled_fusion_is_of_the_bundled_parts() -> None:
    """Where it ships: `joint` can be asked without anything fetched, and its sides are bounded."""
    if not (weights.BUNDLED / "joint").is_dir():
        pytest.skip("no fusion is bundled")
    found = joint.load("joint")
    assert {one.name for one in found.recipe.parts} <= {folder.name for folder in weights.BUNDLED.iterdir()}
    assert all(one.coefficient >= 0 for one in found.recipe.parts)
    assert any(one.coefficient > 0 for one in found.recipe.parts)
    assert 0 < found.recipe.synthetic <= 1
    assert 0 < found.recipe.real <= 1
    assert found.reference.reliability is not None
    calibration = found.reference.calibration
    assert calibration is not None
    assert calibration.floor is not None
    assert math.isfinite(calibration.bound + calibration.floor)
