"""How is a network from elsewhere asked? In a child process that can be killed, with limits on time and memory.

An ONNX file can hold a loop that never ends, a constant of many gigabytes, or numbers that are none.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.errors import BrokenInstallation, InputError, OverLimit
from sightcheck.sandbox import Limits

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Batch = NDArray[np.float32]
LIMITS = Limits(stall_s=60.0, total_s=60.0, memory_bytes=4 << 30)
"""Of one batch: the largest networks of the field take seconds for it."""
MOST_LETTERS = 200
"""Of what ONNX Runtime says, which can be pages."""


@dataclass(frozen=True)
class Input:
    """What a network takes: the name, the type as ONNX Runtime words it, the sides; None where one is free."""

    name: str
    type: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Confined:
    """A network's file and what it takes; asked like a session of ONNX Runtime, but in the child."""

    path: Path
    inputs: tuple[Input, ...]

    def get_inputs(self) -> tuple[Input, ...]:
        """What it takes."""
        return self.inputs

    def run(self, names: Sequence[str] | None, given: dict[str, Batch]) -> list[Batch]:
        """A batch by the input's name -> its first output. Raises BrokenInstallation where it was stopped."""
        (batch,) = given.values()
        return [_asked(self.path, outputs, batch)]


def confined(path: Path) -> Confined:
    """An ONNX file -> the network in it. Raises BrokenInstallation where it cannot be loaded within the limits."""
    return Confined(path, _asked(path, described))


def _asked(path: Path, function: Any, *more: Batch) -> Any:
    """What a function of this file gives in the child. Raises BrokenInstallation, in words about a network."""
    try:
        return sandbox.run(function, os.fsencode(path.resolve()), *more, limits=LIMITS)
    except InputError as error:
        if isinstance(error, OverLimit) or "Failed to allocate memory" in str(error):  # ONNX Runtime's words
            most = f"{LIMITS.total_s:.0f} s or {LIMITS.memory_bytes >> 30} GiB"
            raise BrokenInstallation(f"the network was stopped: it took more than {most}") from None
        why = " ".join(str(error).removeprefix("the reader failed on this file: ").split())
        raise BrokenInstallation(f"the network failed ({why[:MOST_LETTERS]})") from None


def described(path: bytes) -> tuple[Input, ...]:
    """In the child: an ONNX file -> what it takes."""
    return tuple(
        Input(one.name, one.type, tuple(side if isinstance(side, int) else None for side in one.shape))
        for one in _session(path).get_inputs()
    )


def outputs(path: bytes, batch: Batch) -> Batch:
    """In the child: an ONNX file, a batch (n, ...) -> its first output, as float32."""
    session = _session(path)
    found = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(batch)})[0]
    return np.asarray(found, np.float32)


@lru_cache(maxsize=1)
def _session(path: bytes) -> "InferenceSession":
    # from bytes, so that it cannot name other files to be read
    return weights.session(Path(os.fsdecode(path)).read_bytes())
