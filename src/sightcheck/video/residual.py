"""What does a generator leave beneath the picture? A small network on native patches of high-pass residuals.

The network sees no scene: only what remains of luma and chroma after a high-pass, and how luma departs from the mean of
the frames before and after it. It is taught on pairs that passed one random chain alike.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.media import Clip, Encoding, Sampling, pack, planes, recode, windows
from sightcheck.verdict import Evidence, Heat, Series
from sightcheck.video import frames, reference
from sightcheck.video.reference import Reference

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Yuv = NDArray[np.uint8]
Batch = NDArray[np.float32]
Values = NDArray[np.float64]
Corner = tuple[int, int]

SAMPLING = Sampling(frames=5, fps=10.0, width=384, height=384, windows=4)
SIDE = 96
"""Pixels a side of a patch."""
CHANNELS = 6
LEAST = 3
"""Frames that a patch needs: one before, one after."""
TOO_LITTLE = f"Too little to measure: {LEAST} frames of {SIDE} pixels a side are needed."
ALIKE = Encoding(crf=18)
"""Every window is encoded anew before it is looked at, so that less of its own encoder speaks."""
ASKED = 8
"""Patches of each window that are asked."""


@dataclass(frozen=True)
class Recipe:
    """How the network is asked."""

    name: str = "residual"
    sampling: Sampling = SAMPLING
    side: int = SIDE
    asked: int = ASKED


@dataclass(frozen=True)
class Window:
    """One window: `times_s` of its frames, `yuv` (3, 3H/2, W) the middle three encoded anew, its patches' `corners`."""

    times_s: tuple[float, ...]
    yuv: Yuv
    corners: tuple[Corner, ...]

    @property
    def middle_s(self) -> float:
        """When its middle frame is shown."""
        return self.times_s[len(self.times_s) // 2]

    @property
    def patches(self) -> list[Yuv]:
        """Its patches, (3, 3S/2, S) each."""
        return [cut(self.yuv, *corner) for corner in self.corners]


@dataclass(frozen=True)
class Residual:
    """A trained network on residuals: `examine` a clip with it, `load` it by name."""

    name: str
    recipe: Recipe
    reference: Reference
    session: "InferenceSession"
    limits: tuple[str, ...] = ()
    sha256: str | None = None

    def examine(self, clip: Clip, path: bytes, progress: sandbox.Progress | None = None) -> Evidence:
        """Look at patches of a clip and weigh them. Raises InputError when the clip cannot be read."""
        seen = [one for one in sandbox.run(measure, path, progress=progress) if one.corners]
        if not seen:
            return Evidence(self.name, TOO_LITTLE, weights_sha256=self.sha256, limits=self.limits)
        fake = [speak(self.session, np.stack(one.patches)) for one in seen]
        every = np.concatenate(fake)
        score, means = frames.soft_vote(every), [float(one.mean()) for one in fake]
        ratio = self.reference.log10_lr(clip, score)
        return Evidence(
            method=self.name,
            sentence=f"What lies beneath the picture, in {len(every)} patches of {SIDE} pixels: P(synthetic) "
            f"{every.mean():.2f} by a network taught on pairs of a clip and its edit, from {every.min():.2f} to "
            f"{every.max():.2f}. {self.reference.place(score)}.",
            score=score,
            log10_lr=ratio,
            series=(Series("P(synthetic)", "share", tuple(one.middle_s for one in seen), tuple(means)),),
            heat=_heat(seen, fake),
            weights_sha256=self.sha256,
            limits=(*self.reference.limits(clip, ratio), *self.limits),
        )


def load(name: str) -> Residual:
    """Name -> Residual. Raises UsageError for an unknown name, BrokenInstallation for a broken model."""
    found, recipe, known = reference.load(name, Recipe)
    session = weights.session(found.network)
    return Residual(name, recipe, known, session, found.card.limits, found.card.network_sha256)


def speak(session: "InferenceSession", patches: Yuv) -> Values:
    """(n, 3, 3S/2, S) -> (n,) P(synthetic)."""
    logits = frames.run(session, residuals(patches))[:, 0].astype(np.float64)
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))))


