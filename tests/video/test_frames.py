"""Does a network on frames answer, alone, in a fusion and when it was made elsewhere?"""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from conftest import moving_picture, write_video
from sightcheck import ask, sandbox, weights
from sightcheck.cli import app
from sightcheck.errors import BrokenInstallation, UsageError
from sightcheck.learn import adopt
from sightcheck.media import Sampling, look, pictures
from sightcheck.report import report
from sightcheck.verdict import Calibration, Evidence
from sightcheck.video import frames, fusion, reference
from sightcheck.video.detectors import detector
from sightcheck.video.frames import Network, Recipe
from sightcheck.video.reference import Range, Reference

onnx = pytest.importorskip("onnx")

SIDE = 32
EVERY = Sampling(36, None, None, None, 1)
PLAIN = {"height": SIDE, "width": SIDE, "mean": (0, 0, 0), "deviation": (1, 1, 1)}
FRAMES = Recipe("test", EVERY, **PLAIN)
CARD = weights.Card("mine", "frames", "a test", {}, (), "", (), (), ("a limit",), "nothing", {}, "2026-01-01")
WIDE = tuple(Range(name, 0, 10**6, "") for name in ("short side", "frame rate", "compression", "length"))
KNOWN = Reference(Calibration(1, 0, 1, 9, 9), WIDE, np.array([False, True] * 2), np.array([-9.0, -9.0, -9.0, 9.0]))
GOLDEN = np.zeros((2, 2), np.float32)


