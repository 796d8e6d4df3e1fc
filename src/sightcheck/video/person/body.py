"""How do face, hands and feet look and move? Keypoints -> crops of a fixed size, grey and flow gradient (4.3.1)."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import media, sandbox
from sightcheck.errors import InputError
from sightcheck.media import Clip, Pictures
from sightcheck.media.frames import display_times, sampled
from sightcheck.media.pictures import passing
from sightcheck.verdict import Still
from sightcheck.video.person import pose
from sightcheck.video.person.pose import Keypoints, Points

Grey = NDArray[np.uint8]
Places = NDArray[np.float64]

HEIGHT = 512
"""Rows that every picture is brought to."""
FPS = 25.0
"""Most frames a second: the thesis's rate (4.4.1). A slower clip keeps its own."""
AT_ONCE, MOST_BYTES = 25, 64 << 20
"""Most frames, and bytes of them in RGB, that are held before the joints in them are found."""
PARTS = ("face", "left hand", "right hand", "left foot", "right foot")
SIDES = (128, 64, 64, 64, 64)
"""Pixels a side in a picture 512 high. The face's is Everybody Dance Now's. OpenPose's rule for a hand, 1.5 times the
longer of forearm and 0.9 upper arm, gives 60 to 70 for a dancer who fills that height; one side for all clips keeps the
crops unsampled, and LDP is about single pixels."""
GAP = 5
"""Most frames over which a lost joint is interpolated."""
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
class Frame:
    """The parts in one frame: `present` (5,); `grey` and `flow`: for each part (side, side) uint8, 0 where it is not.

    `begins`: it does not follow the frame before.
    """

    time_s: float
    begins: bool
    present: NDArray[np.bool_]
    grey: tuple[Grey, ...]
    flow: tuple[Grey, ...]


@dataclass(frozen=True)
class Body:
    """The parts of a body in one sequence of T frames: `present` (T, 5); `grey`, `flow`: for each (T, side, side)."""

    times_s: tuple[float, ...]
    present: NDArray[np.bool_]
    grey: tuple[Grey, ...]
    flow: tuple[Grey, ...]


@dataclass(frozen=True)
class Seen:
    """What is to be known of a clip that was read: `limits`: what weakens the measurement; `stills` show the boxes.

    `source`: what found the joints; `left_out`: sequences that were not read because only so many were asked for.
    """

    stills: tuple[Still, ...]
    limits: tuple[str, ...]
    source: str
    left_out: int


