"""Can a detector be taught from two folders of clips, and does it say what it may have learnt instead?"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import teach, weights
from sightcheck.bench import readings
from sightcheck.errors import UsageError

COMMAND = str(Path(sys.executable).with_name("sightcheck"))
EACH = 6


def generated(seed: int, frames: int = 24) -> np.ndarray:
    """A panning scene whose detail is drawn anew in each frame."""
    yuv = moving_picture(frames, 128, 96, seed).astype(np.int16)
    yuv[:, :96] += np.random.default_rng(seed).integers(-25, 25, yuv[:, :96].shape, np.int16)
    return yuv.clip(0, 255).astype(np.uint8)


def write_clips(folder: Path, fake_fps: int = 10) -> Path:
    """Folders real/ and fake/ of EACH clips."""
    for label in ("real", "fake"):
        (folder / label).mkdir(parents=True)
    for seed in range(EACH):
        write_video(folder / f"real/{seed}.mp4", moving_picture(24, 128, 96, seed), fps=10)
        write_video(folder / f"fake/{seed}.mp4", generated(seed + 50), fps=fake_fps)
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The real command, with a home and a cache of its own."""
    home = tmp_path_factory.mktemp("home")
    own = {"SIGHTCHECK_HOME": str(home), "SIGHTCHECK_CACHE": str(home / "cache"), "OMP_NUM_THREADS": "1"}

    def command(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
        given = [COMMAND, *(str(argument) for argument in arguments)]
        return subprocess.run(given, env=os.environ | own | settings, capture_output=True, text=True, timeout=300)

    return command


def test_two_folders_teach_a_detector_that_answers(
    clips: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    taught = run(
        "teach", "mine", "--real", clips / "real", "--fake", clips / "fake", "--method", "footprint", "--frames", 20
    )
    assert taught.returncode == 0, taught.stderr
    assert "generator held out: 1.00" in taught.stdout
    asked = run("video", clips / "fake/0.mp4", clips / "real/0.mp4", "--detector", "mine", "--json")
    assert asked.returncode == 0, asked.stderr
    fake, real = json.loads(asked.stdout)["reports"]
    assert fake["verdicts"][0]["answer"] == "synthetic"
    assert real["verdicts"][0]["answer"] == "no sign of synthesis"
    assert "mine" in run("weights", "list").stdout
    assert run("weights", "verify").returncode == 0


def test_traces_are_taught_and_evaluated_on_a_table(
    clips: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    rows = [f"{label}/{seed}.mp4,{label},s{seed % 3}{label}" for label in ("real", "fake") for seed in range(EACH)]
    table = clips / "table.csv"
    table.write_text("path,label,source\n" + "\n".join(rows) + "\n")
    taught = run("teach", "tabled", "--manifest", table)
    assert taught.returncode == 0, taught.stderr
    assert "all clips laundered" in taught.stdout
    printed = run("evaluate", "tabled", table)
    assert printed.returncode == 0, printed.stderr
    for part in ("control: metadata only", "By real source", "Clips a class", "TPR at 1 % FPR"):
        assert part in printed.stdout
    found = json.loads(run("evaluate", "tabled", table, "--json").stdout)
    assert found["clips"] == [EACH, EACH]


def test_frame_rate_that_betrays_the_label_is_told(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = write_clips(tmp_path / "leak", fake_fps=5)
    taught = run(
        "teach", "leaky", "--real", folder / "real", "--fake", folder / "fake", "--method", "footprint", "--frames", 20
    )
    assert "what a file says of itself tells synthetic from real" in taught.stdout
    asked = json.loads(run("video", folder / "real/0.mp4", "--detector", "leaky", "--json").stdout)
    limits = asked["reports"][0]["verdicts"][0]["evidence"][0]["limits"]
    assert any("it may have learnt how they were made" in limit for limit in limits)


def test_too_few_groups_give_no_answer(
    clips: Path, tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    for label in ("real", "fake"):
        (tmp_path / label).mkdir()
        for seed in range(2):
            (tmp_path / label / f"{seed}.mp4").symlink_to(clips / label / f"{seed}.mp4")
    given = ("--real", tmp_path / "real", "--fake", tmp_path / "fake", "--method", "footprint", "--frames", 20)
    assert "too few to calibrate" in run("teach", "few", *given).stdout
    asked = json.loads(run("video", clips / "fake/5.mp4", "--detector", "few", "--json").stdout)
    verdict = asked["reports"][0]["verdicts"][0]
    assert verdict["answer"] == "undecided"
    assert verdict["evidence"][0]["log10_lr"] is None
    assert verdict["evidence"][0]["score"] is not None


def test_a_broken_clip_is_left_out(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path))
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    items = (*teach.items(clips / "real", clips / "fake", None),)
    broken = type(items[0])(path=str(tmp_path / "broken.mp4"), label="real")
    found = readings.readings((*items, broken), teach.recipe("footprint", 20))
    assert len(found.items) == 2 * EACH
    assert found.skipped[0][0].endswith("broken.mp4")
    again = readings.readings(items, teach.recipe("footprint", 20))
    np.testing.assert_array_equal(found.vectors, again.vectors)


@pytest.mark.parametrize("given", [(None, None, None), ("real", None, None), ("real", "fake", "table.csv")])
def test_folders_or_a_table(given: tuple[str | None, ...], clips: Path) -> None:
    with pytest.raises(UsageError, match="--manifest"):
        teach.items(*(None if one is None else clips / one for one in given))


def test_wrong_usage_exits_with_2(clips: Path, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    for arguments in (
        ("teach", "x", "--real", clips / "real"),
        ("teach", "traces", "--real", clips / "real", "--fake", clips / "fake"),
        ("teach", "x", "--real", clips / "real", "--fake", clips / "nowhere"),
        ("video", clips / "real/0.mp4", "--detector", "unknown"),
        ("evaluate", "traces", clips / "nowhere.csv"),
    ):
        done = run(*arguments)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("sightcheck: ")


def test_an_altered_model_exits_with_3(
    clips: Path, tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    given = ("--real", clips / "real", "--fake", clips / "fake", "--method", "footprint", "--frames", 20)
    run("teach", "spoilt", *given, SIGHTCHECK_HOME=str(tmp_path))
    (tmp_path / "detectors/spoilt/model.npz").write_bytes(b"spoilt")
    done = run("video", clips / "real/0.mp4", "--detector", "spoilt", SIGHTCHECK_HOME=str(tmp_path))
    assert done.returncode == 3
    assert "SHA-256" in done.stderr


def test_cards_are_whole(clips: Path, run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    for folder in weights.folders():
        card = weights.card(folder)
        assert card.sources
        assert card.metrics
        assert card.controls
        assert card.not_for
        assert card.versions["av"]
