"""How does a finished detector fare on clips it was not made for? Not taught, on one frame a second (4.4.4)."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightcheck import media, sandbox
from sightcheck.data.manifest import Item
from sightcheck.errors import InputError, UsageError
from sightcheck.media import Sampling
from sightcheck.protocol.contender import WHOLE, Spoken, Told
from sightcheck.protocol.metrics import Labels
from sightcheck.video import frames
from sightcheck.video.detectors import detector

SLOWLY = Sampling(frames=1, fps=1.0, width=None, height=None, windows=3600)


class Released:
    """A detector by name as a Method whose `fit` teaches nothing.

    A network on single frames looks at one frame a second and its probabilities are averaged; any other detector reads
    the clip in its own way. Raises UsageError for an unknown name.
    """

    parameters = 0

    def __init__(self, name: str) -> None:
        self.detector: Any = detector(name)
        self.name = name
        self.settings = getattr(self.detector, "sha256", None) or name
        if isinstance(self.detector, frames.Network) and self.detector.recipe.sequence == 1:
            self.detector = replace(self.detector, recipe=replace(self.detector.recipe, sampling=SLOWLY))

    def read(self, item: Item) -> Item:
        """The item: the detector reads the file itself."""
        return item

    def fit(
        self,
        clips: Sequence[Any],
        synthetic: Labels,
        units: NDArray[np.str_],
        validation: tuple[Sequence[Any], Labels] | None = None,
        told: Told | None = None,
    ) -> "Released":
        """The detector as it is."""
        return self

    def speak(self, clip: Item) -> Spoken:
        """One probability for the clip, or one a frame averaged: called synthetic above 1/2, a score of 0."""
        path = os.fsencode(clip.path)
        if isinstance(self.detector, frames.Network) and self.detector.recipe.sequence == 1:
            seen = frames.read(path, self.detector.recipe)
            rows = frames.runs(seen, 1)
            if not len(rows):
                raise InputError(frames.too_short(self.detector.recipe))
            fake = float(self.detector.speak(seen.rgb, rows).mean())
        else:
            found = self.detector.examine(sandbox.run(media.look, path), path)
            if found.score is None:
                raise InputError(found.sentence)
            fake = float(1 / (1 + np.exp(-np.clip(found.score, -50, 50))))
        return Spoken(np.array([fake]), np.array([fake > 0.5]), WHOLE)

    def size_bytes(self) -> int:
        """Not measured."""
        return 0

    def export(self) -> tuple[bytes, NDArray[np.float32]]:
        """It was made elsewhere. Raises UsageError."""
        raise UsageError(f"{self.name} is finished: there is nothing to export")
