"""Does each frame look synthetic? A network on frames, or on short runs of them; the clip's score is a soft vote."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.errors import BrokenInstallation
from sightcheck.media import Clip, Pictures, Sampling, pictures
from sightcheck.verdict import Evidence, Heat, Series, Still
from sightcheck.video import reference
from sightcheck.video.confined import Confined, confined
from sightcheck.video.person.faces import faces
from sightcheck.video.reference import Reference

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Values = NDArray[np.float64]
Batch = NDArray[np.float32]
Rgb = NDArray[np.uint8]
Indices = NDArray[np.intp]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SPREAD = Sampling(frames=1, fps=2.0, width=None, height=None, windows=24)
LEAST = 1e-4
"""A probability is held this far from 0 and 1 before its log odds are taken."""
BATCH = 8
SEQUENCES = 32
"""Most sequences that are looked at in one clip."""
CELLS = 5
"""Rows and columns of the occlusion map."""
FEATURES = 1280


@dataclass(frozen=True)
class Recipe:
    """How a network reads a clip: which frames, at which size, how many in a row, and what it puts out.

    `reads`: "pixels" (n, 3, H, W), with `sequence` over 1 (n, sequence, 3, H, W), scaled to [0, 1] and standardised by
    `mean` and `deviation`; or "features" (n, 1280) of the shared backbone. `puts_out`: (n, k) logits or probabilities
    of k classes, number `synthetic` being the synthetic one; with k = 1, those of class 1. `faces`: frames are cropped
    to the face where one is found (chapter 5).
    """

    name: str = "frames"
    sampling: Sampling = SPREAD
    height: int = 224
    width: int = 224
    sequence: int = 1
    mean: tuple[float, float, float] = IMAGENET[0]
    deviation: tuple[float, float, float] = IMAGENET[1]
    reads: Literal["pixels", "features"] = "pixels"
    puts_out: Literal["logits", "probabilities"] = "logits"
    synthetic: int = 1
    faces: bool = False


FACELESS = "no face was found in enough of its frames, or none was looked for: it looked at whole frames"
ADOPTED = "adopted"
"""The recipe of a network that was made elsewhere: it is asked in the child."""
RECIPES: dict[str, Recipe] = {
    "frames": Recipe(reads="features"),
    # 3.2.2: every frame of the 30, resized to 256 x 512
    "xception": Recipe("xception", Sampling(30, None, None, None, 1), 256, 512),
    # 4.3.2: 2 frames a second, 300 x 300; of more than ten minutes, as many spread over them
    "efficientnet-b3": Recipe("efficientnet-b3", Sampling(1, 2.0, None, None, 1200), 300, 300),
    # 5.3.2: the first N = 30 frames
    "xception-scratch": Recipe("xception-scratch", Sampling(30, None, None, None, 1), 299, 299, faces=True),
    "resnet-lstm": Recipe("resnet-lstm", Sampling(36, None, None, None, 1), 224, 224, sequence=7, faces=True),
    "defakehop": Recipe("defakehop", Sampling(30, None, None, None, 1), 128, 128, 6, (0, 0, 0), (1, 1, 1), faces=True),
}


@dataclass(frozen=True)
class Network:
    """A trained network and how it reads a clip: `examine` a clip with it, `save` it, `load` it by name.

    `sha256`: that of the network's file; `heat`: whether its evidence holds the occlusion map, which costs the reading
    of 26 more frames.
    """

    name: str
    recipe: Recipe
    reference: Reference
    session: "InferenceSession | Confined"
    limits: tuple[str, ...] = ()
    sha256: str | None = None
    heat: bool = False

    def examine(self, clip: Clip, path: bytes, progress: sandbox.Progress | None = None) -> Evidence:
        """Look at a clip's frames and weigh them. Raises InputError when the clip cannot be read."""
        seen = read(path, self.recipe, sandbox.part(progress, 0, 2))
        rows = runs(seen, self.recipe.sequence)
        if not len(rows):
            return Evidence(self.name, too_short(self.recipe), weights_sha256=self.sha256, limits=self.limits)
        fake = self.speak(seen.rgb, rows, sandbox.part(progress, 1, 2))
        score, middles = soft_vote(fake), rows[:, self.recipe.sequence // 2]
        ranked = np.argsort(fake, kind="stable")
        shown = sorted({int(middles[ranked[at]]) for at in (0, len(ranked) // 2, -1)})
        ratio = self.reference.log10_lr(clip, score)
        return Evidence(
            method=self.name,
            sentence=f"How synthetic {self._looked_at(seen, rows)} look to a network (P(synthetic) {_spread(fake)}). "
            f"{self.reference.place(score)}.",
            score=score,
            log10_lr=ratio,
            series=(Series("P(synthetic)", "share", tuple(seen.times_s[at] for at in middles), tuple(fake.tolist())),),
            stills=tuple(Still(seen.times_s[at], _encoded(seen, at, clip, 192, ".png")) for at in shown),
            heat=self._heat(seen, int(rows[ranked[-1], 0]), clip) if self.heat and self.recipe.sequence == 1 else None,
            weights_sha256=self.sha256,
            limits=(*self._faceless(seen), *self.reference.limits(clip, ratio), *self.limits),
        )

    def _faceless(self, seen: Pictures) -> tuple[str, ...]:
        return (FACELESS,) if self.recipe.faces and not seen.faces else ()

    def speak(self, rgb: Rgb, rows: Indices, progress: sandbox.Progress | None = None) -> Values:
        """Frames (T, H, W, 3), the numbers (n, sequence) of those in each run -> (n,) P(synthetic)."""
        outputs = []
        fixed = isinstance(self.session.get_inputs()[0].shape[0], int)
        for batch in np.array_split(rows, -(-len(rows) // (1 if fixed else BATCH))):
            given = network_input(rgb[batch[:, 0] if self.recipe.sequence == 1 else batch], self.recipe)
            outputs.append(run(self.session, features(given) if self.recipe.reads == "features" else given))
            if progress is not None:
                progress(sum(map(len, outputs)) / len(rows))
        fake = probabilities(np.concatenate(outputs), self.recipe)
        if not np.all(np.abs(fake - 0.5) < 0.501):  # also where it is not a number
            raise BrokenInstallation(f"the network of {self.name!r} puts out what is no probability; teach it again")
        return np.clip(fake, 0, 1)

    def _looked_at(self, seen: Pictures, rows: Indices) -> str:
        length, count = self.recipe.sequence, len(rows)
        one, many = ("crop of a face", "crops of a face") if seen.faces else ("frame", "frames")
        if length == 1:
            return f"{count} {many}" if count > 1 else f"one {one}"
        there = len(seen.sequences(length))
        told = f"{count} of {there}" if there > count else str(count)
        return f"{told} sequences of {length} {many}" if there > 1 else f"one sequence of {length} {many}"

    def _heat(self, seen: Pictures, at: int, clip: Clip) -> Heat:
        """What each part of a frame adds to its log odds: each in turn is greyed with the frame's mean colour."""
        frame = seen.rgb[at]
        hidden = np.repeat(frame[None], CELLS * CELLS + 1, axis=0)
        height, width = (np.linspace(0, side, CELLS + 1).round().astype(int) for side in frame.shape[:2])
        for cell in range(CELLS * CELLS):
            y, x = divmod(cell, CELLS)
            hidden[cell + 1, height[y] : height[y + 1], width[x] : width[x + 1]] = frame.mean((0, 1)).round()
        fake = np.clip(self.speak(hidden, np.arange(len(hidden))[:, None]), 1e-7, 1 - 1e-7)
        odds = np.log(fake / (1 - fake))
        meaning = (
            f"how far the log odds of “synthetic” fall when a part of the frame at {seen.times_s[at]:.3g} s, "
            "the most synthetic-looking one, is hidden"
        )
        picture = _encoded(seen, at, clip, 320, ".jpg")
        return Heat(meaning, CELLS, CELLS, tuple((odds[0] - odds[1:]).tolist()), picture)


def read(path: bytes, recipe: Recipe, progress: sandbox.Progress | None = None) -> Pictures:
    """A file -> the frames that the recipe asks for, read in the sandbox. Raises InputError."""
    look = faces if recipe.faces else pictures
    return sandbox.run(look, path, recipe.sampling, recipe.height, recipe.width, progress=progress)


def runs(seen: Pictures, length: int) -> Indices:
    """(n, length) numbers of the frames in each run: every frame, or at most SEQUENCES sequences spread evenly."""
    rows = seen.sequences(length)
    if length == 1 or len(rows) <= SEQUENCES:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, SEQUENCES).round().astype(np.intp)])


def network_input(rgb: Rgb, recipe: Recipe) -> Batch:
    """(..., H, W, 3) uint8 -> (..., 3, H, W) float32 as the recipe standardises it."""
    mean, deviation = (np.array(one, np.float32) for one in (recipe.mean, recipe.deviation))
    standard = np.asarray((rgb.astype(np.float32) / 255 - mean) / deviation, np.float32)
    return np.moveaxis(standard, -1, -3)


def features(given: Batch) -> Batch:
    """(n, 3, 224, 224) standardised frames -> (n, 1280) features of the shared backbone."""
    return run(_backbone(), given)


def run(session: "InferenceSession | Confined", given: Batch) -> Batch:
    """Batch (n, ...) -> the network's first output as (n, k). Raises BrokenInstallation where it does not take it."""
    try:
        found = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(given)})[0]
        return np.asarray(found, np.float32).reshape(len(given), -1)
    except BrokenInstallation:
        raise
    except Exception as error:  # ONNX Runtime raises errors of many kinds
        raise BrokenInstallation(f"a network does not take {given.shape}, as its recipe gives it: {error}") from None


def probabilities(outputs: Batch, recipe: Recipe) -> Values:
    """(n, k) outputs -> (n,) P(synthetic)."""
    values, at = outputs.astype(np.float64), recipe.synthetic
    if values.shape[1] == 1:
        fake = values[:, 0] if recipe.puts_out == "probabilities" else _sigmoid(values[:, 0])
        return np.asarray(fake if at else 1 - fake)
    if recipe.puts_out == "probabilities":
        return np.asarray(values[:, at])
    return _sigmoid(values[:, at] - np.logaddexp.reduce(np.delete(values, at, axis=1), axis=1))


def soft_vote(fake: Values) -> float:
    """(k,) P(synthetic) of frames -> log odds of their mean: the clip's score (3.2.2, 4.3.2, 5.3.2)."""
    mean = float(np.clip(fake.mean(), LEAST, 1 - LEAST))
    return float(np.log(mean / (1 - mean)))


def too_short(recipe: Recipe) -> str:
    """Why a clip could not be looked at."""
    if recipe.sequence == 1:
        return "Too short: no frame of it could be sampled."
    return f"Too short: {recipe.sequence} successive frames are needed."


def load(name: str) -> Network:
    """Name -> Network. Raises UsageError for an unknown name, BrokenInstallation for a broken model."""
    found, recipe, known = reference.load(name, Recipe)
    foreign = recipe.name == ADOPTED
    session = confined(weights.find(name) / "model.onnx") if foreign else weights.session(found.network)
    if not fits(session, recipe):
        taken = ", ".join(str(one.shape) for one in session.get_inputs())
        raise BrokenInstallation(
            f"the network of {name!r} takes {taken}, which is not what its recipe {recipe.name!r} reads; teach it again"
        )
    return Network(name, recipe, known, session, found.card.limits, found.card.network_sha256)


def fits(session: "InferenceSession | Confined", recipe: Recipe) -> bool:
    """Whether a network takes what the recipe reads: one float32 batch of any size, or of one."""
    only, *more = session.get_inputs()
    frame = (3, recipe.height, recipe.width)
    wanted = (FEATURES,) if recipe.reads == "features" else frame if recipe.sequence == 1 else (recipe.sequence, *frame)
    if more or only.type != "tensor(float)" or len(only.shape) != len(wanted) + 1:
        return False
    return all(not isinstance(have, int) or have == want for have, want in zip(only.shape, (1, *wanted), strict=True))


@lru_cache
def _backbone() -> "InferenceSession":
    return weights.session(weights.load("backbone").network)


def _sigmoid(logits: Values) -> Values:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -50, 50))))


def _spread(fake: Values) -> str:
    if len(fake) == 1:
        return f"{fake[0]:.2f}"
    return f"mean {fake.mean():.2f}, from {fake.min():.2f} to {fake.max():.2f}"


def _encoded(seen: Pictures, at: int, clip: Clip, width: int, kind: Literal[".png", ".jpg"]) -> bytes:
    """A frame squeezed to a network's size -> a small picture `width` wide in the clip's own shape, a face's square."""
    own = width if seen.faces else round(width * clip.height / clip.width)
    height = min(max(1, own), 4 * width)
    small = cv2.resize(seen.rgb[at], (width, height), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(kind, cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1])
