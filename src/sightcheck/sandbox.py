"""How is a hostile file read safely? One function runs on it in a child process that can be killed.

The child is started on first use, reused while it behaves, and replaced when it dies, stalls or is killed. Requests
and results are typed MessagePack, so a child that a file has taken over can at worst send a wrong value of the
declared type. Files the child writes live in one scratch folder that goes away with it.
"""

import contextlib
import importlib
import inspect
import os
import queue
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any, BinaryIO, Protocol, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import numpy as np

from sightcheck import errors

A = TypeVar("A")
T = TypeVar("T")
Progress = Callable[[float], None]


class Each(Protocol):
    """Calls a function with each of many things; what it returns comes in the order given. `map` is the simplest."""

    def __call__(self, function: Callable[[A], T], things: Iterable[A], /) -> Iterator[T]:
        """Results in order; what the function raises ends it."""


SERVE = "from sightcheck.sandbox import serve; serve()"
INPUT_ERRORS = {kind.__name__: kind for kind in (errors.NotAFile, errors.NotMedia, errors.Damaged, errors.OverLimit)}
RESULT, ERROR, STEP, ITEM = 0, 1, 2, 3
MAX_MESSAGE_BYTES = 1 << 30


@dataclass(frozen=True)
class Limits:
    """What one call may use: seconds without a step, seconds in all, bytes of address space."""

    stall_s: float = 10.0
    total_s: float = 600.0
    memory_bytes: int = 4 << 30


LIMITS = Limits()


def run(function: Callable[..., T], *args: Any, limits: Limits = LIMITS, progress: Progress | None = None) -> T:
    """Call `function(*args)` in this thread's child and return its result.

    The function lives at module level and is annotated; its arguments and result are msgspec types, frozen
    dataclasses or NumPy arrays. Raises the SightcheckError that the function raised, OverLimit when a limit is
    passed, Damaged when the child dies or fails in any other way.
    """
    check()
    child: Child | None = getattr(_here, "child", None)
    if child is None or child.limits != limits or not child.alive():
        if child is not None:
            child.close()
        child = _here.child = Child(limits)
    try:
        child.ask(function, args)
        kind, payload = child.answer(progress)
        if kind == RESULT:
            result: T = _understood(payload, _hints(function)["return"])
            return result
        raised = _raised(payload)
    except BaseException:
        child.close()
        raise
    raise raised


def stream(function: Callable[..., Iterator[T]], *args: Any, limits: Limits = LIMITS) -> Generator[T]:
    """Call a generator in a child of its own and yield its items, one at a time: it waits until the next is asked for.

    As `run`; each item must come within the limits, and the child ends with the iteration or when it is closed.
    """
    child = Child(limits)
    try:
        child.ask(function, args)
        kind, payload = child.answer()
        while kind == ITEM:
            item: T = _understood(payload, get_args(_hints(function)["return"])[0])
            yield item
            kind, payload = child.answer()
        if kind == ERROR:
            raise _raised(payload)
    finally:
        child.close()


def step(fraction: float | None = None) -> None:
    """Say, inside a sandboxed function, that work goes on and how much is done (0 to 1); elsewhere does nothing."""
    if _reply is not None and (fraction is not None or time.monotonic() - _last_step[0] > 0.2):
        _last_step[0] = time.monotonic()
        _send(_reply, msgspec.msgpack.encode((STEP, msgspec.msgpack.encode(fraction))))


def stoppable(stop: threading.Event) -> None:
    """Let the work of this thread end where it is when the event is set."""
    _here.stop = stop


def check() -> None:
    """Raise KeyboardInterrupt where this thread's work was stopped."""
    stop: threading.Event | None = getattr(_here, "stop", None)
    if stop is not None and stop.is_set():
        raise KeyboardInterrupt


def readable(pipe: int, patience_s: float) -> bool:
    """Whether something comes from a pipe in time. Raises KeyboardInterrupt as `check` does."""
    end = time.monotonic() + patience_s
    while (left := end - time.monotonic()) > 0:
        check()
        if select.select([pipe], [], [], min(left, 0.1))[0]:
            return True
    return False


def part(progress: Progress | None, at: int, of: int) -> Progress | None:
    """The progress of one of several equal parts of a task, told as that of the whole."""
    return None if progress is None else lambda fraction: progress((at + fraction) / of)


