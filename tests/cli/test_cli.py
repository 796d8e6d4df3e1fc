"""Does every command explain itself, at once? What the commands answer is tested in test_bad_input.py."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.main import get_command
from typer.testing import CliRunner

from conftest import moving_picture, write_video
from sightcheck.cli import app
from sightcheck.cli.train import Recipe
from sightcheck.learn import recipes

HEAVY = ("av", "cv2", "jinja2", "msgspec", "numpy", "pyarrow", "scipy", "sklearn", "torch")


def commands() -> list[tuple[str, ...]]:
    """Every command and group there is, as typed."""

    def below(command: object, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        inner = getattr(command, "commands", {})
        return [path, *(found for name, one in sorted(inner.items()) for found in below(one, (*path, name)))]

    return below(get_command(app.app), ())


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_names_the_command_and_its_exit_statuses(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app.app, [*command, "--help"], env={"NO_COLOR": "1", "COLUMNS": "100"})
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", done.stdout).split())
    assert done.exit_code == 0
    assert " ".join(command) in said
    assert " ".join(app.EXIT.split()) in said


def test_every_command_is_there() -> None:
    assert {" ".join(one) for one in commands()} == {
        "", "video", "photo", "composite", "teach", "train", "evaluate", "table", "build", "build twins",
        "gallery", "gallery add", "gallery list", "gallery remove", "gallery export", "gallery import",
        "weights", "weights list", "weights get", "weights add", "weights verify", "weights show", "weights remove",
    }  # fmt: skip


def test_help_imports_nothing_heavy() -> None:
    code = f"""
import contextlib, io, sys
from sightcheck.cli import app
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    app.app(["video", "--help"])
print(*(set({HEAVY}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_wrong_usage_is_2_and_says_what_there_is() -> None:
    command = [sys.executable, "-c", "from sightcheck.cli.app import main; main()"]
    done = subprocess.run([*command, "video", "clip.mp4", "--detector", "nosuch"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("sightcheck: no detector is called 'nosuch'; there are: ")
    assert "Traceback" not in done.stderr


NEED_TORCH = (
    *(("train", recipe.value, "nowhere.csv") for recipe in Recipe if recipe is not Recipe.matches),
    ("build", "twins", "nowhere.csv", "--to", "twins"),
    ("table", "3.2", "--data", "nowhere.csv"),
    ("table", "5.3", "--data", "nowhere.csv"),
    ("weights", "get", "geoclip"),
)


@pytest.mark.parametrize("command", NEED_TORCH, ids=" ".join)
def test_what_needs_pytorch_says_so_before_any_work(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipes, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["sightcheck", *command])
    with pytest.raises(SystemExit) as end:
        app.main()
    assert end.value.code == 3
    assert capsys.readouterr().err.endswith("this needs PyTorch: pip install 'sightcheck[train]'\n")
    assert list(tmp_path.iterdir()) == []


def test_the_right_command_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(tmp_path / "a.mp4", moving_picture(4))
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg")
    for command, told in (
        (("photo", tmp_path / "a.mp4"), "is a video; ask `sightcheck video` about it"),
        (("video", tmp_path / "a.jpg"), "is not a video but a photo; ask `sightcheck photo` about it"),
        (("photo", tmp_path), "give the photo files in it, such as FOLDER/*; to keep photos of a city"),
        (("video", tmp_path), "give the video files in it, such as FOLDER/*"),
        (("video", "https://example.org/a.mp4"), "is an address: download the file first"),
        (("photo", tmp_path / "a.jpg", "--country", "nosuch"), "country model is called 'nosuch'; there are: country"),
    ):
        monkeypatch.setattr(sys, "argv", ["sightcheck", *map(str, command)])
        with pytest.raises(SystemExit):
            app.main()
        assert told in capsys.readouterr().err
