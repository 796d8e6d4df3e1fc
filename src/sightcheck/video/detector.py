"""What is a detector? Anything that can be asked about a clip."""

from typing import Protocol

from sightcheck.media import Clip
from sightcheck.sandbox import Progress
from sightcheck.verdict import Evidence


class Detector(Protocol):
    """Anything that can be asked about a clip."""

    @property
    def name(self) -> str:
        """What its evidence is called."""

    def examine(self, clip: Clip, path: bytes, progress: Progress | None = None) -> Evidence:
        """Measure the file at `path`, described by `clip`."""