class Child:
    """One child process, its pipes and its scratch folder.

    `close()` kills the process and removes what it wrote; so do the end of the thread that made it and of the program.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        scratch = tempfile.TemporaryDirectory(prefix="sightcheck-", ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            # -P: the working directory, which may be full of strangers' files, is no place to import from
            [sys.executable, "-P", "-c", SERVE, str(limits.memory_bytes), scratch.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": scratch.name, "OPENCV_LOG_LEVEL": "OFF"},
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then kills the child
        )
        self.close = weakref.finalize(self, _end, self.process, scratch)

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def ask(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Send one request."""
        request = (
            function.__module__,
            function.__qualname__,
            msgspec.msgpack.encode(args, enc_hook=_encode_array),
        )
        with contextlib.suppress(BrokenPipeError):
            assert self.process.stdin is not None
            _send(self.process.stdin, msgspec.msgpack.encode(request))

    def answer(self, progress: Progress | None = None) -> tuple[int, bytes]:
        """Wait for the result or the next item of the last request, passing steps to `progress`."""
        started = time.monotonic()
        while True:
            kind, payload = _understood(self._receive(started), tuple[int, bytes])
            if kind != STEP:
                return kind, payload
            fraction = _understood(payload, float | None)
            if progress is not None and fraction is not None:
                progress(fraction)

    def _receive(self, started: float) -> bytes:
        """Read one whole message; every byte must come before the stall and total limits."""
        assert self.process.stdout is not None
        out, deadline = self.process.stdout.fileno(), started + self.limits.total_s
        message, wanted = bytearray(), 4
        while len(message) < wanted:
            patience = min(self.limits.stall_s, deadline - time.monotonic())
            if not readable(out, patience):
                raise errors.OverLimit(f"reading it took too long and was stopped after {patience_text(self.limits)}")
            chunk = os.read(out, min(wanted - len(message), 1 << 20))
            if not chunk:
                raise errors.Damaged(
                    f"the reader stopped on this file ({_cause(self.process.wait())}); it may be hostile"
                )
            message += chunk
            if len(message) == 4 and wanted == 4:
                wanted = 4 + struct.unpack("<I", message)[0]
                if wanted > MAX_MESSAGE_BYTES:
                    raise errors.Damaged("the reader gave far too long an answer; the file may be hostile")
        return bytes(message[4:])


def _understood(message: bytes, kind: Any) -> Any:
    """A child's message -> a value of the declared type, whatever was sent."""
    try:
        return msgspec.msgpack.decode(message, type=kind, dec_hook=_decode_array)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise errors.Damaged(f"the reader gave no proper answer ({error}); the file may be hostile") from None


def _raised(payload: bytes) -> errors.SightcheckError:
    """What a child sends of an error -> that error."""
    name, sentence = _understood(payload, tuple[str, str])
    return INPUT_ERRORS.get(name, errors.Damaged)(sentence)


def patience_text(limits: Limits) -> str:
    """Limits in words."""
    return f"{limits.stall_s:g} s without progress or {limits.total_s:g} s in all"


def serve() -> None:
    """Run requests from standard input until it closes. This is the child's whole life."""
    global _reply
    _reply = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not write into the answers
    _restrict(int(sys.argv[1]))
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):  # the parent went away while the child was answering
        while True:
            _send(_reply, msgspec.msgpack.encode(_answer(requests.get())))
    _leave()


def _answer(request: bytes) -> tuple[int, bytes]:
    """One request -> (RESULT, value) or (ERROR, (class, sentence)); the items of a generator are sent as they come."""
    module, name, raw = msgspec.msgpack.decode(request, type=tuple[str, str, bytes])
    function = getattr(importlib.import_module(module), name)
    hints = [hint for key, hint in _hints(function).items() if key != "return"]
    values = msgspec.msgpack.decode(raw, type=list[msgspec.Raw])
    args = [msgspec.msgpack.decode(v, type=h, dec_hook=_decode_array) for v, h in zip(values, hints, strict=False)]
    try:
        found = function(*args)
        if inspect.isgenerator(found):
            assert _reply is not None
            for item in found:
                _send(_reply, msgspec.msgpack.encode((ITEM, msgspec.msgpack.encode(item, enc_hook=_encode_array))))
            found = None
        return RESULT, msgspec.msgpack.encode(found, enc_hook=_encode_array)
    except errors.SightcheckError as error:
        return ERROR, msgspec.msgpack.encode((type(error).__name__, str(error)))
    except MemoryError:
        return ERROR, msgspec.msgpack.encode(("OverLimit", "reading it needs more memory than the limit allows"))
    except Exception as error:
        sentence = f"the reader failed on this file: {type(error).__name__}: {error}"
        return ERROR, msgspec.msgpack.encode(("Damaged", sentence.encode("utf-8", "replace").decode()))


def _listen(requests: "queue.Queue[bytes]") -> None:
    """Queue requests; when the parent goes away, so does the child with its scratch, even in the middle of a file."""
    while header := sys.stdin.buffer.read(4):
        requests.put(sys.stdin.buffer.read(struct.unpack("<I", header)[0]))
    _leave()


def _leave() -> None:
    """Remove the scratch folder and end this process at once, whatever its threads are doing."""
    shutil.rmtree(sys.argv[2], ignore_errors=True)
    os._exit(0)


def _end(process: "subprocess.Popen[bytes]", scratch: "tempfile.TemporaryDirectory[str]") -> None:
    """Kill a child and remove what it wrote."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    scratch.cleanup()


def _restrict(memory_bytes: int) -> None:
    """Hold this process to its memory, no core dumps and 2 GiB files, where the system can (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 2 << 30),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some of them
            resource.setrlimit(limit, (value, value))


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(struct.pack("<I", len(message)) + message)
    pipe.flush()


def _cause(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit {status}"


def _encode_array(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    raise TypeError(f"{type(value).__name__} does not cross the sandbox")


def _decode_array(kind: Any, value: Any) -> Any:
    if kind is np.ndarray or get_origin(kind) is np.ndarray:
        dtype, shape, data = msgspec.convert(value, tuple[str, tuple[int, ...], bytes])
        return np.frombuffer(data, np.dtype(dtype)).reshape(shape)
    raise TypeError(f"{kind} does not cross the sandbox")


@lru_cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(function)


_here = threading.local()
_reply: BinaryIO | None = None
_last_step = [0.0]