def read(
    path: bytes,
    frames: int,
    overlap: int,
    most: int,
    told: Callable[[Body], None],
    keypoints: Path | None = None,
    progress: sandbox.Progress | None = None,
) -> Seen:
    """Tell the body in every sequence of `frames` frames, each sharing `overlap` with the one before, as it is read.

    At most `most` of them, spread over the clip, 0 for all. Pictures are held for one sequence at a time, whatever the
    clip's length. `keypoints`: a folder of OpenPose's JSON; without one MediaPipe is asked. Raises InputError where the
    clip or its keypoints cannot be read, NoBody, pose.Unavailable.
    """
    if keypoints is None and pose.python() is None:
        raise pose.Unavailable(pose.MISSING)
    clip = sandbox.run(media.look, path)
    width = max(2, round(HEIGHT * clip.width / clip.height))
    times, step = sandbox.run(display_times, path), frames - overlap
    starts = firsts(sampled(times, FPS), frames, step)
    some = chosen(starts, most)
    wanted = len(some) * frames if len(some) < len(starts) else len(times)
    at_once = max(1, min(AT_ONCE, MOST_BYTES // (3 * HEIGHT * width)))
    asked = (FPS, some, frames) if len(some) < len(starts) else (FPS, (0.0,), 0)
    watched = _Watched(clip.duration_s)
    stream = sandbox.stream(passing, path, *asked, at_once, HEIGHT, width)
    with _finder(clip, path, times, keypoints, width) as find, closing(stream) as passed:
        for number, (_, body) in enumerate(sequences(_frames(passed, find, watched), frames, step), 1):
            if body is not None:
                told(body)
            if progress is not None:
                progress(min(1.0, number / max(wanted, 1)))
    return watched.seen(len(starts) - len(some))


def firsts(times_s: Places, frames: int, step: int) -> Places:
    """Times of a run's frames (n,) -> (k,) of those with which its sequences begin, one every `step` frames."""
    return times_s[: max(0, len(times_s) - frames + 1) : step]


def spans(times_s: Places, frames: int, step: int) -> Places:
    """Times of a run's frames (n,) -> (k, 2) of the first and the last frame of each of its sequences."""
    starts = firsts(times_s, frames, step)
    return np.stack([starts, times_s[frames - 1 :: step][: len(starts)]], axis=1)


def chosen(starts: Places, most: int) -> tuple[float, ...]:
    """Where the sequences of a clip begin -> the starts of at most so many, spread over it; 0 for all."""
    if 0 < most < len(starts):
        starts = starts[np.linspace(0, len(starts) - 1, most).round().astype(np.intp)]
    return tuple(np.maximum(0, starts - 0.001).tolist())  # a millisecond, for what rounding does to times


def sequences(each: Iterator[Frame], frames: int, step: int) -> Iterator[tuple[Frame, Body | None]]:
    """Each frame, with the sequence that it ends; a sequence begins every `step` frames of a run."""
    held: deque[Frame] = deque()
    for frame in each:
        if frame.begins:
            held.clear()
        held.append(frame)
        ended = len(held) == frames
        yield frame, _body(held) if ended else None
        for _ in range(step if ended else 0):
            held.popleft()


def _body(held: Sequence[Frame]) -> Body:
    """Successive frames -> the sequence of them."""
    grey, flow = (
        tuple(np.stack(part) for part in zip(*views, strict=True))
        for views in ([one.grey for one in held], [one.flow for one in held])
    )
    return Body(tuple(one.time_s for one in held), np.stack([one.present for one in held]), grey, flow)


@contextmanager
def _finder(
    clip: Clip, path: bytes, times_s: Places, folder: Path | None, width: int
) -> Iterator[Callable[[Pictures], Keypoints]]:
    """While it lasts: pictures -> the keypoints in their pixels; OpenPose's of the frame number that each time is.

    OpenPose's joints of the whole clip are read first, 300 bytes a frame: only at its end is it known who stays.
    """
    if folder is None:
        with pose.mediapipe() as ask:
            yield lambda seen: ask(seen.rgb, bool(seen.starts))
        return
    kept = sampled(times_s, FPS)
    found = sandbox.run(pose.openpose, os.fsencode(folder), Path(os.fsdecode(path)).stem, _nearest(times_s, kept))
    points = found.points * np.array((width / clip.width, HEIGHT / clip.height, 1), np.float32)
    yield lambda seen: replace(found, points=points[_nearest(kept, np.array(seen.times_s))])


def _nearest(times_s: Places, wanted: Places) -> NDArray[np.int64]:
    """Sorted times (n,), wanted (k,) -> the number of the nearest to each."""
    return np.searchsorted((times_s[1:] + times_s[:-1]) / 2, wanted).astype(np.int64)


def _frames(passed: Iterator[Pictures], find: Callable[[Pictures], Keypoints], watched: "_Watched") -> Iterator[Frame]:
    """Pictures as they come -> the parts in every frame of them."""
    run = _Run(watched)
    for pictures in passed:
        if pictures.starts:
            yield from run.finished(ended=True)
            run = _Run(watched)
        found = find(pictures)
        watched.joints(found)
        run.add(pictures, found.points)
        yield from run.finished()
    yield from run.finished(ended=True)


class _Run:
    """Successive frames on their way: each is finished once the next GAP are known, whose joints may fill its own.

    Of those that are finished the last GAP stay, for the same reason.
    """

    def __init__(self, watched: "_Watched") -> None:
        self.watched = watched
        self.times: list[float] = []
        self.rgb: list[Grey] = []
        self.grey: list[Grey] = []
        self.points = np.zeros((0, pose.JOINTS, 3), np.float32)
        self.done, self.begins = 0, True
        self.flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def add(self, pictures: Pictures, points: Points) -> None:
        """More frames and their keypoints."""
        self.times += pictures.times_s
        self.rgb += list(pictures.rgb)
        self.grey += [np.asarray(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), np.uint8) for one in pictures.rgb]
        self.points = np.concatenate([self.points, points])

    def finished(self, ended: bool = False) -> Iterator[Frame]:
        """The frames whose parts are sure; at the end of the run all that are left."""
        ready = max(self.done, len(self.rgb) - (0 if ended else GAP))
        if ready == self.done:
            return
        where = boxes(self.points, *self.rgb[0].shape[:2])
        for at in range(self.done, ready):
            self.watched.picture(self.times[at], self.rgb[at], Boxes(where.corners[at], where.present[at]))
            yield self._frame(at, where.corners[at], where.present[at])
            self.begins = False
        gone = max(0, ready - GAP)
        self.times, self.rgb, self.grey = self.times[gone:], self.rgb[gone:], self.grey[gone:]
        self.points, self.done = self.points[gone:], ready - gone

    def _frame(self, at: int, corners: NDArray[np.intp], present: NDArray[np.bool_]) -> Frame:
        """Frame number `at` of those that are here; the last of a run has the flow that leads to it."""
        grey, flow = (tuple(np.zeros((side, side), np.uint8) for side in SIDES) for _ in range(2))
        if present.any():
            first = at if at + 1 < len(self.grey) else max(0, at - 1)
            pair = self.grey[first : first + 2]
            still, moving = self.grey[at], flow_gradient(pair[0], pair[-1], self.flow)
            for part in np.flatnonzero(present):
                left, top = corners[part]
                box = np.s_[top : top + SIDES[part], left : left + SIDES[part]]
                grey[part][:], flow[part][:] = still[box], moving[box]
        return Frame(self.times[at], self.begins, present, grey, flow)


class _Watched:
    """What is remembered of a clip while it passes: who was seen, how large, and its best stills."""

    def __init__(self, duration_s: float) -> None:
        self.third_s = max(duration_s / 3, 1e-6)
        self.persons, self.source = 0, ""
        self.hands: list[Points] = []
        self.shown: dict[int, tuple[tuple[int, float], float, Grey, Boxes]] = {}

    def joints(self, found: Keypoints) -> None:
        """Note the joints of some frames."""
        self.persons, self.source = max(self.persons, found.persons), found.source
        self.hands.append(_hand_sides(found.points))

    def picture(self, time_s: float, rgb: Grey, where: Boxes) -> None:
        """Keep a frame in which more parts are seen than before in its third of the clip, or nearer its middle."""
        third = min(2, int(time_s / self.third_s))
        rank = int(where.present.sum()), -abs(time_s - (third + 0.5) * self.third_s)
        if rank[0] and (third not in self.shown or rank > self.shown[third][0]):
            self.shown[third] = rank, time_s, rgb.copy(), where

    def seen(self, left_out: int) -> Seen:
        """What there is to know at the end. Raises NoBody."""
        if not self.persons:
            raise NoBody(f"shows nobody that {self.source} sees")
        stills = tuple(Still(time, drawn(rgb, where)) for _, (_, time, rgb, where) in sorted(self.shown.items()))
        return Seen(stills, tuple(_limits(self.persons, np.concatenate(self.hands))), self.source, left_out)


def _limits(persons: int, hands: Points) -> Iterator[str]:
    """What weakens the measurement, one sentence each."""
    if persons > 1:
        more = "another person is" if persons == 2 else f"{persons - 1} more persons are"
        yield f"{more} seen beside the one whose body was measured"
    side = float(np.median(hands)) if len(hands) else SIDES[1]
    if not SIDES[1] / 2 <= side <= 2 * SIDES[1]:
        fault = (
            "small, so its boxes hold more than the part" if side < SIDES[1] else "large, so its boxes cut parts off"
        )
        yield f"the body is {fault}: a hand takes {side:.0f} pixels of a picture {HEIGHT} high"


def _hand_sides(points: Points) -> Points:
    """(T, 25, 3) -> OpenPose's sides of the hands' boxes (k,), pixels, where an arm is seen.

    It is 1.5 times the forearm, or 0.9 of the upper arm where that is more.
    """
    places = np.where(points[..., 2:] > 0, points[..., :2], np.nan)
    bones = [
        share * np.linalg.norm(places[:, one] - places[:, other], axis=1)
        for shoulder, (elbow, wrist) in zip(pose.SHOULDERS, (pose.LEFT_ARM, pose.RIGHT_ARM), strict=True)
        for share, one, other in ((1, elbow, wrist), (0.9, shoulder, elbow))
    ]
    longer = np.fmax(bones[0::2], bones[1::2])
    return np.asarray(1.5 * longer[~np.isnan(longer)], np.float32)


def boxes(points: Points, height: int, width: int) -> Boxes:
    """Keypoints (T, 25, 3) of a run, size of its pictures -> Boxes, each moved inside where it leaves them."""
    centres = _centres(filled(points))
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


def flow_gradient(one: Grey, other: Grey, flow: cv2.DISOpticalFlow) -> Grey:
    """Two frames (H, W) -> (H, W) how fast the optical flow from one to the other changes from pixel to pixel.

    That is the root of the summed squares of the flow's four derivatives, as a grey level by GAIN. OpenCV's DIS in its
    medium setting stands for the thesis's FlowNet2. It is given whole frames, as there: what it finds at one part must
    not hang on which others are seen.
    """
    moved = flow.calc(one, other, None)  # type: ignore[call-overload]  # (H, W, 2)
    slopes = [cv2.Sobel(moved, cv2.CV_32F, dx, 1 - dx, ksize=1, scale=0.5) for dx in (0, 1)]
    steepness = np.sqrt(sum(np.square(slope).sum(axis=2) for slope in slopes))
    return np.asarray((GAIN * np.sqrt(steepness)).clip(0, 255), np.uint8)


def drawn(rgb: Grey, seen: Boxes, height: int = 320) -> bytes:
    """A frame (H, W, 3) and its boxes (5, 2) -> a small PNG with a box and the name of each part that is seen."""
    scale = height / len(rgb)
    picture = cv2.resize(rgb, (max(1, round(scale * rgb.shape[1])), height), interpolation=cv2.INTER_AREA)
    for part in np.flatnonzero(seen.present):
        corners = np.stack([seen.corners[part], seen.corners[part] + SIDES[part]]) * scale
        (left, top), (right, bottom) = corners.round().astype(int).tolist()
        cv2.rectangle(picture, (left, top), (right, bottom), COLOURS[part], 1)
        # Neighbours are a left and a right one: their names would cover each other.
        foot = (left, min(bottom + 10, height - 2)) if part % 2 else (left, max(top - 3, 10))
        for colour, thickness in (((0, 0, 0), 3), (COLOURS[part], 1)):
            cv2.putText(picture, PARTS[part], foot, cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, thickness, cv2.LINE_AA)
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1])
