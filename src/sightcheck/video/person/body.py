"""How do face, hands and feet look and move? Keypoints -> crops of a fixed size, grey and flow gradient (4.3.1)."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import media, sandbox
from sightcheck.errors import InputError
from sightcheck.media import Clip, Pictures, Sampling, pictures
from sightcheck.media.frames import display_times
from sightcheck.verdict import Still
from sightcheck.video.person import pose
from sightcheck.video.person.pose import Keypoints, Points, Runs

Grey = NDArray[np.uint8]
Places = NDArray[np.float64]

HEIGHT = 512
"""Rows that every picture is brought to."""
FPS = 25.0
"""Most frames a second: the thesis's rate (4.4.1). A slower clip keeps its own."""
MOST_BYTES = 384 << 20
"""Most bytes of RGB that are read of one clip."""
WINDOW_BYTES = 1 << 30
"""Most bytes of a clip's own pixels that are decoded at once."""
PARTS = ("face", "left hand", "right hand", "left foot", "right foot")
SIDES = (128, 64, 64, 64, 64)
"""Pixels a side in a picture 512 high. The face's is Everybody Dance Now's. OpenPose's rule for a hand, 1.5 times the
longer of forearm and 0.9 upper arm, gives 60 to 70 for a dancer who fills that height; one side for all clips keeps the
crops unsampled, and LDP is about single pixels."""
GAP = 5
"""Most frames over which a lost joint is interpolated."""
MARGIN = 16
"""Pixels around the parts in which the flow is computed too."""
GAIN = 128
"""Grey level of a flow that changes by one pixel a pixel; the level grows with the root, so 4 and more are white. LDP
sees where a picture rises and falls: the root leaves that alone and keeps what is faint from being rounded away."""
COLOURS = ((0, 220, 0), (255, 160, 0), (0, 120, 255), (255, 90, 200), (90, 220, 255))
"""Of the parts' boxes, RGB."""


class NoBody(InputError):
    """Nobody is seen in the clip."""


@dataclass(frozen=True)
class Boxes:
    """Where the parts are: `corners` (T, 5, 2) left and top of each part's box, `present` (T, 5) whether it is seen."""

    corners: NDArray[np.intp]
    present: NDArray[np.bool_]


@dataclass(frozen=True)
class Body:
    """The parts of a body over T frames; runs of successive frames begin at `starts`.

    `grey`, `flow`: for each part (T, side, side) uint8, 0 in frames where it is not `present` (T, 5). `limits`: what
    weakens the measurement; `stills` show the boxes; `source`: what found the joints.
    """

    times_s: tuple[float, ...]
    starts: tuple[int, ...]
    present: NDArray[np.bool_]
    grey: tuple[Grey, ...]
    flow: tuple[Grey, ...]
    stills: tuple[Still, ...]
    limits: tuple[str, ...]
    source: str


def read(
    path: bytes,
    frames: int,
    overlap: int,
    windows: int,
    keypoints: Path | None = None,
    progress: sandbox.Progress | None = None,
) -> Body:
    """A file -> the parts of the body in it, in at most `windows` sequences of `frames` frames that share `overlap`.

    `keypoints`: a folder of OpenPose's JSON; without one MediaPipe is asked. Raises InputError where the clip or its
    keypoints cannot be read, NoBody, pose.Unavailable.
    """
    if keypoints is None and pose.python() is None:
        raise pose.Unavailable(pose.MISSING)
    clip = sandbox.run(media.look, path)
    width = max(2, round(HEIGHT * clip.width / clip.height))
    sampling = _sampling(clip, frames, frames + (windows - 1) * (frames - overlap), width)
    seen = sandbox.run(pictures, path, sampling, HEIGHT, width, progress=sandbox.part(progress, 0, 2))
    runs = _runs(seen)
    found = _keypoints(clip, path, seen, runs, keypoints, sandbox.part(progress, 1, 2))
    if not found.persons:
        raise NoBody(f"shows nobody that {found.source} sees")
    where = boxes(found.points, runs, HEIGHT, width)
    grey, flow = _views(seen.rgb, where, runs)
    shown = [at for at in _shown(where.present) if where.present[at].any()]
    stills = tuple(Still(seen.times_s[at], drawn(seen.rgb[at], where, at)) for at in shown)
    starts = tuple(first for first, _ in runs)
    return Body(seen.times_s, starts, where.present, grey, flow, stills, tuple(_limits(found)), found.source)


