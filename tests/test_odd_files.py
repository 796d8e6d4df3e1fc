"""Is every fuzzed or odd file answered or refused, in time, and is no other file ever opened?"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from sightcheck import sandbox
from sightcheck.errors import InputError
from sightcheck.media import Sampling, look
from sightcheck.sandbox import Limits
from sightcheck.video import traces

VIDEO = Path(os.environ.get("SIGHTCHECK_DATA", Path(__file__).parents[2] / "shared/data/video"))
ODD = sorted((VIDEO.parent / "bad").glob("*/*"))
LIMITS = Limits(stall_s=10.0)

OPENED = re.compile(r'open(?:at)?\([^"]*"((?:[^"\\]|\\.)*)"[^=]*\) = \d')

pytestmark = pytest.mark.skipif(not ODD, reason=f"no odd files under {VIDEO.parent / 'bad'}")


def measured(path: Path) -> str:
    """The container, or the name of the error."""
    try:
        clip = sandbox.run(look, os.fsencode(path), limits=LIMITS)
        sandbox.run(traces.measure, os.fsencode(path), Sampling(), False, limits=LIMITS)
    except InputError as error:
        return type(error).__name__ if str(error).isprintable() else repr(error)
    return clip.container


def test_every_odd_file_is_answered_or_refused_in_time() -> None:
    slow, found = {}, []
    for path in ODD:
        started = time.monotonic()
        found.append(measured(path))
        took = time.monotonic() - started
        if took > 10:
            slow[path.name] = took
    assert slow == {}
    assert {"mov", "h264", "matroska", "NotMedia", "Damaged"} <= set(found)
    assert set(found) <= {"mov", "h264", "matroska", "avi", "gif", "mpegts", "NotMedia", "Damaged", "OverLimit"}


def test_no_file_but_the_input_is_opened(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log, script = tmp_path / "log", tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "from sightcheck import errors, media\n"
        "for path in map(os.fsencode, sys.argv[1:]):\n"
        "    os.path.exists(b'/mark/' + path)\n"
        "    try:\n"
        "        media.look(path), list(media.windows(path, media.Sampling()))\n"
        "    except errors.SightcheckError:\n"
        "        pass\n"
    )
    command = [strace, "-f", "-o", str(log), "-e", "trace=open,openat,stat,newfstatat", "-s", "4096"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [*command, sys.executable, str(script), *map(str, ODD)],
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        timeout=300,
    )
    if b"ptrace" in done.stderr:
        pytest.skip("this system does not let strace trace")
    assert done.returncode == 0, done.stderr[-2000:]
    paths = sysconfig.get_paths()
    system = (str(scratch), "/proc/", "/sys/", "/dev/", "/usr/", "/lib", "/etc/ld.so", sys.prefix, sys.base_prefix)
    allowed = (*system, paths["stdlib"], paths["purelib"], str(Path(traces.__file__).parents[1]))
    current, seen, strangers = "", set(), set()
    for line in log.read_text(errors="replace").splitlines():
        if mark := re.search(r'"/mark/([^"]*)"', line):
            current = mark[1]
        elif current and (opened := OPENED.search(line)):
            seen.add(opened[1])
            if opened[1] != current and not opened[1].startswith(allowed):
                strangers.add((current, opened[1]))
    assert strangers == set()
    assert {str(path) for path in ODD} <= seen, "the log shows what is opened"
