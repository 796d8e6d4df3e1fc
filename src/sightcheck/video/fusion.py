"""Do several detectors together find it synthetic? The mean of their probabilities (section 4.4.3)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sightcheck import sandbox, weights
from sightcheck.errors import BrokenInstallation, UsageError
from sightcheck.media import Clip
from sightcheck.verdict import Evidence
from sightcheck.video import frames, reference
from sightcheck.video.detector import Detector
from sightcheck.video.reference import Reference, to_arrays


def _texture(name: str) -> Detector:
    from sightcheck.video.person import texture

    return texture.load(name)


PARTS: dict[str, Callable[[str], Detector]] = {"frames": frames.load, "texture": _texture}
"""Method on the card -> what loads a part: the detectors whose score is the log odds of a soft vote."""


@dataclass(frozen=True)
class Fusion:
    """Detectors and what the mean of their probabilities means: `examine` a clip with it, `save` it, `load` it."""

    name: str
    parts: tuple[Detector, ...]
    reference: Reference
    limits: tuple[str, ...] = ()
    sha256: str | None = None

    def examine(self, clip: Clip, path: bytes, progress: sandbox.Progress | None = None) -> Evidence:
        """Ask each part, then fuse what they say. Raises InputError when the clip cannot be read."""
        return self.fuse(clip, examined(self.parts, clip, path, progress))

    def fuse(self, clip: Clip, said: Sequence[Evidence]) -> Evidence:
        """The evidence of each part on one clip -> that of the fusion, without a score where a part has none."""
        scores = {one.method: one.score for one in said if one.score is not None}
        if len(scores) < len(said):
            silent = " and ".join(one.method for one in said if one.score is None)
            sentence = f"Not fused: {silent} could not be measured on this clip."
            return Evidence(self.name, sentence, weights_sha256=self.sha256, limits=self.limits)
        fake = fused(list(scores.values()))
        each = ", ".join(f"{name} {probability(score):.2f}" for name, score in scores.items())
        score = frames.soft_vote(np.array([fake]))
        ratio = self.reference.log10_lr(clip, score)
        return Evidence(
            method=self.name,
            sentence=f"What several of these say together (mean P(synthetic) {fake:.2f}: {each}). "
            f"{self.reference.place(score)}.",
            score=score,
            log10_lr=ratio,
            weights_sha256=self.sha256,
            limits=(*self.reference.limits(clip, ratio), *self.limits),
        )


def examined(
    parts: Sequence[Detector], clip: Clip, path: bytes, progress: sandbox.Progress | None = None
) -> list[Evidence]:
    """What each part says of a clip. Raises InputError when it cannot be read."""
    of = len(parts)
    return [one.examine(clip, path, sandbox.part(progress, at, of)) for at, one in enumerate(parts)]


def probability(score: float) -> float:
    """Log odds of a soft vote -> P(synthetic)."""
    return float(1 / (1 + np.exp(-score)))


def fused(scores: Sequence[float]) -> float:
    """Log odds of each part -> the mean of their probabilities (section 4.4.3)."""
    return float(np.mean([probability(score) for score in scores]))


def save(card: weights.Card, parts: tuple[str, ...], reference: Reference, root: Path | None = None) -> Path:
    """Write a fusion of the models of these names with its card; returns its folder."""
    return weights.save(card, to_arrays(reference, parts), root)


def load(name: str) -> Fusion:
    """Name -> Fusion. Raises UsageError for an unknown name, BrokenInstallation where it or a part is broken."""
    found, names, known = reference.load(name, tuple[str, ...])
    parts = loaded(name, names, PARTS)
    return Fusion(found.card.name, parts, known, found.card.limits, found.card.sha256)


def loaded(name: str, parts: Sequence[str], loaders: Mapping[str, Callable[[str], Detector]]) -> tuple[Detector, ...]:
    """The parts of the fusion `name`, each by its method's loader. Raises BrokenInstallation where one is not here."""
    try:
        return tuple(loaders[weights.card(weights.find(part)).method](part) for part in parts)
    except KeyError as error:
        raise BrokenInstallation(f"the model {name!r} was made by another version ({error}); train it again") from None
    except UsageError as error:
        raise BrokenInstallation(f"the model {name!r} lacks a part: {error}; teach that part again") from None
