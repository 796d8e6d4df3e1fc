"""How are F-SVM and traces compared with the others? Each as a Method: read once, fitted in one step, asked."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sightcheck.data.manifest import Item
from sightcheck.errors import Damaged, InputError, UsageError
from sightcheck.protocol import readings
from sightcheck.protocol.contender import WHOLE, Network, Spoken, Told, Units
from sightcheck.protocol.metrics import Labels, Values
from sightcheck.video import fewshot
from sightcheck.video import linear as fits

N, SHORT = 30, 14
"""Frames of F-SVM after the first: as published, and for clips of two seconds at ten frames a second."""
LEAST = 29
"""A clip of DeepStreets has 30 frames, so that no more follow its first one."""


@dataclass(frozen=True)
class Linear:
    """A fitted F-SVM or traces; `shorter`: the same for clips with fewer frames, taught on the first of each clip."""

    linear: fits.Linear
    shorter: fits.Linear | None = None

    @property
    def parameters(self) -> int:
        """A coefficient a number, and the intercept."""
        return len(self.linear.coef) + 1

    def speak(self, clip: Values) -> Spoken:
        """One probability: the logistic of the score. Raises Damaged for a clip shorter than those that taught."""
        able = [one for one in (self.linear, self.shorter) if one is not None and len(one.coef) <= clip.shape[1]]
        if not able:
            needed = len(self.linear.coef) // 3 + 1
            raise Damaged(f"has {clip.shape[1] // 3 + 1} frames; {needed} are needed, as its teachers have")
        score = able[0].scores(clip[:1, : len(able[0].coef)])
        return Spoken(1 / (1 + np.exp(-np.clip(score, -30, 30))), score > 0, WHOLE)

    def size_bytes(self) -> int:
        """Bytes of the file its numbers are kept in."""
        file = io.BytesIO()
        np.savez_compressed(file, coef=self.linear.coef, intercept=np.array(self.linear.intercept))
        return len(file.getvalue())

    def export(self) -> Network:
        """It has no network."""
        raise UsageError("F-SVM and traces are taught with `sightcheck teach`")


@dataclass(frozen=True)
class FewShot:
    """F-SVM of algorithm 1, or traces. `shorter`: the recipe for a clip that is too short for `recipe`."""

    name: str
    recipe: fewshot.Recipe
    shorter: fewshot.Recipe | None = None

    def read(self, item: Item) -> Values:
        """(forms, d) as it is and, for traces, laundered. Raises InputError."""
        try:
            return readings.one(Path(item.path), self.recipe).forms
        except InputError:
            if self.shorter is None:
                raise
            return readings.one(Path(item.path), self.shorter).forms

    def fit(
        self, clips: Sequence[Values], synthetic: Labels, units: Units,
        validation: tuple[Sequence[Values], Labels] | None = None, told: Told | None = None,
    ) -> Linear:  # fmt: skip
        """Taught in one step, on as many frames as the shortest clip has."""
        shortest = min(clip.shape[1] for clip in clips)

        def taught(length: int) -> fits.Linear:
            return fits.fit(self.recipe.method, np.stack([clip[:, :length] for clip in clips]), synthetic, units)

        shorter = 3 * (self.shorter.sampling.frames - 1) if self.shorter else shortest
        return Linear(taught(shortest), taught(shorter) if shorter < shortest else None)


def f_svm(count: int = N) -> FewShot:
    """F-SVM as published (5.3.2), on so many frames after the first; one less where a clip has no more."""
    return FewShot("F-SVM", fewshot.published(count), fewshot.published(LEAST) if count == N else None)


def canonical(count: int = SHORT) -> FewShot:
    """F-SVM on what all clips have alike: ten frames a second of a crop, at CRF 0."""
    return FewShot("F-SVM canonical", fewshot.canonical(count))
