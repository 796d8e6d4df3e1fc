"""Where are the joints of the person in each frame? MediaPipe's answer, in a process of its own.

Run by path with the bytes of memory it may use: `python -P pose_worker.py BYTES`, where only mediapipe and numpy need
be installed. Standard input: T, H, W and 1 where the frames do not follow those before, else 0, as four little-endian
uint32, then T frames (H, W, 3) uint8 RGB; again until it ends. Standard output: (33, 3) float32 a frame, x and y in
pixels and visibility, zeros where nobody is; after the T frames one float32, how many persons were seen at once.
"""

import contextlib
import importlib
import os
import struct
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Joints = NDArray[np.float32]
Frame = NDArray[np.uint8]

ASKED_AGAIN = 25
"""Of so many frames, one in which the person found is hidden to see whether there is another."""


def main() -> None:
    """Answer until standard input ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not write into the answers
    _restrict(int(sys.argv[1]))
    os.environ["MEDIAPIPE_DISABLE_GPU"] = "1"
    for unused in ("matplotlib", "matplotlib.pyplot"):  # it would leave a list of fonts in the user's cache
        sys.modules[unused] = ModuleType(unused)
    pose = importlib.import_module("mediapipe.python.solutions.pose").Pose
    with pose() as moving, pose(static_image_mode=True) as still:
        while len(header := sys.stdin.buffer.read(16)) == 16:
            *shape, begins = struct.unpack("<4I", header)
            if begins:
                moving.reset()
            for answer in _answers(moving, still, *shape):
                out.write(np.asarray(answer, "<f4").tobytes())
                out.flush()


def _answers(moving: Any, still: Any, count: int, height: int, width: int) -> Iterator[Joints | int]:
    """The keypoints of each frame, then the number of persons."""
    again = range(min(count, ASKED_AGAIN) // 2, count, ASKED_AGAIN)
    persons = 0
    for number in range(count):
        frame = np.frombuffer(sys.stdin.buffer.read(height * width * 3), np.uint8).reshape(height, width, 3)
        found = _joints(moving, frame)
        if found.any():
            persons = max(persons, 2 if number in again and _joints(still, _without(frame, found)).any() else 1)
        yield found
    yield persons


def _joints(pose: Any, frame: Frame) -> Joints:
    """(H, W, 3) uint8 -> (33, 3): x, y in pixels, visibility."""
    landmarks = pose.process(frame).pose_landmarks
    if landmarks is None:
        return np.zeros((33, 3), np.float32)
    height, width = frame.shape[:2]
    return np.array([(one.x * width, one.y * height, one.visibility) for one in landmarks.landmark], np.float32)


def _without(frame: Frame, joints: Joints) -> Frame:
    """The frame with the person's box, a tenth wider on each side, painted in the frame's mean colour."""
    sides = np.array(frame.shape[1::-1])
    low, high = joints[:, :2].min(0), joints[:, :2].max(0)
    margin = 0.1 * (high - low).max()
    left, top = np.clip(low - margin, 0, sides).astype(int)
    right, bottom = np.clip(high + margin, 0, sides).astype(int)
    hidden = frame.copy()
    hidden[top:bottom, left:right] = frame.mean((0, 1))
    return hidden


def _restrict(memory_bytes: int) -> None:
    """Hold this process to its memory, where the system can (not on Windows)."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
