"""Where are the joints of the person in a clip? From OpenPose's own files, or from MediaPipe in a process of its own.

The thesis uses OpenPose (4.3.1); its JSON is read as it writes it. MediaPipe Pose needs no GPU but wants another NumPy
than the rest, so it may live in another environment: `$SIGHTCHECK_POSE_PYTHON` names that environment's interpreter.
"""

import contextlib
import hashlib
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.errors import BrokenInstallation, Damaged, NotAFile, OverLimit, UsageError

Points = NDArray[np.float32]
Rgb = NDArray[np.uint8]

JOINTS = 25
NOSE, NECK, MID_HIP = 0, 1, 8
SHOULDERS, HIPS = (5, 2), (12, 9)
LEFT_ARM, RIGHT_ARM = (6, 7), (3, 4)
"""Elbow, wrist."""
LEFT_FOOT, RIGHT_FOOT = (14, 19, 21), (11, 22, 24)
"""Ankle, big toe, heel. All numbers are OpenPose's BODY_25; left is the person's left."""

MISSING = (
    "no keypoints: pip install 'sightcheck[pose]' (or in an environment of its own, named by SIGHTCHECK_POSE_PYTHON), "
    "or give OpenPose's JSON with --keypoints DIR"
)
WORKER = Path(__file__).with_name("pose_worker.py")
LIMITS = sandbox.Limits(stall_s=60.0)
FILE = re.compile(r"(?:(.*)_)?(\d{12})_keypoints\.json", re.DOTALL)
MAX_FILE_BYTES = 4 << 20
SEEN = 0.1
"""Least confidence at which OpenPose's joint counts as seen."""
VISIBLE = 0.5
"""Least visibility at which MediaPipe's landmark does: it places hidden ones too."""
MAX_PERSONS = 32
"""Of a crowd, the largest are followed."""
LEAST_JOINTS = 5
"""A person of fewer joints is taken for a false alarm."""

# MediaPipe's landmark of each BODY_25 joint; -1 where it has none: neck, middle of the hips, small toes.
FROM_MEDIAPIPE = [0, -1, 12, 14, 16, 11, 13, 15, -1, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7, 31, -1, 29, 32, -1, 30]
# OpenPose's COCO-18: all but the middle of the hips and the feet.
FROM_COCO = [*range(8), -1, *range(8, 18), *[-1] * 6]


class Unavailable(UsageError):
    """Nothing is installed that finds keypoints."""


@dataclass(frozen=True)
class Keypoints:
    """`points` (T, 25, 3) float32: x, y in pixels and confidence of the person followed, BODY_25; 0 where absent.

    `persons`: the most that were seen in one frame; `source`: what found them.
    """

    points: Points
    persons: int
    source: str


class _Person(msgspec.Struct):
    pose_keypoints_2d: Annotated[list[float], msgspec.Meta(max_length=3 * JOINTS)] = []


class _People(msgspec.Struct):
    people: list[_Person]


def python() -> str | None:
    """The interpreter that has MediaPipe; None where there is none."""
    return os.environ.get("SIGHTCHECK_POSE_PYTHON") or (sys.executable if find_spec("mediapipe") else None)


@contextlib.contextmanager
def mediapipe() -> Iterator[Callable[[Rgb, bool], Keypoints]]:
    """While it lasts: frames (T, H, W, 3), and whether they begin a run or go on with it, -> Keypoints of these.

    Raises Unavailable where MediaPipe is not installed, BrokenInstallation where it does not run, OverLimit.
    """
    interpreter = python()
    if interpreter is None:
        raise Unavailable(MISSING)
    with _worker(interpreter) as process:
        yield lambda rgb, begins: _asked(process, rgb, begins)


def _asked(process: "subprocess.Popen[bytes]", rgb: Rgb, begins: bool) -> Keypoints:
    """What the worker says of some frames."""
    assert process.stdin is not None
    feeding = threading.Thread(target=_feed, args=(process.stdin, rgb, begins), daemon=True)
    feeding.start()
    deadline = time.monotonic() + LIMITS.total_s
    each = [np.frombuffer(_received(process, 33 * 12, deadline), "<f4").reshape(33, 3) for _ in rgb]
    (persons,) = struct.unpack("<f", _received(process, 4, deadline))
    feeding.join()
    return Keypoints(_from_mediapipe(np.stack(each), *rgb.shape[1:3]), round(persons), "MediaPipe Pose")


