"""Can a hostile file hurt more than the child that reads it?"""

import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

import sightcheck
from sightcheck import errors, sandbox
from sightcheck.sandbox import Limits

QUICK = Limits(stall_s=1.0, total_s=3.0, memory_bytes=2 << 30)


@dataclass(frozen=True)
class Found:
    values: np.ndarray
    name: str
    parts: tuple[tuple[str, float | None], ...]


def give(values: np.ndarray, name: str) -> Found:
    return Found(values * 2, name, (("a", 1.5), ("b", None)))


def count(to: int, bytes_each: int) -> Iterator[np.ndarray]:
    for at in range(to):
        yield np.full(bytes_each, at, np.uint8)


def break_off(kind: str) -> Iterator[int]:
    yield 1
    yield refuse(kind)


def dry_up() -> Iterator[int]:
    yield 1
    yield stall()


def pid() -> int:
    return os.getpid()


def refuse(kind: str) -> int:
    raise getattr(errors, kind)("says why")


def blunder(kind: str) -> int:
    raise {"KeyError": KeyError, "MemoryError": MemoryError, "RecursionError": RecursionError}[kind]("inside")


def abort() -> int:
    os.abort()


def crash() -> int:
    return ctypes.string_at(0)[0]


def leave() -> int:
    os._exit(7)


def exhaust() -> int:
    return len([np.empty(1 << 28, np.uint8) for _ in range(64)])


def stall() -> int:
    time.sleep(60)
    return 0


def loop() -> int:
    while True:
        pass


def step_for_ever() -> int:
    while True:
        sandbox.step(0.5)
        time.sleep(0.05)


def work(seconds: float) -> int:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        sandbox.step(1 - left / seconds)
        time.sleep(0.05)
    return 1


def chatter() -> int:
    print("to standard output")
    os.write(1, b"straight to the descriptor\n" * 1000)
    return 2


def scratch() -> str:
    (Path(tempfile.gettempdir()) / "left-behind").write_text("x")
    return tempfile.gettempdir()


def wrong_type() -> int:
    return "not a number"  # type: ignore[return-value]


def send(message: bytes) -> int:
    assert sandbox._reply is not None
    sandbox._reply.write(message)
    time.sleep(60)
    return 0


