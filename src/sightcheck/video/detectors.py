"""Which detectors answer "Is this video synthetic?"? The deciding one first."""

from collections.abc import Callable
from typing import Protocol

from sightcheck.media import Clip
from sightcheck.sandbox import Progress
from sightcheck.verdict import Evidence
from sightcheck.video import fewshot


class Detector(Protocol):
    """Anything that can be asked about a clip."""

    @property
    def name(self) -> str:
        """What its evidence is called."""

    def examine(self, clip: Clip, path: bytes, progress: Progress | None = None) -> Evidence:
        """Measure the file at `path`, described by `clip`."""


# The thesis's F-SVM stands beside the default as the reference.
DETECTORS: dict[str, Callable[[], Detector]] = {
    "traces": lambda: fewshot.load("traces"),
    "footprint": lambda: fewshot.load("footprint"),
}


def detector(name: str) -> Detector:
    """A bundled or taught detector by name. Raises UsageError with the names there are."""
    return DETECTORS.get(name, lambda: fewshot.load(name))()