def openpose(folder: bytes, stem: str, numbers: NDArray[np.int64]) -> Keypoints:
    """OpenPose's JSON of the frames with these numbers (T,) -> Keypoints of the person seen longest and largest.

    From one frame to the next a person is the nearest one. `folder` and `stem`: see `files`; a frame without
    a file has nobody. Run it in the sandbox. Raises NotAFile where no frame has a file, Damaged for one that is not
    OpenPose's.
    """
    found = files(Path(os.fsdecode(folder)), stem)
    if not any(int(number) in found for number in numbers):
        raise NotAFile(f"{os.fsdecode(folder)} holds no OpenPose keypoints of {stem}; write them with --write_json")
    frames = [_people(found[int(number)]) if int(number) in found else [] for number in numbers]
    return Keypoints(followed(frames), max(map(len, frames)), "OpenPose")


def files(folder: Path, stem: str) -> dict[int, Path]:
    """Frame number -> OpenPose's file of it, in the folder or in one inside it that has the clip's name.

    Where files bear several clips' names, those count whose name is the clip's. Raises NotAFile.
    """
    try:
        inside = folder / stem
        named = [(FILE.fullmatch(path.name), path) for path in (inside if inside.is_dir() else folder).iterdir()]
    except OSError as error:
        raise NotAFile(f"{folder}: the keypoints cannot be read ({error.strerror}); check the path") from None
    matched = [(match[1], int(match[2]), path) for match, path in named if match]
    one_clip = len({name for name, _, _ in matched}) == 1
    return {number: path for name, number, path in matched if one_clip or name == stem}


def digest(folder: Path, stem: str) -> str:
    """SHA-256 of OpenPose's files of a clip: what `openpose` reads is the same where this is."""
    found = files(folder, stem)
    each = (b"%d %s" % (number, hashlib.sha256(_bytes(found[number])).digest()) for number in sorted(found))
    return hashlib.sha256(b"".join(each)).hexdigest()


def stamp(folder: Path) -> str:
    """SHA-256 of the names, sizes and times of all OpenPose files of several clips: it changes where they do."""
    named = sorted(path for path in folder.rglob("*_keypoints.json"))
    each = [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in named]
    return hashlib.sha256(repr(each).encode()).hexdigest()


def followed(frames: Sequence[Sequence[Points]]) -> Points:
    """The people (25, 3) in each of T successive frames -> (T, 25, 3) of the one with the greatest sum of sizes."""
    tracks: list[dict[int, Points]] = []
    for at, people in enumerate(frames):
        sandbox.step()
        free = list(people)
        # The weightiest chooses first; whoever was lost for a second is somebody else.
        for track in sorted((one for one in tracks if at - max(one) <= 25), key=_weight, reverse=True):
            last = track[max(track)]
            away = [_distance(last, one) for one in free]
            if away and min(away) <= _size(last):
                track[at] = free.pop(int(np.argmin(away)))
        tracks += [{at: one} for one in free]
    points = np.zeros((len(frames), JOINTS, 3), np.float32)
    if tracks:
        best = max(tracks, key=_weight)
        points[[*best]] = np.stack([*best.values()])
    return points


def _weight(track: dict[int, Points]) -> float:
    return sum(map(_size, track.values()))


def _size(person: Points) -> float:
    """Diagonal in pixels of the box around the joints that are there."""
    there = person[person[:, 2] > 0, :2]
    return float(np.linalg.norm(np.ptp(there, axis=0))) if len(there) else 0.0


def _distance(one: Points, other: Points) -> float:
    """Mean distance in pixels of the joints that both have."""
    both = (one[:, 2] > 0) & (other[:, 2] > 0)
    return float(np.linalg.norm(one[both, :2] - other[both, :2], axis=1).mean()) if both.any() else np.inf


def _people(path: Path) -> list[Points]:
    """One file -> the largest persons in it, (25, 3) each. Raises Damaged."""
    try:
        read = msgspec.json.decode(_bytes(path), type=_People)
        found = [_from_openpose(person.pose_keypoints_2d) for person in read.people if person.pose_keypoints_2d]
    except (msgspec.DecodeError, ValueError) as error:
        raise Damaged(f"{path.name} is not a file of OpenPose's keypoints ({error}); write it again") from None
    whole = [person for person in found if np.count_nonzero(person[:, 2]) >= LEAST_JOINTS]
    return sorted(whole, key=_size, reverse=True)[:MAX_PERSONS]


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise NotAFile(f"{path}: the keypoints cannot be read ({error.strerror}); check the path") from None
    if len(data) > MAX_FILE_BYTES:
        raise OverLimit(f"{path.name} holds over {MAX_FILE_BYTES >> 20} MiB; OpenPose's keypoints of a frame are small")
    return data


