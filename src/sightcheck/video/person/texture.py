"""Is the texture of face, hands and feet synthetic? LDP-TOP and ten classifiers, fused and voted (section 4.3.1)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.errors import BrokenInstallation, OverLimit
from sightcheck.media import Clip
from sightcheck.media.frames import display_times, sampled
from sightcheck.verdict import Evidence, Series
from sightcheck.video import frames, reference
from sightcheck.video.person import body, ldp, pose
from sightcheck.video.person.body import PARTS, Body, Seen
from sightcheck.video.reference import Reference

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Values = NDArray[np.float64]
Labels = NDArray[np.bool_]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Recipe:
    """How a body is read: sequences of T = `frames` frames, `overlap` of them shared with the next (4.4.1).

    All sequences of a clip, or at most `sequences` of them, spread over it. `form`: see ldp.
    """

    name: str = "ldp-top"
    frames: int = 50
    overlap: int = 25
    form: ldp.Form = "sign"
    sequences: int = 0


RECIPES: dict[str, Recipe] = {
    "ldp-top": Recipe(),
    # For clips of less than 2 s, which have no sequence of 50.
    "texture": Recipe("texture", frames=32, overlap=16),
}


@dataclass(frozen=True)
class Textures:
    """The n sequences of a clip: `vectors` (n, 10, 3072), the five parts in grey and then in flow; `present` (n, 5).

    `spans_s` (n, 2): the times of their first and last frames. A part that is absent in any frame of a sequence is
    absent from it.
    """

    vectors: Vectors
    present: Labels
    spans_s: Values


NOTHING = Textures(np.zeros((0, 2 * len(PARTS), ldp.LENGTH), np.float32), np.zeros((0, len(PARTS)), bool),
                   np.zeros((0, 2)))  # fmt: skip
Heard = tuple[float, Labels, Values]
"""Of one sequence: the time of its middle, which parts it shows (5,), and P(synthetic) of each (5,)."""


@dataclass(frozen=True)
class Texture:
    """A trained detector of section 4.3.1: `examine` a clip with it, `save` it, `load` it by name.

    `keypoints`: a folder with OpenPose's JSON files of the clip; without one mediapipe is asked.
    """

    name: str
    recipe: Recipe
    reference: Reference
    session: "InferenceSession"
    limits: tuple[str, ...] = ()
    sha256: str | None = None
    keypoints: Path | None = None

    def examine(self, clip: Clip, path: bytes, progress: sandbox.Progress | None = None) -> Evidence:
        """Find the body, measure its parts and weigh them; without a body the evidence says so and has no score."""
        heard: list[Heard] = []
        try:
            seen = read(path, self.recipe, lambda one: heard.extend(self._heard(one)), self.keypoints, progress)
        except pose.Unavailable as error:
            return self._silent(f"LDP-TOP was not asked: {error}.")
        except OverLimit as error:
            return self._silent(f"LDP-TOP has no answer: {error}.")
        except body.NoBody as error:
            return self._silent(f"No body, no LDP-TOP: the clip {error}.")
        if not heard:
            return self._silent(too_little(self.recipe))
        times, present, fake = (np.array(values) for values in zip(*heard, strict=True))
        if np.all(fake == 0.5):
            return self._silent(f"No LDP-TOP: of the body only {_parts(present)} is seen, never taught.")
        score = frames.soft_vote(soft(fake))
        ratio = self.reference.log10_lr(clip, score)
        return Evidence(
            method=self.name,
            sentence=f"{_told(times, present, fake, seen)}. {self.reference.place(score)}.",
            score=score,
            log10_lr=ratio,
            series=tuple(_series(times, fake)),
            stills=seen.stills,
            weights_sha256=self.sha256,
            limits=(*self.reference.limits(clip, ratio), *seen.limits, *self.limits),
        )

    def _heard(self, one: Body) -> Iterator[Heard]:
        """What is said of one sequence, where it shows a part."""
        found = textures([one], self.recipe.form)
        if len(found.vectors):
            yield from zip(found.spans_s.mean(1), found.present, speak(self.session, found), strict=True)

    def _silent(self, sentence: str) -> Evidence:
        return Evidence(self.name, sentence, weights_sha256=self.sha256, limits=self.limits)


def read(
    path: bytes,
    recipe: Recipe,
    told: Callable[[Body], None],
    keypoints: Path | None = None,
    progress: sandbox.Progress | None = None,
) -> Seen:
    """Tell the body in each sequence of a file as it is read. Raises InputError, body.NoBody, pose.Unavailable."""
    return body.read(path, recipe.frames, recipe.overlap, recipe.sequences, told, keypoints, progress)


def textures(seen: Sequence[Body], form: ldp.Form = "sign") -> Textures:
    """Sequences -> the LDP-TOP of those that show a part in all their frames."""
    present = np.array([one.present.all(0) for one in seen], bool).reshape(-1, len(PARTS))
    kept = np.flatnonzero(present.any(1)).tolist()
    vectors = np.zeros((len(kept), 2 * len(PARTS), ldp.LENGTH), np.float32)
    for row, at in enumerate(kept):
        for part in np.flatnonzero(present[at]):
            for plane, video in enumerate((seen[at].grey[part], seen[at].flow[part])):
                vectors[row, part + plane * len(PARTS)] = ldp.ldp_top(video, form)
    ends = [(seen[at].times_s[0], seen[at].times_s[-1]) for at in kept]
    return Textures(vectors, present[kept], np.array(ends, np.float64).reshape(-1, 2))


def spans(path: bytes, recipe: Recipe) -> Values:
    """A file -> (n, 2) the times of the first and the last frame of each of its sequences. Raises InputError."""
    times = sampled(sandbox.run(display_times, path), body.FPS)
    return body.spans(times, recipe.frames, recipe.frames - recipe.overlap)


def joined(some: Sequence[Textures]) -> Textures:
    """Textures of parts of a clip, in order -> those of all of it."""
    each = [(one.vectors, one.present, one.spans_s) for one in (NOTHING, *some)]
    return Textures(*(np.concatenate(values) for values in zip(*each, strict=True)))


def speak(session: "InferenceSession", found: Textures) -> Values:
    """Sequences (n) -> (n, 5) P(synthetic) of each part, the mean of grey and flow (4.1).

    0.5 where the part is absent or its classifiers were never taught; such a part has no vote.
    """
    each = frames.run(session, found.vectors).astype(np.float64)  # (n, 10)
    if not np.all(np.abs(each - 0.5) < 0.501):  # also where it is not a number
        raise BrokenInstallation("the network of LDP-TOP puts out what is no probability; train it again")
    fake = np.clip(each, 0, 1).reshape(len(each), 2, len(PARTS)).mean(1)  # (n, 5)
    return np.where(found.present, fake, 0.5)


def soft(fake: Values) -> Values:
    """(n, 5) probabilities -> (n,) the mean over the parts that vote: the score of a sequence; 0.5 where none does."""
    voting = fake != 0.5
    return np.where(voting.any(1), np.where(voting, fake, 0).sum(1) / np.maximum(voting.sum(1), 1), 0.5)


def majority(fake: Values) -> Labels:
    """(n, 5) -> (n,) whether most of the parts that vote say synthetic (4.2, 4.3); the mean settles a tie."""
    lead = (fake > 0.5).sum(1) - (fake < 0.5).sum(1)
    return np.where(lead == 0, soft(fake) > 0.5, lead > 0)


def _told(times: Values, present: Labels, fake: Values, seen: Seen) -> str:
    """What was measured, how the parts voted, and which of them spoke most for what they say together, and when."""
    voting = fake != 0.5
    shown, voters = np.asarray(present.any(0)), np.asarray(voting.any(0))
    reasons = ((~shown, "not seen"), (shown & ~voters, "never taught"))
    silent = [f"{_parts(some)} {why}" for some, why in reasons if some.any()]
    aside = f" ({'; '.join(silent)})" if silent else ""
    called, count, mean = int(majority(fake).sum()), len(fake), float(soft(fake).mean())
    left_out = f", {seen.left_out} more left out as was asked" if seen.left_out else ""
    at, part = np.unravel_index(int(np.argmax(fake if mean > 0.5 else -fake)), fake.shape)
    return (
        f"LDP-TOP of {_parts(voting)}{aside} in "
        f"{'one sequence' if count == 1 else f'{count} sequences'}{left_out}, joints by {seen.source}: "
        f"P(synthetic) {mean:.2f}, "
        f"the parts call {called} of {count} synthetic; the {PARTS[part]} at {times[at]:.1f} s says most, "
        f"{fake[at, part]:.2f}"
    )


def _parts(some: Labels) -> str:
    """(..., 5) -> the parts that are in any row, in words."""
    names = [PARTS[at] for at in np.unique(np.nonzero(some)[-1])]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _series(times: Values, fake: Values) -> list[Series]:
    """P(synthetic) of each part that votes, over the sequences."""
    voting = fake != 0.5
    return [
        Series(
            f"P(synthetic), {part}",
            "share",
            tuple(times[voting[:, at]].tolist()),
            tuple(fake[voting[:, at], at].tolist()),
        )
        for at, part in enumerate(PARTS)
        if voting[:, at].any()
    ]


def too_little(recipe: Recipe) -> str:
    """Why nothing could be measured although there is a body."""
    return f"No LDP-TOP: no part of the body is seen in {recipe.frames} successive frames."


def load(name: str) -> Texture:
    """Name -> Texture. Raises UsageError for an unknown name, BrokenInstallation for a broken model."""
    found, recipe, known = reference.load(name, Recipe)
    session = weights.session(found.network)
    if session.get_inputs()[0].shape[1:] != [2 * len(PARTS), ldp.LENGTH]:
        raise BrokenInstallation(f"the network of {name!r} does not read ten vectors of LDP-TOP; train it again")
    return Texture(found.card.name, recipe, known, session, found.card.limits, found.card.network_sha256)
