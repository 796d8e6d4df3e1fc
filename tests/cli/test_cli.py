"""Does every command explain itself, at once? What the commands answer is tested in test_bad_input.py."""

import re
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sightcheck.cli import app

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
