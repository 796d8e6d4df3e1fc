"""How are networks on frames compared with the others? A head on the shared backbone, and the thesis's own networks."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sightcheck import media, sandbox, weights
from sightcheck.data import cache
from sightcheck.data.manifest import Item
from sightcheck.errors import Damaged
from sightcheck.media import Pictures
from sightcheck.protocol import readings
from sightcheck.protocol.contender import Network, Spoken, Told, Units
from sightcheck.protocol.metrics import Labels, Values
from sightcheck.verdict import group_weights
from sightcheck.video import frames
from sightcheck.video.frames import RECIPES, Recipe

if TYPE_CHECKING:
    from sightcheck.nets.video.frames import Training

STRENGTH, STEPS = 0.03, 300
"""Inverse regularisation and most iterations of the head `frames`."""
SEEING = (*readings.READING, "media/pictures.py", "video/frames.py", "video/person/faces.py")


@dataclass(frozen=True)
class Look:
    """A clip's pictures, or (T, 1280) features of them, and whose they are."""

    sha256: str
    pictures: Pictures
    features: NDArray[np.float32] | None = None


def seen(item: Item, recipe: Recipe) -> Look:
    """A clip's pictures by a recipe, from the cache where they are there. Raises InputError, OutputError."""
    name = os.fsencode(item.path)
    sha256 = sandbox.run(media.look, name).sha256

    def measure() -> cache.Arrays:
        found = frames.read(name, recipe)
        return {
            "rgb": found.rgb,
            "times": np.array(found.times_s),
            "starts": np.array(found.starts, np.int64),
            "faces": np.array(found.faces),
        }

    arrays = cache.arrays(
        cache.key(sha256, recipe.sampling, recipe.height, recipe.width, recipe.faces, code=SEEING), measure
    )
    pictures = Pictures(
        tuple(arrays["times"].tolist()), arrays["rgb"], tuple(arrays["starts"].tolist()), bool(arrays["faces"])
    )
    if not len(pictures.sequences(recipe.sequence)):
        raise Damaged(frames.too_short(recipe))
    return Look(sha256, pictures)


@dataclass(frozen=True)
class FittedHead:
    """A logistic head on standardised features: `coef` (d,), `intercept`, `mean` and `scale` (d,)."""

    coef: Values
    intercept: float
    mean: Values
    scale: Values

    @property
    def parameters(self) -> int:
        """Those that are learnt; the backbone's are not."""
        return len(self.coef) + 1

    def speak(self, clip: Look) -> Spoken:
        """P(synthetic) of every frame."""
        assert clip.features is not None
        fake = 1 / (1 + np.exp(-((clip.features - self.mean) / self.scale @ self.coef + self.intercept)))
        times = np.array(clip.pictures.times_s)
        return Spoken(np.asarray(fake, np.float64), np.asarray(fake > 0.5), np.stack([times, times], axis=1))

    def export(self) -> Network:
        """Features (n, 1280) -> (n, 1) logits in ONNX."""
        from sightcheck.nets.heads import linear

        return linear(self.coef / self.scale, self.intercept - float(self.mean / self.scale @ self.coef))

    def size_bytes(self) -> int:
        """Bytes of its network."""
        return len(self.export()[0])


@dataclass(frozen=True)
class Head:
    """`frames`: what the bundled detector is made of. `frames`: how many of a clip's are looked at; 0: every one."""

    recipe: Recipe = RECIPES["frames"]
    name: str = "frames"
    frames: int = 0

    def read(self, item: Item) -> Look:
        """The shared backbone's features of a clip's frames."""
        found = seen(item, self.recipe)
        backbone = weights.card(weights.find("backbone")).network_sha256
        key = cache.key(found.sha256, self.recipe, backbone, code=SEEING)

        def measure() -> cache.Arrays:
            given = frames.network_input(found.pictures.rgb, self.recipe)
            return {"features": np.concatenate([frames.features(given[at : at + 8]) for at in range(0, len(given), 8)])}

        features, times = cache.arrays(key, measure)["features"], np.array(found.pictures.times_s)
        if 0 < self.frames < len(features):
            some = np.linspace(0, len(features) - 1, self.frames).round().astype(np.intp)
            features, times = features[some], times[some]
        return Look(found.sha256, Pictures(tuple(times.tolist()), found.pictures.rgb[:0].copy(), ()), features)

    def fit(
        self, clips: Sequence[Look], synthetic: Labels, units: Units,
        validation: tuple[Sequence[Look], Labels] | None = None, told: Told | None = None,
    ) -> FittedHead:  # fmt: skip
        """A logistic regression on all frames; clips weigh alike whatever their length, both classes weigh alike."""
        from sklearn.linear_model import LogisticRegression

        rows = [clip.features for clip in clips if clip.features is not None]
        x = np.concatenate(rows).astype(np.float64)
        share = np.concatenate([np.full(len(one), 1 / len(one)) for one in rows])
        counts = [len(one) for one in rows]
        weight = np.repeat(group_weights(synthetic, units, softness=0.5), counts) * share
        mean, scale = x.mean(0), np.maximum(x.std(0), 1e-3)
        model = LogisticRegression(C=STRENGTH, max_iter=STEPS)
        model.fit((x - mean) / scale, np.repeat(synthetic, counts), sample_weight=weight)
        return FittedHead(model.coef_[0], float(model.intercept_[0]), mean, scale)