def _sampling(clip: Clip, frames: int, most: int, width: int) -> Sampling:
    """The whole clip where that is at most `most` frames that fit in memory, else windows of `frames` over it."""
    most = max(frames, min(most, MOST_BYTES // (3 * HEIGHT * width)))
    whole = min(most, WINDOW_BYTES // (3 * clip.width * clip.height // 2))
    if clip.duration_s * min(FPS, clip.fps) <= whole:
        return Sampling(most, FPS, None, None, 1)
    return Sampling(frames, FPS, None, None, most // frames)


def _runs(seen: Pictures) -> Runs:
    """First and last + 1 of each stretch of frames that follow one another, whatever windows they were read in."""
    gaps = np.diff(seen.times_s)
    breaks = [at for at in seen.starts[1:] if gaps[at - 1] > 1.5 * np.median(gaps)]
    return tuple(zip((0, *breaks), (*breaks, len(seen.times_s)), strict=True)) if seen.times_s else ()


def _keypoints(
    clip: Clip, path: bytes, seen: Pictures, runs: Runs, folder: Path | None, progress: sandbox.Progress | None
) -> Keypoints:
    """The keypoints in the pixels of the pictures; OpenPose's of the frame number that each time is."""
    if folder is None:
        return pose.mediapipe(seen.rgb, runs, progress)
    times = sandbox.run(display_times, path)
    numbers = np.searchsorted((times[1:] + times[:-1]) / 2, np.array(seen.times_s)).astype(np.int64)  # the nearest
    found = sandbox.run(pose.openpose, os.fsencode(folder), Path(os.fsdecode(path)).stem, numbers, runs)
    height, width = seen.rgb.shape[1:3]
    scale = np.array((width / clip.width, height / clip.height, 1), np.float32)
    return Keypoints(found.points * scale, found.persons, found.source)


def _limits(found: Keypoints) -> Iterator[str]:
    """What weakens the measurement, one sentence each."""
    if found.persons > 1:
        more = "another person is" if found.persons == 2 else f"{found.persons - 1} more persons are"
        yield f"{more} seen beside the one whose body was measured"
    side = _hand_side(found.points)
    if not SIDES[1] / 2 <= side <= 2 * SIDES[1]:
        fault = (
            "small, so its boxes hold more than the part" if side < SIDES[1] else "large, so its boxes cut parts off"
        )
        yield f"the body is {fault}: a hand takes {side:.0f} pixels of a picture {HEIGHT} high"


def _hand_side(points: Points) -> float:
    """(T, 25, 3) -> median of OpenPose's side of a hand's box, pixels; that of the boxes where no arm is seen.

    It is 1.5 times the forearm, or 0.9 of the upper arm where that is more.
    """
    places = np.where(points[..., 2:] > 0, points[..., :2], np.nan)
    bones = [
        share * np.linalg.norm(places[:, one] - places[:, other], axis=1)
        for shoulder, (elbow, wrist) in zip(pose.SHOULDERS, (pose.LEFT_ARM, pose.RIGHT_ARM), strict=True)
        for share, one, other in ((1, elbow, wrist), (0.9, shoulder, elbow))
    ]
    longer = np.fmax(bones[0::2], bones[1::2])
    known = longer[~np.isnan(longer)]
    return float(1.5 * np.median(known)) if len(known) else SIDES[1]


def boxes(points: Points, runs: Runs, height: int, width: int) -> Boxes:
    """Keypoints (T, 25, 3) in a picture of this size -> Boxes. A box is moved inside the picture where it leaves it."""
    if not runs:
        return Boxes(np.zeros((0, len(PARTS), 2), np.intp), np.zeros((0, len(PARTS)), bool))
    centres = np.concatenate([_centres(filled(points[first:end])) for first, end in runs])
    sides = np.array(SIDES)[:, None]
    with np.errstate(invalid="ignore"):
        present = np.all((centres >= 0) & (centres < (width, height)) & (sides <= (width, height)), axis=-1)
    corners = np.where(present[..., None], np.nan_to_num(centres) - sides / 2, 0).round().astype(np.intp)
    return Boxes(np.clip(corners, 0, np.maximum(np.array((width, height)) - sides, 0)), present)


def filled(points: Points) -> Points:
    """Keypoints (T, 25, 3) of one run, joints lost for at most GAP frames put where they would have been."""
    found, frames = points.copy(), np.arange(len(points))
    for joint in range(points.shape[1]):
        seen = np.flatnonzero(points[:, joint, 2] > 0)
        if not len(seen):
            continue
        for value in range(3):
            found[:, joint, value] = np.interp(frames, seen, points[seen, joint, value])
        for start, end in zip((-1, *seen), (*seen, len(points)), strict=True):
            if end - start - 1 > GAP:
                found[start + 1 : end, joint] = 0
    return found


def _centres(points: Points) -> Places:
    """(T, 25, 3) -> (T, 5, 2) centre of each part, NaN where it is not known.

    Face: the nose. Hand: a third of the forearm beyond the wrist. Foot: the mean of ankle, big toe and heel (OpenPose's
    rules for both).
    """
    places = np.where(points[..., 2:] > 0, points[..., :2].astype(np.float64), np.nan)
    hands = [
        places[:, wrist] + 0.33 * (places[:, wrist] - places[:, elbow])
        for elbow, wrist in (pose.LEFT_ARM, pose.RIGHT_ARM)
    ]
    feet = [_mean(places[:, list(foot)]) for foot in (pose.LEFT_FOOT, pose.RIGHT_FOOT)]
    return np.stack([places[:, pose.NOSE], *hands, *feet], axis=1)


def _mean(places: Places) -> Places:
    """(T, n, 2) -> (T, 2) mean of those that are known where the first is."""
    known = ~np.isnan(places[..., :1])
    mean = np.where(known, places, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known[:, 0], mean, np.nan)


def _views(rgb: Grey, seen: Boxes, runs: Runs) -> tuple[tuple[Grey, ...], tuple[Grey, ...]]:
    """(T, H, W, 3) frames -> for each part (T, side, side) grey and flow gradient, 0 where it is not seen."""
    grey, flow = (tuple(np.zeros((len(rgb), side, side), np.uint8) for side in SIDES) for _ in range(2))
    for first, end in runs:
        if not seen.present[first:end].any():
            continue
        rows, columns = _area(seen, first, end, *rgb.shape[1:3])
        around = np.stack([cv2.cvtColor(frame[rows, columns], cv2.COLOR_RGB2GRAY) for frame in rgb[first:end]])
        for at, (still, moving) in enumerate(zip(around, flow_gradients(around), strict=True), first):
            for part in np.flatnonzero(seen.present[at]):
                left, top = seen.corners[at, part] - (columns.start, rows.start)
                box = np.s_[top : top + SIDES[part], left : left + SIDES[part]]
                grey[part][at], flow[part][at] = still[box], moving[box]
    return grey, flow


def _area(seen: Boxes, first: int, end: int, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a run that hold every box with a margin."""
    present = seen.present[first:end]
    low = seen.corners[first:end][present]
    high = low + np.array(SIDES)[np.nonzero(present)[1], None]
    (left, top), (right, bottom) = np.maximum(low.min(0) - MARGIN, 0), high.max(0) + MARGIN
    return slice(int(top), min(int(bottom), height)), slice(int(left), min(int(right), width))


def flow_gradients(grey: Grey) -> Iterator[Grey]:
    """(T, H, W) frames of a run -> for each, how fast the optical flow to the next changes from pixel to pixel.

    That is the root of the summed squares of the flow's four derivatives, as a grey level by GAIN. The last frame
    repeats the one before. OpenCV's DIS in its medium setting stands for the thesis's FlowNet2.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    gradient = np.zeros(grey.shape[1:], np.uint8)
    for one, other in itertools.pairwise(grey):
        moved = flow.calc(one, other, None)  # type: ignore[call-overload]  # (H, W, 2)
        slopes = [cv2.Sobel(moved, cv2.CV_32F, dx, 1 - dx, ksize=1, scale=0.5) for dx in (0, 1)]
        steepness = np.sqrt(sum(np.square(slope).sum(axis=2) for slope in slopes))
        gradient = (GAIN * np.sqrt(steepness)).clip(0, 255).astype(np.uint8)
        yield gradient
    yield gradient


def _shown(present: NDArray[np.bool_]) -> list[int]:
    """(T, 5) -> the frame of each third of the clip in which most parts are seen, the middle one of equals."""
    thirds = [third for third in np.array_split(np.arange(len(present)), 3) if len(third)]
    return [int(max(third, key=lambda at: (present[at].sum(), -abs(at - third.mean())))) for third in thirds]


def drawn(rgb: Grey, seen: Boxes, at: int, height: int = 320) -> bytes:
    """Frame number `at`, (H, W, 3) -> a small PNG with a box and the name of each part that is seen in it."""
    scale = height / len(rgb)
    picture = cv2.resize(rgb, (max(1, round(scale * rgb.shape[1])), height), interpolation=cv2.INTER_AREA)
    for part in np.flatnonzero(seen.present[at]):
        corners = np.stack([seen.corners[at, part], seen.corners[at, part] + SIDES[part]]) * scale
        (left, top), (right, bottom) = corners.round().astype(int).tolist()
        cv2.rectangle(picture, (left, top), (right, bottom), COLOURS[part], 1)
        # Neighbours are a left and a right one: their names would cover each other.
        foot = (left, min(bottom + 10, height - 2)) if part % 2 else (left, max(top - 3, 10))
        for colour, thickness in (((0, 0, 0), 3), (COLOURS[part], 1)):
            cv2.putText(picture, PARTS[part], foot, cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, thickness, cv2.LINE_AA)
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1])
