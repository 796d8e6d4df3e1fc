"""Is this clip more like the synthetic or the real clips it was taught? A linear detector for a handful of clips.

F-SVM (thesis, algorithm 1) is the method `footprint`; `traces` is the same idea with more measurements, `appearance` on
features of CLIP. Each reads a clip as one vector and scores it with one linear function, taught in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.media import Clip, Encoding, Sampling
from sightcheck.verdict import Cloud, Evidence, Series, Still
from sightcheck.video import appearance, footprint, reference, traces
from sightcheck.video.linear import Linear
from sightcheck.video.reference import Reference, setting

Matrix = NDArray[np.float64]
Method = Literal["footprint", "traces", "appearance"]

SAMPLING = Sampling()


@dataclass(frozen=True)
class Recipe:
    """How a clip becomes a vector. The footprint's `sampling.frames` is N + 1: the first frame is dropped."""

    method: Method = "traces"
    sampling: Sampling = SAMPLING
    crf: int = 23

    @property
    def laundered(self) -> bool:
        """Whether each training clip is shown a second time as the web would pass it on."""
        return self.method == "traces"

    @property
    def drawn(self) -> bool:
        """Whether the clips that taught are kept, to be drawn in two components."""
        return self.method != "appearance"


def published(frames: int = 30) -> Recipe:
    """F-SVM as published (5.3): the first frames of the stream, at its own rate, the whole picture, CRF 0.

    `frames`: N, after the first one, which is dropped.
    """
    whole = Sampling(frames=frames + 1, fps=None, width=None, height=None, windows=1, first=True)
    return Recipe("footprint", whole, crf=0)


def canonical(frames: int = 14, crf: int = 0) -> Recipe:
    """F-SVM on what all clips have alike: ten frames a second of a centre crop, from the middle of the clip.

    N = 14 and CRF 0 are what docs/video-study.md found best.
    """
    return Recipe("footprint", Sampling(frames=frames + 1, windows=1), crf)


@dataclass(frozen=True)
class Reading:
    """One clip as a recipe sees it: `windows` (k, d) float64, where they begin, the footprints and stills to show."""

    windows: NDArray[np.float64]
    footprints: tuple[footprint.Footprint, ...] = ()
    times_s: tuple[float, ...] = ()
    stills: tuple[Still, ...] = ()

    @property
    def vector(self) -> Matrix | None:
        """(d,) mean over the windows; None where the clip has none."""
        return self.windows.mean(axis=0) if len(self.windows) else None


@dataclass(frozen=True)
class FewShot:
    """A taught detector: `examine` a clip with it, `save` it, `load` it by name.

    `vectors` (n, d) are the clips it learned from, in the order of `reference`; (0, d) where they are not drawn.
    """

    name: str
    recipe: Recipe
    linear: Linear
    reference: Reference
    vectors: Matrix
    limits: tuple[str, ...] = ()
    sha256: str | None = None

    def examine(self, clip: Clip, path: bytes, progress: sandbox.Progress | None = None) -> Evidence:
        """Measure a clip in the sandbox and weigh it. Raises InputError when it cannot be read."""
        reading = read(path, self.recipe, progress=progress)
        if reading.vector is None:
            return Evidence(self.name, too_little(self.recipe), weights_sha256=self.sha256, limits=self.limits)
        score = float(self.linear.scores(reading.vector))
        ratio = self.reference.log10_lr(clip, score)
        return Evidence(
            method=self.name,
            sentence=f"{describe(reading, self.recipe)}. {self.reference.place(score)}.",
            score=score,
            log10_lr=ratio,
            series=(*shares(reading.footprints), *self._scores(reading)),
            stills=reading.stills,
            cloud=self._cloud(reading.vector) if len(self.vectors) else None,
            weights_sha256=self.sha256,
            limits=(*self.reference.limits(clip, ratio), *size_changes(reading.footprints), *self.limits),
        )

    def _scores(self, reading: Reading) -> tuple[Series, ...]:
        if len(reading.windows) < 2:
            return ()
        scores = tuple(self.linear.scores(reading.windows).tolist())
        return (Series("score of each window", "score", reading.times_s, scores),)

    def _cloud(self, vector: Matrix) -> Cloud:
        """The two principal components of the standardised reference vectors (Figure 5.2 shows three)."""
        spread = self.vectors.std(axis=0)
        scale = np.where(spread > 1e-9, spread, 1.0)
        centre = self.vectors.mean(axis=0)
        standard = (self.vectors - centre) / scale
        _, size, axes = np.linalg.svd(standard, full_matrices=False)
        share = size**2 / np.sum(size**2)
        points, here = standard @ axes[:2].T, (vector - centre) / scale @ axes[:2].T
        return Cloud(
            (f"first component, {share[0]:.0%} of the variance", f"second component, {share[1]:.0%}"),
            tuple((float(x), float(y)) for x, y in points),
            tuple(bool(side) for side in self.reference.synthetic),
            (float(here[0]), float(here[1])),
        )