class FittedNet:
    """A trained network, asked in PyTorch: `rows` are the numbers (k, sequence) of the frames that `speak` hears."""

    def __init__(
        self, net: Any, rows: Callable[[Pictures], frames.Indices],
        speak: Callable[[Any, Pictures, frames.Indices], Values], shape: tuple[int, ...], count: int,
    ) -> None:  # fmt: skip
        self.net, self._rows, self._speak, self.shape, self.parameters = net, rows, speak, shape, count

    def speak(self, clip: Look) -> Spoken:
        """P(synthetic) of every frame or sequence."""
        rows = self._rows(clip.pictures)
        with every_core():
            fake = self._speak(self.net, clip.pictures, rows)
        return Spoken(fake, fake > 0.5, np.array(clip.pictures.times_s)[rows[:, [0, -1]]])

    @cached_property
    def exported(self) -> Network:
        """Its network in ONNX."""
        from sightcheck.nets.export import to_onnx

        return to_onnx(self.net, self.shape)

    def export(self) -> Network:
        """Its network in ONNX."""
        return self.exported

    def size_bytes(self) -> int:
        """Bytes of its network."""
        return len(self.exported[0])


@dataclass(frozen=True)
class Net:
    """A network of the thesis: `recipe` names it in train.frames.TRAININGS."""

    name: str
    recipe: str
    epochs: int = 0
    frames: int = 0
    precision: str = "32-true"
    backbone: str = ""
    scratch: bool = False

    @property
    def training(self) -> "Training":
        """The thesis's training, shortened as was asked."""
        from sightcheck.nets.video.frames import TRAININGS

        own = TRAININGS[self.recipe]
        schedule = replace(own.schedule, epochs=self.epochs or own.schedule.epochs, precision=self.precision)
        pretrained = own.pretrained and not (self.backbone or self.scratch)
        return replace(
            own, schedule=schedule, frames=self.frames, backbone=self.backbone or own.backbone, pretrained=pretrained
        )

    def read(self, item: Item) -> Look:
        """A clip's pictures: of single frames those that are looked at."""
        found = seen(item, RECIPES[self.recipe])
        if not self.frames or RECIPES[self.recipe].sequence > 1:
            return found
        from sightcheck.nets.video.frames import taught

        rows = taught(self.training, found.pictures)[:, 0]
        times = tuple(found.pictures.times_s[at] for at in rows)
        return replace(found, pictures=Pictures(times, found.pictures.rgb[rows], (0,)))

    def fit(
        self, clips: Sequence[Look], synthetic: Labels, units: Units,
        validation: tuple[Sequence[Look], Labels] | None = None, told: Told | None = None,
    ) -> FittedNet:  # fmt: skip
        """Train it; stopped, it goes on from its last epoch."""
        from sightcheck.nets.video import frames as training

        how = self.training
        checked, labels = validation or ((), np.zeros(0, bool))
        named = [[one.sha256 for one in some] for some in (clips, checked)]
        about = (self.name, how, named, synthetic, units, labels)
        folder = cache.run(cache.key(*about, code=("media", "video", "nets", "learn/video")))
        chosen = ([clip.pictures for clip in checked], labels) if validation else None
        with every_core():
            net = training.train(how, [clip.pictures for clip in clips], synthetic, chosen, folder, told)
        shutil.rmtree(folder, ignore_errors=True)
        count = sum(one.numel() for one in net.parameters())
        return FittedNet(
            net,
            lambda clip: training.heard(how, clip),
            lambda net, clip, rows: training.speak(net, how, clip, rows),
            training.shape(how),
            count,
        )


def every_core() -> threadpool_limits:
    """While it lasts PyTorch uses all cores, though the protocols hold their many small fits to one."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return threadpool_limits(int(asked) if asked.isdecimal() else os.cpu_count() or 1, "openmp")
