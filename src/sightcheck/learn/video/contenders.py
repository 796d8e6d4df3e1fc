"""Which detectors are compared in the tables? Each as a Method: F-SVM, traces, networks on frames, LDP-TOP."""

import contextlib
import hashlib
import io
import os
import shutil
import threading
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sightcheck import media, sandbox, weights
from sightcheck.ask import versions
from sightcheck.data.manifest import Item
from sightcheck.errors import Damaged, OutputError, UsageError
from sightcheck.media import Pictures, Sampling
from sightcheck.protocol import readings
from sightcheck.protocol.contender import Method, Spoken, Told
from sightcheck.protocol.evaluate import exam, teacher
from sightcheck.protocol.metrics import Labels, Values
from sightcheck.verdict import group_weights
from sightcheck.video import fewshot, frames
from sightcheck.video.frames import RECIPES, Recipe

if TYPE_CHECKING:
    from sightcheck.nets.video.frames import Training

Units = NDArray[np.str_]
Network = tuple[bytes, NDArray[np.float32]]

N, SHORT = 29, 14
"""Frames of F-SVM after the first: 5.3.2 has 30, but a clip of DeepStreets has 29; and for clips of two seconds."""
STRENGTH, STEPS = 0.03, 300
"""Inverse regularisation and most iterations of the head `frames`."""
SEEING = (*readings.READING, "media/pictures.py")


@dataclass(frozen=True)
class Linear:
    """A fitted F-SVM or traces."""

    score: Callable[[Values], Values]
    parameters: int

    def speak(self, clip: Values) -> Spoken:
        """One probability: the logistic of the score."""
        score = self.score(exam(clip[None], [_REAL]))
        return Spoken(1 / (1 + np.exp(-np.clip(score, -30, 30))), score > 0)

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
    about = (sha256, recipe.sampling, recipe.height, recipe.width, versions(), readings.code(SEEING))
    key = f"{hashlib.sha256(msgspec.json.encode(about)).hexdigest()}"

    def measure() -> dict[str, NDArray[Any]]:
        found = frames.read(name, recipe)
        return {"rgb": found.rgb, "times": np.array(found.times_s), "starts": np.array(found.starts, np.int64)}

    arrays = _kept(key, measure)
    pictures = Pictures(tuple(arrays["times"].tolist()), arrays["rgb"], tuple(arrays["starts"].tolist()))
    if not len(pictures.sequences(recipe.sequence)):
        raise Damaged(frames.too_short(recipe))
    return Look(sha256, pictures)


def _kept(key: str, measure: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Arrays from the cache, or measured and put there."""
    path = readings.cache() / f"{key}.npz"
    with (
        readings.LOADING,
        contextlib.suppress(OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile),  # cut short: measured again
        np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays,
    ):
        return {name: arrays[name] for name in arrays.files}
    return _keep(path, measure())


def _keep(path: Path, found: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Put arrays into the cache, whole or not at all. Raises OutputError."""
    partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez(file, **found)  # type: ignore[arg-type]
        partial.replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot keep frames in {path.parent}: {error.strerror}; free space or choose $SIGHTCHECK_CACHE"
        ) from None
    return found


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
        return Spoken(np.asarray(fake, np.float64), np.asarray(fake > 0.5))

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
        about = (found.sha256, self.recipe.sampling, weights.card(weights.find("backbone")).network_sha256, "features")
        key = hashlib.sha256(msgspec.json.encode((about, readings.code(SEEING)))).hexdigest()

        def measure() -> dict[str, NDArray[Any]]:
            given = frames.network_input(found.pictures.rgb, self.recipe)
            return {"features": np.concatenate([frames.features(given[at : at + 8]) for at in range(0, len(given), 8)])}

        features = _kept(key, measure)["features"]
        if 0 < self.frames < len(features):
            features = features[np.linspace(0, len(features) - 1, self.frames).round().astype(np.intp)]
        return Look(found.sha256, Pictures((), found.pictures.rgb[:0].copy(), ()), features)

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
    """A trained network, asked in PyTorch."""

    def __init__(self, net: Any, speak: Callable[[Any, Pictures], Values], shape: tuple[int, ...], count: int) -> None:
        self.net, self._speak, self.shape, self.parameters = net, speak, shape, count

    def speak(self, clip: Look) -> Spoken:
        """P(synthetic) of every frame or sequence."""
        with every_core():
            fake = self._speak(self.net, clip.pictures)
        return Spoken(fake, fake > 0.5)

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
        """A clip's pictures."""
        return seen(item, RECIPES[self.recipe])

    def fit(
        self, clips: Sequence[Look], synthetic: Labels, units: Units,
        validation: tuple[Sequence[Look], Labels] | None = None, told: Told | None = None,
    ) -> FittedNet:  # fmt: skip
        """Train it; stopped, it goes on from its last epoch."""
        from sightcheck.nets.video import frames as training

        how = self.training
        checked, labels = validation or ((), np.zeros(0, bool))
        named = [[one.sha256 for one in some] for some in (clips, checked)]
        folder = _runs((self.name, how, named, synthetic.tolist(), labels.tolist()))
        chosen = ([clip.pictures for clip in checked], labels) if validation else None
        with every_core():
            net = training.train(how, [clip.pictures for clip in clips], synthetic, chosen, folder, told)
        shutil.rmtree(folder, ignore_errors=True)
        count = sum(one.numel() for one in net.parameters())
        return FittedNet(net, lambda net, clip: training.speak(net, how, clip), training.shape(how), count)


