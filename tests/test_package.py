"""What does `import sightcheck` give, and what does it not do?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import sightcheck
from conftest import moving_picture, write_video
from sightcheck import errors

NAMES = {
    "ask", "Report", "Verdict", "Evidence", "Claim", "__version__", "SightcheckError", "InputError", "NotAFile",
    "NotMedia", "Damaged", "OverLimit", "OutputError", "UsageError", "BrokenInstallation",
}  # fmt: skip


def test_the_public_names() -> None:
    assert set(sightcheck.__all__) == NAMES
    assert all(getattr(sightcheck, name) is not None for name in NAMES)
    tree = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert tree <= NAMES
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        sightcheck.nothing  # noqa: B018


def run(*command: str | Path, **more: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]


def test_help_version_and_the_module_as_a_command() -> None:
    assert "The two questions" in run("-c", "import sightcheck; help(sightcheck.ask)").stdout
    assert run("-m", "sightcheck", "--version").stdout == f"sightcheck {sightcheck.__version__}\n"
    assert "Usage" in run("-m", "sightcheck", "--help").stdout


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sightcheck, sys; print({'numpy', 'av', 'onnxruntime', 'torch'} & set(sys.modules))"
    assert run("-c", code).stdout == "set()\n"


ASKED = """
from sightcheck import ask
ask.video({video!r})
ask.photo({photo!r}, "Rome, Italy")
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="watches system calls with strace")
def test_asking_reaches_for_no_network_and_leaves_nothing_behind(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", moving_picture(20))
    Image.effect_noise((300, 300), 80).convert("RGB").save(tmp_path / "a.jpg")
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir()
    code = ASKED.format(video=str(video), photo=str(tmp_path / "a.jpg"))
    watched = ["strace", "-f", "-e", "trace=%network", "-o", str(log), sys.executable, "-c", code]
    free = {key: value for key, value in os.environ.items() if not key.startswith(("ORT_", "XDG_", "HF_"))}
    done = subprocess.run(watched, env={**free, "HOME": str(home)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    calls = [line for line in log.read_text().splitlines() if "AF_INET" in line or " connect(" in line]
    assert calls == []
    assert [path for path in home.rglob("*") if path.is_file() and "gallery" not in path.name] == []
