"""How are F-SVM and traces compared with the others? Each as a Method: read once, fitted in one step, asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sightcheck.data.manifest import Item
from sightcheck.errors import UsageError
from sightcheck.media import Sampling
from sightcheck.protocol import readings
from sightcheck.protocol.contender import WHOLE, Network, Spoken, Told, Units
from sightcheck.protocol.evaluate import exam, teacher
from sightcheck.protocol.metrics import Labels, Values
from sightcheck.video import fewshot

N, SHORT = 29, 14
"""Frames of F-SVM after the first: 5.3.2 has 30, but a clip of DeepStreets has 29; and for clips of two seconds."""


@dataclass(frozen=True)
class Linear:
    """A fitted F-SVM or traces."""

    score: Callable[[Values], Values]
    parameters: int

    def speak(self, clip: Values) -> Spoken:
        """One probability: the logistic of the score."""
        score = self.score(exam(clip[None], [_REAL]))
        return Spoken(1 / (1 + np.exp(-np.clip(score, -30, 30))), score > 0, WHOLE)

    def size_bytes(self) -> int:
        """Bytes of its numbers."""
        return 8 * self.parameters

    def export(self) -> Network:
        """It has no network."""
        raise UsageError("F-SVM and traces are taught with `sightcheck teach`")


_REAL = Item(path="", label="real")


@dataclass(frozen=True)
class FewShot:
    """F-SVM of algorithm 1, or traces."""

    name: str
    recipe: fewshot.Recipe

    def read(self, item: Item) -> Values:
        """(forms, d) as it is and, for traces, laundered."""
        return readings.one(Path(item.path), self.recipe).forms

    def fit(
        self, clips: Sequence[Values], synthetic: Labels, units: Units,
        validation: tuple[Sequence[Values], Labels] | None = None, told: Told | None = None,
    ) -> Linear:  # fmt: skip
        """Taught in one step."""
        vectors = np.stack(clips)
        rows = np.concatenate([vectors, vectors[:, :1]], axis=1)
        return Linear(teacher(self.recipe)(rows, synthetic, units), vectors.shape[2] + 1)


def f_svm(count: int) -> FewShot:
    """F-SVM of 5.3.2 at CRF 0, on so many frames after the first."""
    name = "F-SVM" if count == N else f"F-SVM, N = {count}"
    return FewShot(name, fewshot.Recipe("footprint", Sampling(frames=count + 1, windows=1), 0))