@dataclass(frozen=True)
class Hops:
    """DeFakeHop. `frames`: how many runs of frames of a clip are looked at, from its first; 0: every one."""

    name: str = "DeFakeHop"
    frames: int = 0

    def read(self, item: Item) -> Look:
        """A clip's pictures."""
        found = seen(item, RECIPES["defakehop"])
        kept = self.frames + RECIPES["defakehop"].sequence - 1 if self.frames else len(found.pictures.rgb)
        return replace(found, pictures=Pictures(found.pictures.times_s[:kept], found.pictures.rgb[:kept], (0,)))

    def fit(
        self, clips: Sequence[Look], synthetic: Labels, units: Units,
        validation: tuple[Sequence[Look], Labels] | None = None, told: Told | None = None,
    ) -> FittedNet:  # fmt: skip
        """Filters and trees, in one pass."""
        from sightcheck.nets.video import defakehop
        from sightcheck.nets.video.frames import outputs

        recipe = RECIPES["defakehop"]
        net = defakehop.train(recipe, [clip.pictures for clip in clips], synthetic, told)

        def speak(net: Any, clip: Pictures) -> Values:
            given = frames.network_input(clip.rgb[frames.runs(clip, recipe.sequence)], recipe)
            return frames.probabilities(outputs(net, given), recipe)

        shape = (2, recipe.sequence, 3, recipe.height, recipe.width)
        return FittedNet(net, speak, shape, defakehop.parameters(net))


def every_core() -> threadpool_limits:
    """While it lasts PyTorch uses all cores, though the protocols hold their many small fits to one."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return threadpool_limits(int(asked) if asked.isdecimal() else os.cpu_count() or 1, "openmp")


def _runs(about: object) -> Path:
    """Where a training's checkpoints lie until it is done."""
    folder = weights.home().parent / "runs" / hashlib.sha256(repr(about).encode()).hexdigest()[:24]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


NETWORKS = {
    "Xception (3.2.2)": "xception",
    "EfficientNet-B3": "efficientnet-b3",
    "Xcept": "xception-scratch",
    "ResNetLSTM": "resnet-lstm",
}
NAMES = ("F-SVM", f"F-SVM, N = {SHORT}", "traces", "frames", *NETWORKS, "DeFakeHop", "LDP-TOP", "LDP-TOP, T = 32")


def f_svm(count: int) -> FewShot:
    """F-SVM of 5.3.2 at CRF 0, on so many frames after the first."""
    name = "F-SVM" if count == N else f"F-SVM, N = {count}"
    return FewShot(name, fewshot.Recipe("footprint", Sampling(frames=count + 1, windows=1), 0))


def contender(
    name: str, epochs: int = 0, frames: int = 0, precision: str = "32-true", backbone: str = "", scratch: bool = False
) -> Method:
    """A detector by its name in the tables; 0 epochs or frames and no backbone are the thesis's own.

    `scratch`: a network starts from random weights where the thesis's starts from ImageNet's.

    Raises UsageError with the names there are.
    """
    if name in NETWORKS:
        return Net(name, NETWORKS[name], epochs, frames, precision, backbone, scratch)
    if name in NAMES[-2:]:
        from sightcheck.learn.video.texture import Texture
        from sightcheck.video.texture import RECIPES as BODIES

        return Texture() if name == "LDP-TOP" else Texture(BODIES["texture"], name=name)
    others: dict[str, Method] = {
        "F-SVM": f_svm(N),
        f"F-SVM, N = {SHORT}": f_svm(SHORT),
        "traces": FewShot("traces", fewshot.Recipe()),
        "frames": Head(frames=frames),
        "DeFakeHop": Hops(frames=frames),
    }
    if name not in others:
        raise UsageError(f"no detector is compared as {name!r}; there are: {', '.join(NAMES)}")
    return others[name]