def brightness(
    outputs: Sequence[float] = (-4.0, 4.0), shape: Sequence[object] = ("n", 3, SIDE, SIDE), end: str = "Identity"
) -> bytes:
    """An ONNX network: mean of what it is given, times each of `outputs`, less half of it."""
    from onnx import TensorProto, helper, numpy_helper

    size = math.prod(side for side in shape[1:] if isinstance(side, int))
    gains = np.array(outputs, np.float32)
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "w", "b"], ["mean"]),
        helper.make_node(end, ["mean"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [shape[0], len(gains)])],
        [numpy_helper.from_array(np.tile(gains / size, (size, 1)), "w"), numpy_helper.from_array(-gains / 2, "b")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


def network(recipe: Recipe = FRAMES, made: bytes | None = None, known: Reference = KNOWN) -> Network:
    return Network("mine", recipe, known, weights.session(made or brightness()), ("a limit",), "ab" * 32)


def evidence(path: Path, one: object) -> Evidence:
    return ask.video(path, [one]).verdicts[0].evidence[0]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    return tmp_path / "home/detectors"


@pytest.mark.parametrize(
    ("outputs", "changes", "fake"),
    [
        ([[0.0, math.log(3)]], {}, 0.75),
        ([[math.log(3), 0.0]], {"synthetic": 0}, 0.75),
        ([[math.log(3)]], {}, 0.75),
        ([[math.log(3)]], {"synthetic": 0}, 0.25),
        ([[0.0, math.log(2), 0.0]], {}, 0.5),
        ([[0.1, 0.2, 0.7]], {"puts_out": "probabilities", "synthetic": 2}, 0.7),
        ([[0.2]], {"puts_out": "probabilities"}, 0.2),
        ([[0.2]], {"puts_out": "probabilities", "synthetic": 0}, 0.8),
    ],
)
def test_what_a_network_puts_out_becomes_a_probability(outputs: list, changes: dict, fake: float) -> None:
    found = frames.probabilities(np.array(outputs, np.float32), dataclasses.replace(FRAMES, **changes))
    np.testing.assert_allclose(found, [fake], rtol=1e-6)


def test_the_soft_vote_is_the_log_odds_of_the_mean() -> None:
    assert frames.soft_vote(np.array([0.9, 0.6])) == pytest.approx(math.log(3))
    assert frames.soft_vote(np.ones(3)) == pytest.approx(math.log(9999)), "never without end"


def test_every_frame_speaks_and_is_told(clip: Path) -> None:
    found = evidence(clip, network())
    seen = sandbox.run(pictures, os.fsencode(clip), EVERY, SIDE, SIDE)
    fake = 1 / (1 + np.exp(-8 * (seen.rgb.mean((1, 2, 3)) / 255 - 0.5)))
    (told,) = found.series
    np.testing.assert_allclose(told.values, fake, rtol=1e-4)
    assert (told.times_s, told.unit) == (seen.times_s, "share")
    assert found.score == pytest.approx(frames.soft_vote(fake), rel=1e-4)
    assert found.sentence == (
        f"How synthetic {len(fake)} frames look to a network (P(synthetic) mean {fake.mean():.2f}, "
        f"from {fake.min():.2f} to {fake.max():.2f}). Of the reference clips "
        "0% of the real and 50% of the synthetic ones score higher."
    )
    assert found.log10_lr == pytest.approx(np.clip(found.score, -1, 1))
    assert (found.limits, found.weights_sha256) == (("a limit",), "ab" * 32)
    times = [still.time_s for still in found.stills]
    assert times == sorted(times)
    assert {seen.times_s[int(fake.argmin())], seen.times_s[int(fake.argmax())]} <= set(times)
    assert {still.png[12:24] for still in found.stills} == {b"IHDR" + (192).to_bytes(4) + (115).to_bytes(4)}


def test_the_heat_is_what_each_part_adds_to_the_log_odds(clip: Path) -> None:
    assert evidence(clip, network()).heat is None, "it costs 26 readings, so it is asked for"
    heat = ask.video(clip, [network()], heat=True).verdicts[0].evidence[0].heat
    assert heat is not None
    assert (heat.rows, heat.columns) == (5, 5)
    assert heat.jpeg[:2] == b"\xff\xd8"
    assert "is hidden" in heat.meaning
    assert sum(heat.values) == pytest.approx(0, abs=0.2), "the mean colour for each part in turn leaves the mean"
    assert max(heat.values) > 0.01
    page = report.to_html([ask.video(clip, [network()], heat=True)])
    assert heat.meaning in page
    assert "spoke against it" in page


def test_a_clip_unlike_the_calibration_gets_no_ratio(clip: Path) -> None:
    narrow = dataclasses.replace(KNOWN, scope=(Range("short side", 1000, 2000, ""), *WIDE[1:]))
    found = evidence(clip, network(known=narrow))
    assert found.score is not None
    assert found.log10_lr is None
    assert "outside the 1000 to 2000" in found.limits[0]


def test_a_network_for_one_picture_at_a_time_gives_the_same(clip: Path) -> None:
    alone = network(made=brightness(shape=(1, 3, SIDE, SIDE)))
    assert evidence(clip, alone).score == pytest.approx(evidence(clip, network()).score)


@pytest.mark.parametrize(
    ("length", "looked_at"), [(7, "30 sequences of 7 frames"), (3, "32 of 34 sequences of 3 frames")]
)
def test_sequences_of_frames(length: int, looked_at: str, clip: Path) -> None:
    recipe = dataclasses.replace(FRAMES, sequence=length)
    found = evidence(clip, network(recipe, brightness(shape=("n", length, 3, SIDE, SIDE))))
    assert found.sentence.startswith(f"How synthetic {looked_at} look to a network (P(synthetic) mean ")
    assert len(found.series[0].values) == min(int(looked_at.split()[0]), 32)


def test_too_short_for_a_sequence(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    path = make_clip(tmp_path / "short.mp4", frames=5)
    verdict = ask.video(path, [network(frames.RECIPES["resnet-lstm"])]).verdicts[0]
    assert verdict.answer == "undecided"
    assert verdict.evidence[0].sentence == "Too short: 7 successive frames are needed."
    assert (verdict.evidence[0].score, verdict.evidence[0].limits) == (None, ("a limit",))


def test_a_head_reads_the_features_of_the_bundled_backbone(clip: Path, home: Path) -> None:
    recipe = dataclasses.replace(frames.RECIPES["frames"], sampling=Sampling(1, 1.0, None, None, 3))
    reference.save(CARD, recipe, KNOWN, brightness((1.0,), ("n", 1280)), GOLDEN)
    found = ask.video(clip, ["mine"], heat=True).verdicts[0].evidence[0]
    assert found.score is not None
    assert found.heat is not None
    assert found.weights_sha256 == weights.card(home / "mine").network_sha256


def test_what_is_loaded_is_what_was_saved(clip: Path, home: Path) -> None:
    assert reference.save(CARD, FRAMES, KNOWN, brightness(), GOLDEN) == home / "mine"
    found = frames.load("mine")
    assert (found.recipe, found.reference.calibration, found.limits) == (FRAMES, KNOWN.calibration, ("a limit",))
    np.testing.assert_array_equal(weights.load("mine").arrays["golden"], GOLDEN)
    assert evidence(clip, found).score == evidence(clip, network()).score


@pytest.mark.parametrize(
    ("recipe", "made", "told"),
    [
        (FRAMES, brightness(shape=("n", 3, SIDE, 64)), "not what its recipe 'test' reads"),
        (FRAMES, brightness(shape=(4, 3, SIDE, SIDE)), "not what its recipe 'test' reads"),
        (dataclasses.replace(FRAMES, sequence=7), brightness(), "not what its recipe 'test' reads"),
        (dataclasses.replace(FRAMES, reads="features"), brightness(), "not what its recipe 'test' reads"),
        (FRAMES, b"no network", "cannot run a network"),
        (FRAMES, b"", "cannot run a network"),
        (EVERY, brightness(), "made by another version"),
    ],
)
def test_a_network_that_does_not_fit_is_a_broken_installation(
    recipe: Recipe, made: bytes, told: str, home: Path
) -> None:
    reference.save(CARD, recipe, KNOWN, made, GOLDEN)
    with pytest.raises(BrokenInstallation, match=told):
        detector("mine")


def test_outputs_that_are_no_probabilities_are_not_an_answer(clip: Path) -> None:
    wrong = dataclasses.replace(FRAMES, puts_out="probabilities")
    with pytest.raises(BrokenInstallation, match="no probability"):
        evidence(clip, network(wrong, brightness((40.0,))))


def saying(name: str, fake: float | None) -> Evidence:
    return Evidence(name, "A part.", None if fake is None else math.log(fake / (1 - fake)))


def test_a_fusion_is_the_mean_of_the_probabilities(clip: Path) -> None:
    both = fusion.Fusion("fusion", (), KNOWN, ("a limit",), "cd" * 32)
    described = sandbox.run(look, os.fsencode(clip))
    found = both.fuse(described, [saying("frames", 0.9), saying("texture", 0.6)])
    assert found.score == pytest.approx(math.log(3))
    assert found.log10_lr == pytest.approx(1)
    assert found.sentence.startswith(
        "What several of these say together (mean P(synthetic) 0.75: frames 0.90, texture 0.60)."
    )
    missing = both.fuse(described, [saying("frames", 0.9), saying("texture", None)])
    assert (missing.score, missing.log10_lr) == (None, None)
    assert missing.sentence == "Not fused: texture could not be measured on this clip."


@pytest.mark.parametrize("names", [("both",), ("mine", "both"), ("both", "other", "mine")])
def test_a_part_measures_a_clip_once(
    names: tuple[str, ...], clip: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference.save(CARD, FRAMES, KNOWN, brightness(), GOLDEN)
    reference.save(dataclasses.replace(CARD, name="other"), FRAMES, KNOWN, brightness((9.0,)), GOLDEN)
    fusion.save(dataclasses.replace(CARD, name="both", method="fusion"), ("mine", "other"), KNOWN)
    asked: list[str] = []
    plain = Network.examine
    monkeypatch.setattr(Network, "examine", lambda one, *given: (asked.append(one.name), plain(one, *given))[1])
    steps: list[float] = []
    found = {one.method: one for one in ask.video(clip, names, steps.append).verdicts[0].evidence}
    assert tuple(found) == names
    assert sorted(asked) == ["mine", "other"]
    assert steps == sorted(steps)
    assert steps[-1] == pytest.approx(1)
    if "mine" in names and "other" in names:
        assert found["both"].score == pytest.approx(
            frames.soft_vote(np.array([fusion.fused([found["mine"].score, found["other"].score])]))
        )


def test_a_fusion_without_a_part_is_a_broken_installation(home: Path) -> None:
    fusion.save(dataclasses.replace(CARD, name="both", method="fusion"), ("mine", "nosuch"), KNOWN)
    reference.save(CARD, FRAMES, KNOWN, brightness(), GOLDEN)
    with pytest.raises(BrokenInstallation, match="lacks a part: no detector is called 'nosuch'"):
        detector("both")


def test_only_models_that_answer_about_videos_are_asked() -> None:
    with pytest.raises(UsageError, match=r"'backbone' \(backbone\) cannot be asked about a video; these can: .*traces"):
        detector("backbone")


def test_knowing_the_detectors_loads_no_network_runtime() -> None:
    code = "import sys, sightcheck.video.detectors; print({'onnxruntime', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def added(*given: object) -> tuple[int, str]:
    done = CliRunner().invoke(app.app, ["weights", "add", *map(str, given)])
    return done.exit_code, done.stdout if done.exception is None else str(done.exception)


def test_a_network_made_elsewhere_answers(clip: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(brightness((4.0,), ("n", 3, SIDE, SIDE), "Sigmoid"))
    status, printed = added("elsewhere", tmp_path / "other.onnx", "--probabilities", "--mean", "0,0,0")
    assert (status, f"written to {home / 'elsewhere'}" in printed, "not calibrated" in printed) == (0, True, True)
    card = weights.card(home / "elsewhere")
    assert (card.method, card.recipe["sampling"]["fps"]) == ("frames", 1.0)
    assert (card.recipe["height"], card.recipe["puts_out"]) == (SIDE, "probabilities")
    done = CliRunner().invoke(app.app, ["video", str(clip), "--detector", "elsewhere", "--json"])
    (said,) = json.loads(done.stdout)["reports"][0]["verdicts"]
    assert said["answer"] == "undecided"
    assert said["evidence"][0]["sentence"].startswith("How synthetic 5 frames look to a network (P(synthetic) mean ")
    assert "No reference clip was held out" in said["evidence"][0]["sentence"]


def test_on_a_table_it_is_scored_and_calibrated(home: Path, tmp_path: Path) -> None:
    rows = ["path,label,source"]
    for label, light in (("real", -60), ("fake", 60)):
        for at in range(5):
            yuv = moving_picture(8, 64, 48, seed=at + 10 * (light > 0)).astype(np.int16)
            yuv[:, :48] = (yuv[:, :48] // 3 + 85 + light).clip(0, 255)
            write_video(tmp_path / f"{label}{at}.mp4", yuv.astype(np.uint8))
            rows.append(f"{label}{at}.mp4,{label},s{label}{at}")
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    (tmp_path / "clips.csv").write_text("\n".join([*rows, "broken.mp4,real,sbroken"]))
    (tmp_path / "net.onnx").write_bytes(brightness())
    card, _ = adopt.adopt(
        "tabled", tmp_path / "net.onnx", adopt.How(mean=(0, 0, 0), deviation=(1, 1, 1)), tmp_path / "clips.csv"
    )
    (auc,) = card.metrics
    assert (auc.name, auc.value, auc.low) == ("AUC", 1.0, None)  # no resample changes it
    assert "broken.mp4" in card.left_out[0]
    assert sum(source.synthetic for source in card.sources) == 5
    found = frames.load("tabled")
    assert found.reference.calibration is not None
    assert found.reference.calibration.groups_real == 5
    said = ask.video(tmp_path / "fake0.mp4", ["tabled"]).verdicts[0]
    assert said.answer == "synthetic"
    assert any("not trained on the clips" in limit for limit in said.evidence[0].limits)
    done = CliRunner().invoke(app.app, ["evaluate", "tabled", str(tmp_path / "clips.csv")])
    assert "# tabled, as it is: 5 real and 5 synthetic clips" in done.stdout
    assert "tabled learned from clips of sfake0" in done.stdout
    assert "| all | 10 | 1.00 [1.00, 1.00] |" in done.stdout
    assert "broken.mp4" in done.stdout
    few, _ = adopt.adopt("few", tmp_path / "net.onnx", table=_first(tmp_path, rows[:3] + rows[6:8]))
    assert "2 groups of real and 2 of synthetic clips: too few to calibrate" in few.limits[0]


def _first(folder: Path, rows: list[str]) -> Path:
    (folder / "few.csv").write_text("\n".join(rows))
    return folder / "few.csv"


@pytest.mark.parametrize(
    ("made", "given", "told"),
    [
        (b"no network", (), "not an ONNX network in one file"),
        (brightness(shape=("n", SIDE, SIDE, 3)), (), "colours last"),
        (brightness(shape=("n", 1, SIDE, SIDE)), (), "three colours"),
        (brightness(shape=(4, 3, SIDE, SIDE)), (), "batch is held at 4"),
        (brightness(shape=("n", 1280)), (), r"\(n, 3, H, W\) is needed"),
        (brightness(shape=("n", 3, "h", "w")), (), "does not state the height of its pictures: give --height"),
        (brightness(), ("--height", 64), "its file states 32"),
        (brightness((1, 2, 3)), (), "puts out 3 numbers: say with --synthetic"),
        (brightness((1, 2, 3)), ("--synthetic", 3), "--synthetic is 3"),
        (brightness((40.0,)), ("--probabilities",), "outside 0 to 1"),
        (brightness(end="Softmax"), (), "give --probabilities"),
        (brightness(), ("--mean", "0.5"), "write three numbers"),
        (brightness(), ("--deviation", "0,1,1"), "a deviation is above 0"),
    ],
)
def test_what_cannot_be_read_so_is_refused(made: bytes, given: tuple, told: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(made)
    status, said = added("mine", tmp_path / "net.onnx", *given)
    assert status == 1, "the runner's own, for an exception"
    assert re.search(told, said)
    assert not home.exists()