def read(path: bytes, recipe: Recipe, laundered: bool = False, progress: sandbox.Progress | None = None) -> Reading:
    """A file -> Reading, measured in the sandbox. Raises InputError when it cannot be read."""
    if recipe.method == "appearance":
        seen = sandbox.run(appearance.measure, path, progress=progress)
        return Reading(appearance.features(seen), (), seen.times_s, appearance.stills(seen))
    if recipe.method == "traces":
        found = sandbox.run(traces.measure, path, recipe.sampling, laundered, progress=progress)
        return _told(stack([one.values for one in found], len(traces.NAMES)), [one.footprint for one in found])
    shown = sandbox.run(footprint.measure, path, recipe.sampling, Encoding(crf=recipe.crf), progress=progress)
    whole = [one for one in shown if len(one.counts) == recipe.sampling.frames]
    length = 3 * (recipe.sampling.frames - 1)
    return _told(stack([one.fractions[1:].ravel() for one in whole], length), whole or shown)


def _told(windows: NDArray[np.float64], footprints: Sequence[footprint.Footprint]) -> Reading:
    """Windows and their footprints -> Reading."""
    starts = tuple(one.times_s[0] for one in footprints)
    stills = tuple(Still(one.times_s[0], one.png) for one in footprints if one.png)
    return Reading(windows, tuple(footprints), starts, stills)


def save(model: FewShot, card: weights.Card, root: Path | None = None) -> Path:
    """Write the model with its card; returns its folder."""
    limit = model.linear.limit if np.isfinite(model.linear.limit) else None
    arrays = reference.to_arrays(model.reference, model.recipe, intercept=model.linear.intercept, limit=limit)
    arrays |= {name: getattr(model.linear, name) for name in ("centre", "scale", "coef")}
    arrays["vectors"] = model.vectors
    return weights.save(card, arrays, root)


def load(name: str) -> FewShot:
    """Name -> FewShot. Raises UsageError for an unknown name, BrokenInstallation for a broken model."""
    found, recipe, known = reference.load(name, Recipe)
    arrays = found.arrays
    with reference.of_this_version(name):
        limit = setting(arrays, "limit", float | None)
        linear = Linear(
            arrays["centre"],
            arrays["scale"],
            arrays["coef"],
            setting(arrays, "intercept", float),
            np.inf if limit is None else limit,
        )
        return FewShot(found.card.name, recipe, linear, known, arrays["vectors"], found.card.limits, found.card.sha256)


def describe(reading: Reading, recipe: Recipe) -> str:
    """What was measured, in words."""
    if recipe.method == "appearance":
        return f"How {len(reading.windows)} frames look to a network that learnt from pictures and captions (CLIP)"
    intra, inter, skip = np.mean([one.fractions[1:].mean(axis=0) for one in reading.footprints], axis=0)
    windows = "one window" if len(reading.windows) == 1 else f"{len(reading.windows)} windows"
    plain = (
        "How the video compresses" if recipe.method == "footprint" else "How the video compresses, moves and is grained"
    )
    shown = f"{intra:.0%} intra, {inter:.0%} inter and {skip:.0%} skipped macroblocks"
    return f"{plain}, in {windows} ({shown} at {reading.footprints[0].encoder.split(' ', 2)[2]})"


def too_little(recipe: Recipe) -> str:
    """Why a clip could not be read."""
    if recipe.method == "footprint":
        rate = f" at up to {recipe.sampling.fps:g} a second" if recipe.sampling.fps else ""
        return f"Too short: {recipe.sampling.frames} frames{rate} are needed."
    if recipe.method == "appearance":
        return "Too short: no frame of it could be sampled."
    return f"Too little to measure: two frames of {traces.LEAST_SIDE} pixels a side are needed."


def shares(footprints: Sequence[footprint.Footprint]) -> tuple[Series, ...]:
    """Footprints of windows -> the shares of intra, inter and skip over time, the first frame of each left out."""
    times = tuple(time for one in footprints for time in one.times_s[1:])
    columns = np.concatenate([one.fractions[1:] for one in footprints]).T if times else np.zeros((3, 0))
    return tuple(
        Series(name, "share", times, tuple(column.tolist()))
        for name, column in zip(("intra", "inter", "skip"), columns, strict=True)
    )


def size_changes(footprints: Sequence[footprint.Footprint]) -> tuple[str, ...]:
    """The sentence about frames left out because the picture changes its size."""
    left_out = sum(one.other_size for one in footprints)
    return (f"the picture changes its size in mid-stream: {left_out} frames were left out",) if left_out else ()


def stack(rows: Sequence[Matrix], length: int) -> Matrix:
    """Rows (length,) -> (n, length), also for none."""
    return np.array(rows, float).reshape(len(rows), length)