def _heat(seen: list[Window], fake: list[Values]) -> Heat:
    """What each patch of the window that says most adds, over its middle frame; what was not asked adds nothing."""
    at = int(np.argmax([one.mean() for one in fake]))
    window, picture = seen[at], np.ascontiguousarray(seen[at].yuv[1])
    rows, columns = len(picture) * 2 // 3 // SIDE, picture.shape[1] // SIDE
    top, left = corners(len(picture) * 2 // 3, picture.shape[1])[0]
    values = np.zeros((rows, columns))
    for (y, x), probability in zip(window.corners, fake[at], strict=True):
        values[(y - top) // SIDE, (x - left) // SIDE] = frames.soft_vote(np.array([probability]))
    shown = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420)[top : top + rows * SIDE, left : left + columns * SIDE]
    meaning = f"log odds of “synthetic” that each patch of the frame at {window.middle_s:.3g} s says by itself"
    jpeg = bytes(cv2.imencode(".jpg", shown)[1])
    return Heat(meaning, rows, columns, tuple(values.ravel().tolist()), jpeg)


def triplets(yuv: Yuv) -> Yuv:
    """(T, 3H/2, W) -> (3, 3H/2, W) the middle three frames. Needs LEAST of them."""
    middle = len(yuv) // 2
    return yuv[middle - 1 : middle + 2]


def corners(height: int, width: int, side: int = SIDE) -> list[Corner]:
    """Where patches of a picture begin, y and x, even: a grid without overlap, centred; none where it is too small."""
    rows, columns = height // side, width // side
    top, left = (height - rows * side) // 4 * 2, (width - columns * side) // 4 * 2
    return [(top + y * side, left + x * side) for y in range(rows) for x in range(columns)]


def chosen(three: Yuv, most: int, seed: int) -> list[Corner]:
    """(3, 3H/2, W) -> the corners of up to `most` of its patches, drawn by the seed."""
    every = corners(three.shape[1] * 2 // 3, three.shape[2])
    order = np.random.default_rng(seed).permutation(len(every))[:most]
    return [every[at] for at in sorted(order.tolist())]


def cut(yuv: Yuv, y: int, x: int, side: int = SIDE) -> Yuv:
    """(T, 3H/2, W), an even corner -> (T, 3S/2, S) of it."""
    parts = zip(planes(yuv), (1, 2, 2), strict=True)
    return pack([plane[:, y // k : (y + side) // k, x // k : (x + side) // k] for plane, k in parts])


def measure(path: bytes) -> list[Window]:
    """A clip -> its windows, their middle three frames encoded anew. Run it in the sandbox."""
    found = []
    for number, window in enumerate(windows(path, SAMPLING)):
        if len(window.yuv) >= LEAST:
            three = triplets(recode(window.yuv, ALIKE))
            found.append(Window(window.times_s, three, tuple(chosen(three, ASKED, number))))
    return found


def residuals(patches: Yuv) -> Batch:
    """(n, 3, 3S/2, S) -> (n, 6, S, S): high-pass of luma now, before and after, its departure in time, chroma."""
    return np.stack([_residual(one) for one in patches])


def _residual(three: Yuv) -> Batch:
    luma, *chroma = planes(three)
    before, now, after = luma.astype(np.float32)
    side = now.shape[0]
    colour = [np.repeat(np.repeat(_high_pass(plane[1].astype(np.float32)), 2, 0), 2, 1) for plane in chroma]
    parts = [_high_pass(now), _high_pass(before), _high_pass(after), now - (before + after) / 2, *colour]
    return np.clip(np.stack(parts).reshape(CHANNELS, side, side) / 8, -3, 3)


def _high_pass(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    return plane - cv2.GaussianBlur(plane, (5, 5), 1.0, borderType=cv2.BORDER_REFLECT_101)
