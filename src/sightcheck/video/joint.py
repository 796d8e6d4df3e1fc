"""What do the detectors say together? Logistic fusion of their scores, weighed by how they did on sources held out.

log10 LR = offset + sum of coefficient * score (Brümmer and du Preez 2006), each side shrunk towards saying nothing and
held within a bound of its own: neither speaks louder than sources and generators that taught nothing bear it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sightcheck import sandbox, weights
from sightcheck.errors import BrokenInstallation
from sightcheck.media import Clip
from sightcheck.verdict import Evidence
from sightcheck.video import fewshot, frames, reference, residual
from sightcheck.video.detector import Detector
from sightcheck.video.fusion import examined, loaded
from sightcheck.video.reference import Reference, to_arrays

PARTS: dict[str, Callable[[str], Detector]] = {
    "traces": fewshot.load,
    "appearance": fewshot.load,
    "footprint": fewshot.load,
    "residual": residual.load,
    "frames": frames.load,
}
"""Method on the card -> what loads a part."""


@dataclass(frozen=True)
class Part:
    """A detector by name, the sha256 of its model, what a unit of its score adds to log10 LR; 0: it has no voice."""

    name: str
    sha256: str
    coefficient: float


@dataclass(frozen=True)
class Recipe:
    """How scores become log10 LR: `offset`, the parts' coefficients, and what then multiplies each side."""

    parts: tuple[Part, ...]
    offset: float
    synthetic: float = 1.0
    real: float = 1.0

    def ratio(self, scores: Sequence[float]) -> float:
        """Scores of the parts, in order -> log10 LR before its bounds."""
        whole = self.offset + float(np.dot([one.coefficient for one in self.parts], scores))
        return whole * (self.synthetic if whole > 0 else self.real)


@dataclass(frozen=True)
class Joint:
    """Detectors and what their scores mean together: `examine` a clip with it, `save` it, `load` it."""

    name: str
    recipe: Recipe
    parts: tuple[Detector, ...]
    reference: Reference
    limits: tuple[str, ...] = ()
    sha256: str | None = None

    def examine(self, clip: Clip, path: bytes, progress: sandbox.Progress | None = None) -> Evidence:
        """Ask each part, then weigh what they say. Raises InputError when the clip cannot be read."""
        return self.fuse(clip, examined(self.parts, clip, path, progress))

    def fuse(self, clip: Clip, said: Sequence[Evidence]) -> Evidence:
        """The evidence of each part on one clip -> that of all together, without a ratio where a part has no score."""
        names = tuple(one.method for one in said)
        scores = [one.score for one in said if one.score is not None]
        if len(scores) < len(said):
            silent = " and ".join(one.method for one in said if one.score is None)
            sentence = f"Not weighed together: {silent} could not be measured on this clip."
            return Evidence(self.name, sentence, weights_sha256=self.sha256, limits=self.limits, weighs=names)
        score = self.recipe.ratio(scores)
        ratio = self.reference.log10_lr(clip, score)
        return Evidence(
            method=self.name,
            sentence=f"What {listed(names)} say together, weighed by how they did on sources that none of them had "
            f"seen. {self.reference.place(score)}.",
            score=score,
            log10_lr=ratio,
            weights_sha256=self.sha256,
            limits=(*self.reference.limits(clip, ratio), *self.limits),
            weighs=names,
            reliability=self.reference.reliability,
        )


def save(card: weights.Card, recipe: Recipe, known: Reference, root: Path | None = None) -> Path:
    """Write a fusion with its card; returns its folder."""
    return weights.save(card, to_arrays(known, recipe), root)


def load(name: str) -> Joint:
    """Name -> Joint. Raises UsageError for an unknown name, BrokenInstallation where it or a part is not as it was."""
    found, recipe, known = reference.load(name, Recipe)
    parts = loaded(name, [part.name for part in recipe.parts], PARTS)
    changed = [part.name for part in recipe.parts if weights.card(weights.find(part.name)).sha256 != part.sha256]
    if changed:
        raise BrokenInstallation(
            f"the model {name!r} was made of another {listed(changed)}: run `sightcheck train joint` again"
        )
    return Joint(found.card.name, recipe, parts, known, found.card.limits, found.card.sha256)


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
