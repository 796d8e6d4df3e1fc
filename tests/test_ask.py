"""Does the question get its answer, through Python, with what ships?"""

import dataclasses
from pathlib import Path

import pytest

from sightcheck import ask, weights
from sightcheck.errors import NotAFile
from sightcheck.video import reference
from sightcheck.video.detectors import default


def test_four_lines_of_python(clip: Path) -> None:
    report = ask.video(clip)
    verdict = report.verdicts[0]
    assert verdict.question == "Is this video synthetic?"
    assert verdict.answer in ("synthetic", "no sign of synthesis", "undecided")
    assert tuple(one.method for one in verdict.evidence) == default()
    assert all(one.sentence.endswith(".") for one in verdict.evidence)
    found = {one.method: one for one in verdict.evidence}
    assert all(found[name].score is not None for name in ("traces", "frames", "footprint")), "these need no body"
    assert found["traces"].weights_sha256 == weights.card(weights.BUNDLED / "traces").sha256


def test_the_same_file_gives_the_same_report(clip: Path) -> None:
    first, second = (dataclasses.replace(ask.video(clip), time="") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("https://example.org/a.mp4", "is an address: download the file first"),
        ("www.example.org/a.mp4", "is an address: download the file first"),
        (".", "not a regular file but a folder"),
    ],
)
def test_what_is_no_file_is_told(path: str, why: str) -> None:
    for asked in (ask.video, ask.photo):
        with pytest.raises(NotAFile, match=why):
            asked(path)


def test_one_detector_may_be_named_alone(clip: Path) -> None:
    assert [item.method for item in ask.video(clip, "footprint").verdicts[0].evidence] == ["footprint"]


def test_a_missing_file_raises_ours() -> None:
    with pytest.raises(NotAFile, match="No such file"):
        ask.video("/nowhere/at/all.mp4")


def test_progress_goes_from_none_to_all(clip: Path) -> None:
    steps: list[float] = []
    ask.video(clip, progress=steps.append)
    assert steps == sorted(steps)
    assert 0 < steps[-1] <= 1


def test_bundled_models_are_as_their_cards_say_and_small() -> None:
    names = [folder.name for folder in weights.BUNDLED.iterdir() if folder.is_dir()]
    known = {
        "backbone", "city", "city-clip", "country", "country-clip", "footprint", "footprint-twins", "frames",
        "frames-twins", "fusion", "matches", "pairs", "pairs-clip", "pairs-symmetric", "scene", "scene-clip", "texture",
        "traces",
    }  # fmt: skip
    assert known <= {*names} <= known | {"appearance", "joint", "joint-appearance"}
    for name in names:
        assert weights.load(name).card.name == name
        assert (weights.BUNDLED / name / "model.npz").read_bytes()[:2] == b"PK", "plain arrays"
    assert sum(path.stat().st_size for path in weights.BUNDLED.rglob("*") if path.is_file()) < 25 * 10**6


@pytest.mark.parametrize("name", ["traces", "footprint"])
def test_bundled_cards_are_whole(name: str) -> None:
    card = weights.card(weights.BUNDLED / name)
    assert (card.name, card.method, len(card.sha256)) == (name, name, 64)
    assert sum(source.real for source in card.sources) > 0
    assert sum(source.synthetic for source in card.sources) > 0
    assert all(source.licence for source in card.sources)
    assert {metric.scope for metric in card.metrics} >= {"generator held out", "source held out"}
    assert {control.scope for control in card.controls} >= {"metadata only", "length only"}
    for one in (*card.metrics, *card.controls):
        assert one.value is None or one.low is None or one.low <= one.value <= one.high
    known = reference.from_arrays(weights.load(name).arrays)
    assert bool(card.limits) or known.calibration is not None, "why it has no ratio"
    assert len(known.clips) == sum(source.real + source.synthetic for source in card.sources)
    assert "Not proof" in card.not_for
    assert {"sightcheck", "av", "numpy"} <= set(card.versions)
