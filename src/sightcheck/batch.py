"""How do many files share one machine? Several are asked about at once, and the answers come in the order given.

Threads are enough: a file is decoded and measured in its thread's own sandbox child, bodies are found in a process of
their own, and ONNX Runtime, OpenCV and NumPy let go of the interpreter while they work. A child that dies costs its
file and no other.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from sightcheck import sandbox

A = TypeVar("A")
T = TypeVar("T")

VIDEO_BYTES = 1280 << 20
"""Memory of a question about a video at its peak, with its child processes: 1,146 MiB were measured for ten seconds
of 1920x1080 in which MediaPipe looks for a body, 440 MiB without MediaPipe."""
PHOTO_BYTES = 320 << 20
"""The same about a photo: 246 MiB were measured for one of 48 megapixels."""
AHEAD = 4
"""Questions per job that may be answered before the answers ahead of them are taken."""
CGROUP = Path("/sys/fs/cgroup")


def jobs(question_bytes: int, things: int | None = None, asked: int | None = None) -> int:
    """How many questions to ask at once: as `asked`, else one a core; never more than there are things.

    Without being asked, no more than fit in the memory that is free when each takes `question_bytes` at its peak.
    """
    wanted = asked or max(1, min(cores(), free_bytes() // question_bytes))
    return min(wanted, max(1, things)) if things is not None else wanted


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_bytes() -> int:
    """Memory that is free for new work: the machine's, or less where a container (cgroup 2) allows less."""
    import psutil

    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # none, or "max"
        most, used = (int((CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        free = min(free, max(0, most - used))
    return free


@contextmanager
def side_by_side(jobs: int) -> Iterator[sandbox.Each]:
    """Yields what calls a function with each of many things, `jobs` at once; results come in the order given.

    Whatever ends the block early, Ctrl-C too, stops the work in hand and starts no more: children are killed, and
    what they wrote goes with them. With one job the calls are made one after another, in this thread.
    """
    if jobs == 1:
        yield map
        return
    stop = threading.Event()
    pool = ThreadPoolExecutor(jobs, "batch", initializer=sandbox.stoppable, initargs=(stop,))
    try:
        yield partial(_ordered, pool, AHEAD * jobs)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _ordered(pool: ThreadPoolExecutor, most: int, function: Callable[[A], T], things: Iterable[A], /) -> Iterator[T]:
    """At most so many calls are under way or waiting to be taken, whatever the number of things."""
    waiting: deque[Future[T]] = deque()
    for one in things:
        waiting.append(pool.submit(function, one))
        if len(waiting) == most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
