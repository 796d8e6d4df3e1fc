"""Which detectors answer "Is this video synthetic?"? The deciding one first."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sightcheck import sandbox, weights
from sightcheck.errors import InputError, UsageError
from sightcheck.media import Clip
from sightcheck.sandbox import Progress
from sightcheck.verdict import Evidence
from sightcheck.video import appearance, fewshot, fusion, joint
from sightcheck.video.detector import Detector
from sightcheck.video.footprint import as_it_is
from sightcheck.video.stated.file import File


@dataclass(frozen=True)
class Stream:
    """The footprint of an H.264 stream as it is: what its last encoder did, shown and never weighed."""

    name: str = "stream"
    frames: int = 120

    def examine(self, clip: Clip, path: bytes, progress: Progress | None = None) -> Evidence:
        """Count the first frames' macroblocks without re-encoding; says so when none can be counted."""
        if clip.codec != "h264":
            return Evidence(self.name, f"The stream is {clip.codec}: only H.264 states its macroblock types.")
        try:
            shown = sandbox.run(as_it_is, path, self.frames, progress=progress)
        except InputError as error:
            return Evidence(self.name, f"The macroblocks of the stream could not be counted: it {error}.")
        intra, inter, skip = shown.fractions.mean(axis=0)
        kinds = ", ".join(f"{shown.frame_types.count(kind)} {kind}" for kind in sorted(set(shown.frame_types)))
        sentence = (
            f"The stream as its last encoder left it: {intra:.0%} intra, {inter:.0%} inter and {skip:.0%} skipped "
            f"macroblocks in its first {len(shown.counts)} frames ({kinds}). Shown for comparison; it is not weighed."
        )
        return Evidence(self.name, sentence, series=fewshot.shares((shown,)))


TAUGHT: dict[str, Callable[[str], Detector]] = {
    **joint.PARTS,
    **fusion.PARTS,
    "fusion": fusion.load,
    "joint": joint.load,
}
"""Method on a model's card -> what loads it by name."""

SHOWN: dict[str, Callable[[], Detector]] = {"stream": Stream, "file": File}
"""What is shown and never weighed."""


def default() -> tuple[str, ...]:
    """The names of those that answer where nobody says: a fusion, which decides, its parts, and what stands beside.

    With the backbone CLIP the fusion has `appearance` among its parts. The thesis's F-SVM is the reference.
    """
    deciding = ("joint-appearance", "appearance") if appearance.ready() else ("joint",)
    wanted = (*deciding, "traces", "frames", "footprint", "texture", "fusion")
    return (*(name for name in wanted if (weights.BUNDLED / name).is_dir()), *SHOWN)


def detector(name: str, keypoints: Path | None = None, sequences: int = 0) -> Detector:
    """A bundled or taught detector by name; `keypoints` is OpenPose's folder, for those that look for a body.

    `sequences`: at most so many of a clip are looked at by these; 0: as their recipe says, which is all of them.
    Raises UsageError with the names there are.
    """
    if name in SHOWN:
        return SHOWN[name]()
    method = weights.card(weights.find(name)).method
    if method not in TAUGHT:
        cards = [weights.card(folder) for folder in weights.folders()]
        those = ", ".join([*(card.name for card in cards if card.method in TAUGHT), *SHOWN])
        raise UsageError(f"{name!r} ({method}) cannot be asked about a video; these can: {those}")
    return _given(TAUGHT[method](name), keypoints, sequences)


def _given(one: Detector, keypoints: Path | None, sequences: int) -> Detector:
    """The detector with these settings, where it or a part of it looks for a body."""
    from sightcheck.video.person.texture import Texture

    if isinstance(one, fusion.Fusion):
        return replace(one, parts=tuple(_given(part, keypoints, sequences) for part in one.parts))
    if not isinstance(one, Texture):
        return one
    return replace(one, keypoints=keypoints, recipe=replace(one.recipe, sequences=sequences or one.recipe.sequences))
