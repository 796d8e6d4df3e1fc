"""Can a detector be taught from two folders of clips, and does it say what it may have learnt instead?"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from conftest import moving_picture, write_video
from sightcheck import weights
from sightcheck.cli import app
from sightcheck.data import cache
from sightcheck.data.manifest import Item
from sightcheck.errors import OutputError, UsageError
from sightcheck.learn import teach
from sightcheck.protocol import evaluate, readings
from sightcheck.protocol.evaluate import Controls, Evaluation
from sightcheck.video import fewshot, linear
from sightcheck.video.reference import LEARNT

COMMAND = str(Path(sys.executable).with_name("sightcheck"))
EACH = 6
QUICK = ("--method", "footprint", "--frames", 20)
HOW = teach.recipe("footprint", 20)

Run = Callable[..., subprocess.CompletedProcess[str]]


def generated(seed: int, frames: int = 24) -> np.ndarray:
    """A panning scene whose detail is drawn anew in each frame."""
    yuv = moving_picture(frames, 128, 96, seed).astype(np.int16)
    yuv[:, :96] += np.random.default_rng(seed).integers(-25, 25, yuv[:, :96].shape, np.int16)
    return yuv.clip(0, 255).astype(np.uint8)


def write_clips(folder: Path, each: int = EACH, fake_fps: int = 10) -> Path:
    """Folders real/ and fake/ of clips."""
    for label in ("real", "fake"):
        (folder / label).mkdir(parents=True)
    for seed in range(each):
        write_video(folder / f"real/{seed}.mp4", moving_picture(24, 128, 96, seed), fps=10)
        write_video(folder / f"fake/{seed}.mp4", generated(seed + 50), fps=fake_fps)
    return folder


def folders(folder: Path) -> tuple[object, ...]:
    return ("--real", folder / "real", "--fake", folder / "fake")


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def table(clips: Path) -> Path:
    """The same clips as a table: three sources a label."""
    rows = [f"{label}/{seed}.mp4,{label},s{seed % 3}{label}" for label in ("real", "fake") for seed in range(EACH)]
    (clips / "table.csv").write_text("path,label,source\n" + "\n".join(rows) + "\n")
    return clips / "table.csv"


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home and a cache of its own."""
    home = tmp_path_factory.mktemp("home")
    return {"SIGHTCHECK_HOME": str(home), "SIGHTCHECK_CACHE": str(home / "cache"), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def run(own: dict[str, str]) -> Run:
    """The real command."""

    def command(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
        given = [COMMAND, *(str(argument) for argument in arguments)]
        return subprocess.run(given, env=os.environ | own | settings, capture_output=True, text=True, timeout=300)

    return command


@pytest.fixture(scope="session")
def mine(clips: Path, run: Run, own: dict[str, str]) -> tuple[Path, str]:
    """A footprint detector taught by the command: its folder, and what was printed."""
    taught = run("teach", "mine", *folders(clips), *QUICK)
    assert taught.returncode == 0, taught.stderr
    return Path(own["SIGHTCHECK_HOME"], "detectors/mine"), taught.stdout


@pytest.fixture(scope="module")
def checked(clips: Path, mine: tuple[Path, str], own: dict[str, str]) -> Evaluation:
    """An evaluation of six of the clips, from the readings that teaching left in the cache."""
    items = [item for item in teach.items(clips / "real", clips / "fake", ()) if Path(item.path).stem in "012"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTCHECK_CACHE", own["SIGHTCHECK_CACHE"])
        found = readings.readings(items, HOW)
    return evaluate.measured(HOW, found, found.items, draws=1)


def evidence(asked: subprocess.CompletedProcess[str]) -> list[tuple[str, dict]]:
    """Answer and first evidence of each report."""
    assert asked.returncode == 0, asked.stderr
    verdicts = [report["verdicts"][0] for report in json.loads(asked.stdout)["reports"]]
    return [(verdict["answer"], verdict["evidence"][0]) for verdict in verdicts]


def test_two_folders_teach_a_detector_that_answers(
    clips: Path, run: Run, mine: tuple[Path, str], tmp_path: Path
) -> None:
    folder, printed = mine
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.npz"]
    assert f"written to {folder}" in printed
    assert "group held out: 1.00" in printed
    assert "generator" not in printed  # none was named
    card = weights.card(folder)
    assert (card.name, card.method, card.recipe["sampling"]["frames"]) == ("mine", "footprint", 21)
    assert [(source.real, source.synthetic) for source in card.sources] == [(EACH, EACH)]
    assert card.metrics[0].value == 1.0
    assert {"metadata only", "length only"} <= {control.scope for control in card.controls}
    fake = write_video(tmp_path / "fake.mp4", generated(90), fps=10)
    real = write_video(tmp_path / "real.mp4", moving_picture(24, 128, 96, 40), fps=10)
    asked = run("video", fake, real, clips / "fake/0.mp4", "--detector", "mine", "--json")
    (synthetic, shown), (authentic, _), (taught, told) = evidence(asked)
    assert (synthetic, authentic, taught) == ("synthetic", "no sign of synthesis", "undecided")
    assert LEARNT in told["limits"]
    assert shown["method"] == "mine"
    assert shown["weights_sha256"] == card.sha256
    assert "mine" in run("weights", "list").stdout
    assert run("weights", "verify").returncode == 0


def test_traces_are_taught_on_a_table(
    table: Path, run: Run, own: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTCHECK_HOME", own["SIGHTCHECK_HOME"])
    taught = run("teach", "tabled", "--manifest", table)
    assert taught.returncode == 0, taught.stderr
    assert "group held out, all clips laundered" in taught.stdout
    card = weights.card(Path(own["SIGHTCHECK_HOME"], "detectors/tabled"))
    assert card.method == "traces"
    assert len(card.sources) == 6
    assert "3 groups of real and 3 of synthetic clips: too few to calibrate" in card.limits[0], "a source is one group"
    assert fewshot.load("tabled").reference.calibration is None
    assert card.metrics[0].value is not None
    assert card.metrics[0].value > 0.9


def test_twins_of_two_folders_teach_as_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sub-folder of both is a scene; its clips are a pair where the decoder finds them alike, and only there."""
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "cache"))
    for seed, fps in enumerate((10, 10, 5)):
        for label, made in (("real", moving_picture(24, 128, 96, seed)), ("fake", generated(seed))):
            (tmp_path / label / f"scene{seed}").mkdir(parents=True)
            write_video(tmp_path / label / f"scene{seed}/clip.mp4", made, fps=fps if label == "fake" else 10)
    items = teach.items(tmp_path / "real", tmp_path / "fake", ())
    card, folder = teach.teach("twins", items, root=tmp_path / "models")
    told = "taught on the difference inside 2 aligned pairs too"
    assert told in weights.card(folder).summary
    assert told in teach.to_text(card, folder)
    found = readings.readings(items, teach.recipe())
    paired = linear.fit("traces", found.vectors, *labels(found), [(0, 3), (1, 4)])
    np.testing.assert_array_equal(arrays(folder)["coef"], paired.coef)


@pytest.mark.parametrize(
    ("method", "scenes", "told"),
    [
        ("traces", 0, ""),
        ("traces", 1, ", taught on the difference inside an aligned pair too"),
        ("traces", 12, ", taught on the difference inside 12 aligned pairs too"),
        ("footprint", 12, ""),
    ],
)
def test_a_summary_counts_the_pairs_that_taught(method: fewshot.Method, scenes: int, told: str) -> None:
    clips = [
        Item(path=f"{label}{at}", label=label, group=str(at)) for at in range(scenes) for label in ("real", "fake")
    ]
    clips += [Item(path="a", label="real"), Item(path="b", label="fake")]
    assert teach.summary(method, clips) == teach.SUMMARIES[method] + told


def test_an_evaluation_is_printed_as_tables_and_as_json(table: Path, run: Run, mine: tuple[Path, str]) -> None:
    printed = run("evaluate", "mine", table)
    assert printed.returncode == 0, printed.stderr
    for part in ("| generator | 1.00", "control: metadata only", "By real source", "Clips a class", "TPR at 1 % FPR"):
        assert part in printed.stdout
    found = json.loads(run("evaluate", "mine", table, "--json").stdout)
    assert found["clips"] == [EACH, EACH]
    assert found["by_generator"]["auc"]["macro"]["value"] == 1.0
    assert {row["held_out"] for row in found["by_generator"]["rows"]} == {"s0fake", "s1fake", "s2fake"}


def test_frame_rate_that_betrays_the_label_is_told_where_it_points_the_same_way(tmp_path: Path, run: Run) -> None:
    folder, home = write_clips(tmp_path / "leak", fake_fps=5), str(tmp_path / "home")
    taught = run("teach", "leaky", *folders(folder), *QUICK, SIGHTCHECK_HOME=home)
    assert taught.returncode == 0, taught.stderr
    card = weights.card(Path(home, "detectors/leaky"))
    assert next(control.value for control in card.controls if control.scope == "metadata only") == 1.0
    new = [write_video(tmp_path / f"{fps}.mp4", generated(90), fps=fps) for fps in (5, 10)]
    asked = run("video", *new, folder / "fake/0.mp4", "--detector", "leaky", "--json", SIGHTCHECK_HOME=home)
    told = ["learnt how files were made" in " ".join(one["limits"]) for _, one in evidence(asked)]
    ratios = [one["log10_lr"] for _, one in evidence(asked)]
    assert ratios[0] > 0.5 < ratios[1], "both look synthetic"
    assert ratios[2] is None, "it taught"
    assert told == [True, False, False], "the second has the frame rate of the real ones"


@pytest.mark.parametrize("control", ["metadata", "length"])
@pytest.mark.parametrize(("value", "leaks"), [(0.5, False), (0.97, False), (0.99, True), (1.0, True)])
def test_a_control_that_does_as_well_is_a_leak(control: str, value: float, leaks: bool, checked: Evaluation) -> None:
    assert checked.by_generator.auc.macro.value == 1.0
    controls = with_auc(with_auc(checked.controls, "metadata", 0.5), "length", 0.5)
    assert teach.leaks(checked.by_generator, with_auc(controls, control, value)) is leaks


def with_auc(controls: Controls, name: str, value: float) -> Controls:
    """The controls with another AUC under this name."""
    one = getattr(controls, name)
    auc = dataclasses.replace(one.auc, macro=dataclasses.replace(one.auc.macro, value=value))
    return dataclasses.replace(controls, **{name: dataclasses.replace(one, auc=auc)})


def test_too_few_groups_give_no_answer_and_a_broken_clip_is_told(
    clips: Path, tmp_path: Path, run: Run, own: dict[str, str]
) -> None:
    for label in ("real", "fake"):
        (tmp_path / label).mkdir()
        for seed in range(2):
            (tmp_path / label / f"{seed}.mp4").symlink_to(clips / label / f"{seed}.mp4")
    (tmp_path / "real/bro\x1bken.mp4").write_bytes(b"not a video")
    taught = run("teach", "few", *folders(tmp_path), *QUICK)
    assert taught.returncode == 0, taught.stderr
    assert "2 groups of real and 2 of synthetic clips: too few to calibrate" in taught.stdout
    assert "ECE, all held-out clips: 0." in taught.stdout
    assert "[" not in taught.stdout, "two groups a class, drawn again, give no interval"
    assert "left out: bro\\x1bken.mp4: is not a video" in taught.stdout, "as text, not as an escape sequence"
    (left_out,) = weights.card(Path(own["SIGHTCHECK_HOME"], "detectors/few")).left_out
    assert left_out.startswith("bro")
    ((answer, shown),) = evidence(run("video", clips / "fake/5.mp4", "--detector", "few", "--json"))
    assert answer == "undecided"
    assert shown["log10_lr"] is None
    assert shown["score"] is not None
    assert any("too few to calibrate" in limit for limit in shown["limits"])


def counted(monkeypatch: pytest.MonkeyPatch, cache: Path) -> list[bytes]:
    """Use this cache; returns the list of files measured from here on."""
    measured: list[bytes] = []
    read = fewshot.read

    def told(path: bytes, *rest: object, **more: object) -> fewshot.Reading:
        measured.append(path)
        return read(path, *rest, **more)

    monkeypatch.setenv("SIGHTCHECK_CACHE", str(cache))
    monkeypatch.setattr(fewshot, "read", told)
    return measured


def test_what_was_measured_is_not_measured_again(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = counted(monkeypatch, tmp_path / "cache")
    items = [item for item in teach.items(clips / "real", clips / "fake", ()) if Path(item.path).stem in "012"]
    first, _ = teach.teach("one", items, HOW, tmp_path)
    assert len(measured) == len(items) == 6
    assert first.metrics
    with pytest.raises(UsageError, match="--replace"):
        teach.teach("one", items, HOW, tmp_path)
    second, _ = teach.teach("one", items, HOW, tmp_path, replace=True)
    assert len(measured) == 6
    assert second == first, "the same clips give the same card and the same weights"
    (tmp_path / "cache").rename(tmp_path / "gone")
    third = readings.readings(items, HOW)
    assert len(measured) == 12
    np.testing.assert_array_equal(
        linear.fit(HOW.method, third.vectors, *labels(third)).coef, arrays(tmp_path / "one")["coef"]
    )


def labels(found: readings.Readings) -> tuple[np.ndarray, list[str]]:
    return np.array([item.synthetic for item in found.items]), [item.group for item in found.items]


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "model.npz", allow_pickle=False) as kept:
        return dict(kept)


@pytest.mark.parametrize("changed", ["code", "versions", "recipe", "clip"])
def test_a_reading_is_of_one_clip_recipe_code_and_libraries(
    changed: str, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = counted(monkeypatch, tmp_path)
    path = clips / "real/0.mp4"
    readings.one(path, HOW)
    readings.one(path, HOW)
    assert len(measured) == 1
    if changed == "code":
        monkeypatch.setattr(cache, "of_code", lambda names: "other")
    if changed == "versions":
        monkeypatch.setattr(cache, "_versions", lambda: (("sightcheck", "other"),))
    readings.one(clips / "real/1.mp4" if changed == "clip" else path, teach.recipe() if changed == "recipe" else HOW)
    assert len(measured) > 1


def test_the_code_that_measures_is_part_of_a_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.of_code(readings.MEASURING)
    for room in ("media", "video"):
        shutil.copytree(Path(teach.__file__).parents[1] / room, tmp_path / "same" / room)
        shutil.copytree(Path(teach.__file__).parents[1] / room, tmp_path / "other" / room)
    monkeypatch.setattr(cache, "PACKAGE", tmp_path / "same")
    assert cache.of_code(readings.MEASURING) == before
    with (tmp_path / "other/video/motion.py").open("a") as file:
        file.write("# changed\n")
    monkeypatch.setattr(cache, "PACKAGE", tmp_path / "other")
    assert cache.of_code(readings.MEASURING) != before


def test_a_reading_cut_short_is_measured_again(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = counted(monkeypatch, tmp_path)
    whole = readings.one(clips / "real/0.mp4", HOW)
    (kept,) = (tmp_path / "arrays").iterdir()
    for data in (b"", kept.read_bytes()[:100], b"not an archive"):
        kept.write_bytes(data)
        np.testing.assert_array_equal(readings.one(clips / "real/0.mp4", HOW).forms, whole.forms)
    assert len(measured) == 4


def test_two_copies_of_a_clip_are_measured_side_by_side(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path))
    meet, savez = threading.Barrier(2, timeout=60), np.savez

    def together(*given: object, **arrays: np.ndarray) -> None:
        meet.wait()
        savez(*given, **arrays)
        meet.wait()

    monkeypatch.setattr(np, "savez", together)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: readings.one(clips / "real/0.mp4", HOW), range(2))
    np.testing.assert_array_equal(first.forms, second.forms)
    assert [path.suffix for path in (tmp_path / "arrays").iterdir()] == [".npz"]


def test_a_cache_that_cannot_be_written_is_named(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match=r"cannot keep results in .*choose \$SIGHTCHECK_CACHE"):
        readings.one(clips / "real/0.mp4", HOW)


def test_a_broken_clip_is_left_out(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path))
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    items = teach.items(clips / "real", clips / "fake", ())
    broken = type(items[0])(path=str(tmp_path / "broken.mp4"), label="real")
    found = readings.readings((broken, *items), HOW)
    assert [item.path for item in found.items] == [item.path for item in items]
    ((path, why),) = found.skipped
    assert path == broken.path
    assert "is not a video" in why


@pytest.mark.parametrize("given", [(None, None, None), ("real", None, None), ("real", "fake", "table.csv")])
def test_folders_or_a_table(given: tuple[str | None, ...], clips: Path) -> None:
    real, fake, table = (None if one is None else clips / one for one in given)
    with pytest.raises(UsageError, match="--manifest"):
        teach.items(real, fake, () if table is None else (table,))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("teach", "x", "--real", "real"), "give --real DIR and --fake DIR"),
        (("teach", "traces", "--real", "real", "--fake", "fake"), "is the name of a bundled detector"),
        (("teach", "x", "--real", "real", "--fake", "nowhere"), "put the fake clips in this folder"),
        (("teach", "x", "--real", "real", "--fake", "broken", *QUICK), "clips of both labels are needed"),
        (("video", "real/0.mp4", "--detector", "unknown"), "there are: "),
        (("evaluate", "traces", "nowhere.csv"), "not a readable table"),
    ],
)
def test_wrong_usage_exits_with_2(
    arguments: tuple[object, ...], told: str, clips: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clips)
    Path("broken").mkdir(exist_ok=True)
    Path("broken/clip.mp4").write_bytes(b"not a video")
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("sightcheck: ")
    assert told in done.stderr


@pytest.mark.parametrize(
    ("lost", "told"), [("model.npz", "SHA-256 differs"), ("card.json", "card.json cannot be read")]
)
def test_a_broken_model_exits_with_3(
    lost: str, told: str, clips: Path, tmp_path: Path, run: Run, mine: tuple[Path, str]
) -> None:
    folder = shutil.copytree(mine[0], tmp_path / "detectors/mine")
    (folder / lost).unlink() if lost == "card.json" else (folder / lost).write_bytes(b"spoilt")
    for arguments in (("video", clips / "real/0.mp4", "--detector", "mine"), ("weights", "verify")):
        done = run(*arguments, SIGHTCHECK_HOME=str(tmp_path))
        assert done.returncode == 3
        assert told in done.stderr


@pytest.mark.parametrize("near", [False, True])
def test_a_clip_under_both_labels_is_refused(near: bool, clips: Path, tmp_path: Path) -> None:
    for side in ("real", "fake"):
        shutil.copytree(clips / side, tmp_path / side)
    twin = tmp_path / "fake/wrong.mp4"
    shutil.copy(clips / "real/0.mp4", twin)
    if near:  # the same pictures in another file
        twin.write_bytes(twin.read_bytes() + b"\0\0\0\x08free")
    with pytest.raises(UsageError, match=("near copies" if near else "the same file") + " under both labels"):
        teach.teach("both", teach.items(tmp_path / "real", tmp_path / "fake", None), HOW, tmp_path / "to")


def test_noise_in_a_folder_is_no_failure(clips: Path, tmp_path: Path) -> None:
    shutil.copytree(clips / "real", tmp_path / "real")
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._0.mp4", "0.xmp", "0.AAE", "0.mp4.json", "0.THM"):
        (tmp_path / "real" / name).write_bytes(b"noise")
    found, wanted = (teach.items(real, clips / "fake", None) for real in (tmp_path / "real", clips / "real"))
    assert len(found) == len(wanted)


def test_a_model_is_shown_and_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))
    scored = (weights.Metric("AUC", "all", 0.8),)
    card = weights.Card("mine", "traces", "a test", {}, (), "", scored, (), ("a limit",), "x", {}, "")
    folder = weights.save(card, {"a": np.zeros(1)})
    shown = CliRunner().invoke(app.app, ["weights", "show", "mine"])
    assert "AUC, all: 0.80" in shown.stdout
    assert "! a limit" in shown.stdout
    assert CliRunner().invoke(app.app, ["weights", "remove", "mine"]).exit_code == 0
    assert not folder.exists()
    with pytest.raises(UsageError, match="comes with sightcheck"):
        weights.remove("traces")
