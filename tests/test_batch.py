"""Do many files at once get the answers that each gets alone, and does one bad file cost no other?"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import test_sandbox
from sightcheck import batch, sandbox
from sightcheck.errors import Damaged

COMMAND = [sys.executable, "-m", "sightcheck"]


@pytest.fixture
def functions_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((os.path.dirname(__file__), os.environ.get("PYTHONPATH", ""))))


def document(*arguments: str | Path) -> dict:
    done = subprocess.run([*COMMAND, *arguments, "--json"], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    for one in found["reports"]:
        del one["time"]
    return found


def test_two_jobs_give_the_same_document_about_videos(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    clips = [make_clip(tmp_path / f"{seed}.mp4", frames=12 + 12 * (seed % 2), seed=seed) for seed in range(4)]
    clips.insert(1, tmp_path / "none.mp4")
    one, two = (document("video", *clips, "--jobs", number) for number in "12")
    assert json.dumps(one) == json.dumps(two)
    assert [report["file"]["path"] for report in two["reports"]] == [str(clips[at]) for at in (0, 2, 3, 4)]
    assert [failure["path"] for failure in two["failed"]] == [str(clips[1])]


def test_two_jobs_give_the_same_document_about_photos(tmp_path: Path) -> None:
    from PIL import Image

    from sightcheck.bench.speed_photo import picture

    for seed in range(4):
        Image.fromarray(picture(seed, 120, 160)).save(tmp_path / f"{seed}.jpg")
    photos = sorted(tmp_path.glob("*.jpg"))
    one, two = (document("photo", *photos, "--claim", "Italy", "--jobs", number) for number in "12")
    assert json.dumps(one) == json.dumps(two)
    assert len(two["reports"]) == 4


def test_results_come_in_the_order_given_and_no_more_at_once_than_asked() -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def work(number: int) -> int:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02 * (5 - number % 5))
        with lock:
            busy -= 1
        return number * number

    with batch.side_by_side(3) as each:
        assert list(each(work, range(40))) == [number * number for number in range(40)]
    assert most == 3


@pytest.mark.usefixtures("functions_of_tests")
def test_a_killed_child_costs_one_thing() -> None:
    def work(number: int) -> int | str:
        try:
            return sandbox.run(test_sandbox.abort if number == 2 else test_sandbox.pid)
        except Damaged as error:
            return str(error)

    with batch.side_by_side(2) as each:
        found = list(each(work, range(6)))
    assert [at for at, one in enumerate(found) if isinstance(one, str)] == [2]
    assert "signal SIGABRT" in str(found[2])


@pytest.mark.usefixtures("functions_of_tests")
def test_what_ends_the_block_ends_the_work_in_hand() -> None:
    pids: list[int] = []

    def work(number: int) -> int:
        pids.append(sandbox.run(test_sandbox.pid))
        return sandbox.run(test_sandbox.work, 60.0) if number else 0

    started = time.monotonic()
    with batch.side_by_side(2) as each:
        assert next(each(work, range(50))) == 0
        while len(set(pids)) < 2:
            time.sleep(0.05)
    assert time.monotonic() - started < 30, "not the minute that the work takes"
    assert all(test_sandbox.is_gone(one) for one in pids)


def test_ctrl_c_stops_every_job_and_leaves_no_process(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    good = make_clip(tmp_path / "good.mp4")
    command = [*COMMAND, "video", *[str(good)] * 100, "--jobs", "2", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watched, children = psutil.Process(process.pid), []
    while len(children) < 2 and process.poll() is None:
        time.sleep(0.05)
        children = watched.children()
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=15)
    assert (process.returncode, output, error) == (130, b"", b"sightcheck: stopped\n")
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_jobs_are_as_asked_else_one_a_core_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "cores", lambda: 8)
    monkeypatch.setattr(batch, "free_bytes", lambda: 3 * batch.VIDEO_BYTES + 1)
    assert batch.jobs(batch.VIDEO_BYTES) == 3
    assert batch.jobs(batch.VIDEO_BYTES, 2) == 2
    assert batch.jobs(batch.VIDEO_BYTES, 0) == 1
    assert batch.jobs(batch.VIDEO_BYTES, 20, asked=12) == 12
    assert batch.jobs(batch.VIDEO_BYTES * 10) == 1


def test_a_container_that_allows_less_memory_is_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(batch, "CGROUP", tmp_path)
    assert batch.free_bytes() > 1 << 20
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert batch.free_bytes() == 600000
