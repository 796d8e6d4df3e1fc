"""Is a fusion made of what its parts said of clips whose source taught them nothing?"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import ask, weights
from sightcheck.data.manifest import sha256
from sightcheck.errors import UsageError
from sightcheck.learn import recipes
from sightcheck.learn.video import joint as made
from sightcheck.learn.video.trained import Clips
from sightcheck.media import Sampling
from sightcheck.verdict import Calibration
from sightcheck.video import fewshot, joint, linear, reference
from sightcheck.video.fewshot import FewShot
from sightcheck.video.reference import Reference

EACH, PER = 6, 2
SHORT = fewshot.Recipe("footprint", Sampling(frames=9, windows=1))
CARD = weights.Card("mine", "footprint", "a test", {}, (), "", (), (), (), "nothing", {}, "2026-01-01")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of six sources of each label, two clips each; the last row is no clip."""
    folder = tmp_path_factory.mktemp("clips")
    rows = ["path,label,source,generator"]
    for label in ("real", "fake"):
        for at in range(EACH):
            for number in range(PER):
                name = f"{label}{at}{number}.mp4"
                write_video(folder / name, moving_picture(12, 96, 64, len(rows)))
                rows.append(f"{name},{label},{label}{at},{f'g{at}' if label == 'fake' else ''}")
    (folder / "no.mp4").write_bytes(b"no clip")
    (folder / "clips.csv").write_text("\n".join([*rows, "no.mp4,real,odd,"]) + "\n")
    return folder / "clips.csv"


Part = Callable[[str, float, int], None]


@pytest.fixture
def part(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Part:
    """Writes a detector that held out the clips, with scores so far apart by label, but for the last ones."""
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    files = sorted(clips.parent.glob("*[0-9].mp4"))
    synthetic = np.array([file.name.startswith("fake") for file in files])
    known = np.array([sha256(file) for file in files])

    def write(name: str, apart: float, unheard: int = 0) -> None:
        rng = np.random.default_rng(len(name))
        scores = rng.normal(np.where(synthetic, apart / 2, -apart / 2))
        scores[len(scores) - unheard :] = np.nan
        rows = rng.random((len(files), 24))
        fitted = linear.fit("footprint", rows, synthetic, [str(at) for at in range(len(files))])
        about = Reference(Calibration(1, 0, 1, 6, 6), (), synthetic, scores, known)
        fewshot.save(FewShot(name, SHORT, fitted, about, rows), replace(CARD, name=name))

    return write


def test_parts_are_fused_and_the_card_says_what_they_are_worth(part: Part, clips: Path) -> None:
    for name, apart in (("good", 3.0), ("turned", -3.0)):
        part(name, apart)
    heard: list[float] = []
    folder = recipes.on_clips(
        Clips("joint", name="both", of=("good", "turned")), [clips], lambda done, what: heard.append(done)
    )
    assert heard == sorted(heard)
    found, card = joint.load("both"), weights.card(folder)
    good, turned = found.recipe.parts
    assert good.coefficient > 0
    assert turned.coefficient == 0
    assert (good.name, good.sha256) == ("good", weights.card(weights.find("good")).sha256)
    assert any("turned has no voice" in limit for limit in card.limits)
    assert any("weights get clip" in limit for limit in card.limits)
    assert card.method == "joint"
    assert len(card.files) == 2 * EACH * PER
    scopes = {"together", "good", "turned"}
    assert {(one.name, one.scope) for one in card.metrics} == {
        (name, at) for name in made.NAMES.values() for at in scopes
    }
    value = {(one.name, one.scope): one.value for one in card.metrics}
    assert value["AUC, all clips", "good"] > 0.9 > 0.1 > value["AUC, all clips", "turned"]
    assert value["Cllr, sources alike", "together"] < 1
    assert {one.scope for one in card.controls} == {"metadata alone"}
    known = found.reference
    assert len(known.clips) == len(known.held_out) == len(known.synthetic) == 2 * EACH * PER
    assert known.reliability is not None
    assert (known.reliability.sources_real, known.reliability.sources_synthetic) == (EACH, EACH)
    assert known.calibration is not None
    assert known.calibration.groups_real == EACH
    assert known.calibration.bound <= np.log10(EACH + 1)
    metadata = next(one.value for one in card.controls if one.name == "AUC, sources alike")
    leaks = metadata >= value["AUC, sources alike", "together"] - 0.02
    assert len(known.made) == 5 * leaks, "what the files alone say is kept where it says as much"
    assert reference.from_arrays(weights.load("both").arrays).reliability == known.reliability


def test_what_was_made_answers(part: Part, clips: Path, tmp_path: Path) -> None:
    part("good", 3.0)
    recipes.on_clips(Clips("joint", name="both", of=("good",)), [clips])
    new = write_video(tmp_path / "new.mp4", moving_picture(12, 96, 64, 99))
    together, alone = ask.video(new, ["both", "good"]).verdicts[0].evidence
    assert together.weighs == ("good",)
    assert together.score == pytest.approx(joint.load("both").recipe.ratio([alone.score]))


def test_only_clips_that_every_part_held_out_are_weighed(part: Part, clips: Path) -> None:
    part("good", 3.0)
    part("other", 2.0, unheard=1)
    folder = recipes.on_clips(Clips("joint", name="both", of=("good", "other")), [clips])
    assert len(weights.card(folder).files) == 2 * EACH * PER - 1


def test_too_few_sources_and_parts_that_are_none_are_told(part: Part, clips: Path) -> None:
    part("good", 3.0)
    part("few", 3.0, unheard=2 * PER)
    part("none", 3.0, unheard=2 * EACH * PER)
    with pytest.raises(
        UsageError, match=r"4 sources of real and 6 of synthetic clips were held out by all of good, few"
    ):
        recipes.on_clips(Clips("joint", name="both", of=("good", "few")), [clips])
    with pytest.raises(UsageError, match="no clip of these tables was held out by all parts"):
        recipes.on_clips(Clips("joint", name="both", of=("none",)), [clips])
    with pytest.raises(UsageError, match="backbone cannot be a part; these methods can: traces"):
        recipes.on_clips(Clips("joint", name="both", of=("good", "backbone")), [clips])
    with pytest.raises(UsageError, match="no detector is called 'nobody'"):
        recipes.on_clips(Clips("joint", name="both", of=("nobody",)), [clips])