def _from_openpose(numbers: list[float]) -> Points:
    """75 numbers (BODY_25) or 54 (COCO-18) -> (25, 3), zeros where a joint is unsure or its place is no number."""
    if len(numbers) not in (3 * JOINTS, 54):
        raise ValueError(f"{len(numbers)} numbers a person: BODY_25 has 75, COCO-18 has 54")
    given = np.array(numbers, np.float64).reshape(-1, 3)
    points = given if len(given) == JOINTS else _placed(given, FROM_COCO)
    sure = (points[:, 2] >= SEEN) & np.all(np.abs(points) < 1e6, axis=1)
    kept = np.where(sure[:, None], points, 0)
    return np.asarray(kept if len(given) == JOINTS else _with_middle(kept, MID_HIP, HIPS), np.float32)


def _from_mediapipe(landmarks: Points, height: int, width: int) -> Points:
    """(T, 33, 3) -> (T, 25, 3), zeros where a joint is hidden or outside the picture."""
    points = _placed(landmarks, FROM_MEDIAPIPE)
    inside = np.all((points[..., :2] >= 0) & (points[..., :2] < (width, height)), axis=-1)
    kept = np.where((inside & (points[..., 2] >= VISIBLE))[..., None], points, 0)
    return np.asarray(_with_middle(_with_middle(kept, NECK, SHOULDERS), MID_HIP, HIPS), np.float32)


def _placed(points: NDArray[np.floating], order: list[int]) -> NDArray[np.floating]:
    """(..., n, 3) -> (..., 25, 3) by the number of each joint in the first; zeros where it is -1."""
    known = np.array(order) >= 0
    return np.where(known[:, None], points[..., np.where(known, order, 0), :], 0)


def _with_middle(points: NDArray[np.floating], at: int, of: tuple[int, int]) -> NDArray[np.floating]:
    """Joint `at` put between two others where both are there."""
    both = np.all(points[..., list(of), 2] > 0, axis=-1, keepdims=True)
    points[..., at, :] = np.where(both, points[..., list(of), :].mean(axis=-2), 0)
    return points


@contextlib.contextmanager
def _worker(interpreter: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The pose process, killed at the end. Raises BrokenInstallation where it cannot be started."""
    command = [interpreter, "-P", str(WORKER), str(LIMITS.memory_bytes)]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere, start_new_session=True)
    except OSError as error:
        raise BrokenInstallation(f"{interpreter} does not start ({error.strerror}); {MISSING}") from None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for end in (process.stdin, process.stdout):
            with contextlib.suppress(OSError, ValueError):
                end.close()  # type: ignore[union-attr]


def _feed(pipe: IO[bytes], rgb: Rgb, begins: bool) -> None:
    """Give the worker the frames, until it dies or has them all."""
    with contextlib.suppress(OSError, ValueError):
        pipe.write(struct.pack("<4I", *rgb.shape[:3], begins))
        for frame in rgb:
            pipe.write(np.ascontiguousarray(frame).data)
        pipe.flush()


def _received(process: "subprocess.Popen[bytes]", wanted: int, deadline: float) -> bytes:
    """So many bytes from the worker. Raises OverLimit where they come too late or it was killed, else
    BrokenInstallation where they never come."""
    assert process.stdout is not None
    out, message = process.stdout.fileno(), bytearray()
    while len(message) < wanted:
        patience = min(LIMITS.stall_s, deadline - time.monotonic())
        if not sandbox.readable(out, patience):
            raise OverLimit(f"finding the body took too long and was stopped after {sandbox.patience_text(LIMITS)}")
        chunk = os.read(out, wanted - len(message))
        if not chunk:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
            if process.returncode == -signal.SIGKILL:
                raise OverLimit("finding the body was stopped by the system, as where memory runs out")
            raise BrokenInstallation(f"MediaPipe does not run in {python()}; {MISSING}")
        message += chunk
    return bytes(message)