def is_gone(number: int, within_s: float = 5.0) -> bool:
    """Whether a process ends in time; one that nobody has buried yet counts as ended."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(autouse=True)
def functions_of_this_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__), prepend=os.pathsep)


def test_arrays_dataclasses_and_none_cross() -> None:
    found = sandbox.run(give, np.arange(6, dtype=np.int16).reshape(2, 3), "näme \\ud800", limits=QUICK)
    np.testing.assert_array_equal(found.values, [[0, 2, 4], [6, 8, 10]])
    assert (found.values.dtype, found.name, found.parts) == (np.int16, "näme \\ud800", (("a", 1.5), ("b", None)))


@pytest.mark.parametrize("kind", ["NotAFile", "NotMedia", "Damaged", "OverLimit"])
def test_errors_cross(kind: str) -> None:
    before = sandbox.run(pid, limits=QUICK)
    with pytest.raises(getattr(errors, kind), match=r"^says why$"):
        sandbox.run(refuse, kind, limits=QUICK)
    assert sandbox.run(pid, limits=QUICK) == before, "an error is no reason for another child"


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [("KeyError", errors.Damaged), ("RecursionError", errors.Damaged), ("MemoryError", errors.OverLimit)],
)
def test_any_other_exception_becomes_one_of_ours(kind: str, becomes: type[Exception]) -> None:
    with pytest.raises(becomes):
        sandbox.run(blunder, kind, limits=QUICK)


@pytest.mark.parametrize(
    ("function", "becomes", "sentence"),
    [
        (abort, errors.Damaged, "signal SIGABRT"),
        (crash, errors.Damaged, "signal SIGSEGV"),
        (leave, errors.Damaged, "exit 7"),
        (stall, errors.OverLimit, "1 s without progress"),
        (loop, errors.OverLimit, "1 s without progress"),
        (step_for_ever, errors.OverLimit, "3 s in all"),
    ],
)
def test_a_child_that_dies_or_hangs_is_replaced(
    function: Callable[[], int], becomes: type[Exception], sentence: str
) -> None:
    before, started = sandbox.run(pid, limits=QUICK), time.monotonic()
    with pytest.raises(becomes, match=sentence):
        sandbox.run(function, limits=QUICK)
    assert time.monotonic() - started < QUICK.total_s + 1
    assert is_gone(before)
    assert sandbox.run(pid, limits=QUICK) != before


def test_memory_is_limited() -> None:
    with pytest.raises(errors.OverLimit, match="memory"):
        sandbox.run(exhaust, limits=QUICK)
    assert sandbox.run(pid, limits=QUICK)


def test_steps_keep_a_slow_call_alive() -> None:
    seen: list[float] = []
    assert sandbox.run(work, 2.0, limits=QUICK, progress=seen.append) == 1
    assert len(seen) > 10
    assert seen == sorted(seen)


def test_what_the_child_prints_is_no_answer() -> None:
    assert sandbox.run(chatter, limits=QUICK) == 2


def test_the_child_is_reused() -> None:
    assert sandbox.run(pid, limits=QUICK) == sandbox.run(pid, limits=QUICK)


def test_each_thread_has_its_child_which_ends_with_it() -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(sandbox.run(pid, limits=QUICK))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({*found, sandbox.run(pid, limits=QUICK)}) == 3
    assert all(is_gone(number) for number in found)


def test_the_scratch_folder_goes_with_the_child() -> None:
    folder = Path(sandbox.run(scratch, limits=QUICK))
    assert (folder / "left-behind").exists()
    with pytest.raises(errors.Damaged):
        sandbox.run(abort, limits=QUICK)
    assert not folder.exists()


@pytest.mark.parametrize(
    "message",
    [
        b"\x04\x00\x00\x00\xc1\xc1\xc1\xc1",  # not MessagePack
        b"\x05\x00\x00\x00\x92\x02\xc4\x01\xa0",  # a step that is no number
        b"\xff\xff\xff\xff",  # four gigabytes to come
    ],
)
def test_a_child_that_a_file_took_over_cannot_confuse_the_parent(message: bytes) -> None:
    with pytest.raises(errors.Damaged, match="may be hostile"):
        sandbox.run(send, message, limits=QUICK)
    assert sandbox.run(pid, limits=QUICK)


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(errors.Damaged, match="no proper answer"):
        sandbox.run(wrong_type, limits=QUICK)
    with pytest.raises(errors.Damaged, match="says why"):
        sandbox.run(refuse, "BrokenInstallation", limits=QUICK)  # would stop the other files of the call


def test_nothing_is_imported_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "msgspec.py").write_text("open('imported', 'w')")
    monkeypatch.chdir(tmp_path)
    sandbox.run(pid, limits=Limits(stall_s=5.0))
    assert not (tmp_path / "imported").exists()


PARENT = """
import test_sandbox
from sightcheck import sandbox
print(sandbox.run(test_sandbox.pid), sandbox.run(test_sandbox.scratch), flush=True)
sandbox.run(test_sandbox.work, 60.0)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_child_and_its_scratch_go_when_the_parent_does(number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert parent.stdout is not None
    child, folder = parent.stdout.readline().split()
    time.sleep(0.2)
    parent.send_signal(number)
    assert parent.wait(5) == -number
    parent.stdout.close()
    assert is_gone(int(child))
    assert not Path(folder).exists()


def test_nothing_is_ever_unpickled() -> None:
    pickling = re.compile(r"^\s*(import|from) +(pickle|cPickle|dill|joblib|shelve|marshal)|allow_pickle=True", re.M)
    sources = sorted(Path(sightcheck.__file__).parent.rglob("*.py"))
    assert len(sources) > 10
    assert [path.name for path in sources if pickling.search(path.read_text())] == []


def test_items_come_one_at_a_time_and_the_child_waits() -> None:
    passed = sandbox.stream(count, 5, 4 << 20)
    assert [int(one[0]) for one in passed] == list(range(5))
    endless = sandbox.stream(count, 1 << 30, 4 << 20, limits=Limits(memory_bytes=1 << 30))
    (child,) = [one for _ in [next(endless)] for one in psutil.Process().children() if "serve" in one.cmdline()[-3]][
        -1:
    ]
    time.sleep(0.5)
    assert child.memory_info().rss < 300 << 20
    endless.close()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_stream_ends_with_the_error_or_the_limit() -> None:
    broken = sandbox.stream(break_off, "OverLimit")
    assert next(broken) == 1
    with pytest.raises(errors.OverLimit, match="says why"):
        next(broken)
    dry = sandbox.stream(dry_up, limits=QUICK)
    assert next(dry) == 1
    with pytest.raises(errors.OverLimit, match="too long"):
        next(dry)
    with pytest.raises(errors.Damaged, match="signal SIGABRT"):
        next(sandbox.stream(abort))  # type: ignore[arg-type]  # whatever is run
