"""Which clips make which network? From a table of clips to a model folder: held out, calibrated, trained on all.

The recipes of sections 3.2.2, 4.3 and 5.3.2, and `frames`, a head on the shared backbone. Needs the [train] extra.
"""

import dataclasses
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.ask import versions
from sightcheck.data import audit, manifest, split
from sightcheck.data.manifest import Item
from sightcheck.errors import InputError, UsageError
from sightcheck.learn import teach
from sightcheck.learn.video import joint
from sightcheck.learn.video.contenders import Bodies, contender
from sightcheck.media import Clip, look
from sightcheck.protocol import evaluate, readings
from sightcheck.protocol.contender import by_index
from sightcheck.protocol.evaluate import Controls, controls
from sightcheck.protocol.held_out import LeaveOneOut, folds_out, leave_one_out
from sightcheck.protocol.metrics import Values, auc, bootstrap
from sightcheck.video import frames, fusion, reference, residual
from sightcheck.video.person import texture
from sightcheck.video.reference import Reference
from sightcheck.weights import Card, Metric

if TYPE_CHECKING:
    from sightcheck.protocol.contender import Method

Told = Callable[[float, str], None]

RECIPES = {
    "frames": ("frames", "A logistic head on the shared backbone's features of single frames, soft vote"),
    "xception": ("Xception (3.2.2)", "Xception on whole frames, soft vote (3.2.2)"),
    "efficientnet-b3": ("EfficientNet-B3", "EfficientNet-B3 on two frames a second, soft vote (4.3.2)"),
    "xception-scratch": ("Xcept", "Xception from scratch on the first frames, soft vote (5.3.2)"),
    "resnet-lstm": ("ResNetLSTM", "ResNet50 and an LSTM on seven frames in a row (5.3.2)"),
    "defakehop": ("DeFakeHop", "DeFakeHop on three regions of six frames in a row (5.3.2)"),
    "ldp-top": ("LDP-TOP", "LDP-TOP of face, hands and feet, ten perceptrons (4.3.1)"),
    "texture": ("LDP-TOP, T = 32", "LDP-TOP of face, hands and feet in 32 frames, ten perceptrons (4.3.1)"),
    "residual": ("residual", "A small network on native patches of high-pass residuals, taught on aligned pairs"),
    "fusion": ("", "The mean of the probabilities of its parts (4.4.3)"),
    "joint": ("", "What its parts say together, weighed on sources held out"),
}
"""Recipe -> its name in the tables, where it is compared, and what its card says it is."""
QUICK = ("frames", *texture.RECIPES)
"""Recipes that are held out one generator at a time on up to MANY clips, because they are trained in seconds."""
MANY = 400
OF = {"fusion": ("frames", "texture"), "joint": ("traces", "frames")}
"""What a fusion is made of where nobody says."""
METHODS = {**dict.fromkeys(texture.RECIPES, "texture"), "fusion": "fusion", "residual": "residual"}
"""Recipe -> the method on the card where it is not `frames`."""
UNTESTED = "nothing was held out when it was trained, so its score cannot be turned into an answer"


@dataclass(frozen=True)
class Clips:
    """A recipe on clips and what was asked of it; "" and 0 mean the recipe's own, `folds` 0 that nothing is held out.

    `scratch`: start from random weights where the recipe starts from ImageNet's. `of`: the names of the models that a
    fusion is made of. `bodies`: how LDP-TOP looks at them.
    """

    recipe: str
    name: str = ""
    epochs: int = 0
    frames: int = 0
    folds: int = 5
    precision: str = "32-true"
    scratch: bool = False
    of: tuple[str, ...] = ()
    bodies: Bodies = field(default_factory=Bodies)
    to: Path | None = None

    @property
    def called(self) -> str:
        """What the model will be called."""
        return self.name or self.recipe


@dataclass(frozen=True)
class Read:
    """The n clips that a method could read: items with near copies in one group, clips, what it read of each."""

    items: tuple[Item, ...]
    clips: tuple[Clip, ...]
    seen: tuple[Any, ...]
    left_out: tuple[str, ...]

    @property
    def synthetic(self) -> NDArray[np.bool_]:
        """(n,) labels."""
        return np.array([item.synthetic for item in self.items])

    @property
    def units(self) -> NDArray[np.str_]:
        """(n,) what a weighting should know: source and generator."""
        return np.array([item.unit for item in self.items], np.str_)


def run(asked: Clips, tables: Sequence[Path], told: Told | None = None) -> Path:
    """Train what was asked on some tables of clips -> the model's folder. Stopped, it goes on where it was.

    Raises UsageError for a taken name or for clips of one label.
    """
    weights.check_name(asked.called, asked.to)
    tell = told or (lambda done, what: None)
    if asked.recipe in OF:
        asked = dataclasses.replace(asked, of=asked.of or OF[asked.recipe])
    if asked.recipe == "joint":
        return joint.train(asked.called, asked.of, tables, asked.to, tell)
    if asked.recipe == "fusion":
        return fused(asked, [item for table in tables for item in manifest.read(table)], tell)
    method = made(asked)
    found = read(method, [item for table in tables for item in manifest.read(table)], tell)
    tell(0.3, "held out")
    tested = held_out(method, asked, found) if asked.folds else None
    scores = np.full(len(found.items), np.nan) if tested is None else evaluate.clip_scores(tested, len(found.items))
    calibration = evaluate.calibration(scores, found.items) if tested is not None else None
    tell(0.7, "all clips")
    fitted = method.fit(found.seen, found.synthetic, found.units, told=lambda done, what: tell(0.7 + 0.3 * done, what))
    network, golden = fitted.export()
    named = np.array([clip.sha256 for clip in found.clips])
    calibration, mute = evaluate.voice(calibration, scores, found.items)
    ranges, forms = reference.scope(found.clips, scores, found.synthetic), reference.forms(found.clips)
    own = None if tested is None else controls(np.zeros((len(found.items), 1)), found.items)
    leaks = tested is not None and own is not None and teach.leaks(tested, own)
    alone = reference.by_metadata(found.clips, found.synthetic, found.units) if leaks else ()
    known = Reference(calibration, ranges, found.synthetic, scores, named, forms, made=alone)
    recipe = recipe_of(asked)
    limits = mute or teach.warnings(calibration, found.items)
    described = card(asked, found, tested, own, limits, dataclasses.asdict(recipe) | {"parameters": fitted.parameters})
    return reference.save(described, recipe, known, network, golden, asked.to)


def recipe_of(asked: Clips) -> Any:
    """How the model is asked, as its folder keeps it."""
    if asked.recipe in texture.RECIPES:
        return asked.bodies.recipe(asked.recipe)
    return residual.Recipe() if asked.recipe == "residual" else frames.RECIPES[asked.recipe]


def made(asked: Clips) -> "Method":
    """The method that a recipe is compared as."""
    return contender(
        RECIPES[asked.recipe][0],
        asked.epochs,
        asked.frames,
        precision=asked.precision,
        scratch=asked.scratch,
        bodies=asked.bodies,
    )


def read(method: "Method", items: Sequence[Item], tell: Told) -> Read:
    """Read every clip, as many at once as there are cores. Raises UsageError where one label has none left."""

    def one(item: Item) -> tuple[Item, Clip, Any, NDArray[np.uint64]] | str:
        try:
            path = os.fsencode(item.path)
            clip = sandbox.run(look, path)
            described = dataclasses.replace(manifest.described(item, clip), sha256=clip.sha256)
            return described, clip, method.read(described), readings.glance(path)
        except InputError as error:
            return f"{Path(item.path).name}: {error}"

    kept, left_out = [], []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for at, found in enumerate(pool.map(one, items), 1):
            if isinstance(found, str):
                left_out.append(found)
            else:
                kept.append(found)
            tell(0.3 * at / len(items), f"{at}/{len(items)} clips")
    if len({item.synthetic for item, *_ in kept}) < 2:
        why = "; ".join(left_out[:3]) or "none given"
        raise UsageError(f"clips of both labels are needed; too few could be read ({why})")
    described, clips, seen, fingerprints = zip(*kept, strict=True)
    return Read(split.joined(described, audit.near_copies(fingerprints)), clips, seen, tuple(left_out))


def held_out(method: "Method", asked: Clips, found: Read) -> LeaveOneOut | None:
    """Scores by models that saw neither a clip's generator nor its source; None where nothing can be held out.

    A quick one is taught once a generator and fold of real sources; the others, `folds` times in all.
    """
    settings = f"{asked.epochs} {asked.frames} {asked.precision} {asked.scratch}"
    fit = by_index(method, found.seen, [item.sha256 for item in found.items], settings)
    rows = np.arange(len(found.items), dtype=float)[:, None]
    try:
        if asked.recipe in QUICK and len(found.items) <= MANY:
            return leave_one_out(rows, found.items, fit)
        return folds_out(rows, found.items, fit, k=asked.folds)
    except UsageError:
        return None


def fused(asked: Clips, items: Sequence[Item], tell: Told) -> Path:
    """Models of these names and the clips they held out -> their fusion, calibrated on the clips that all held out.

    Raises UsageError where they held out no clip of both labels together.
    """
    parts = [weights.load(name) for name in asked.of]
    known = [reference.from_arrays(part.arrays) for part in parts]
    scores = [dict(zip(one.clips.tolist(), one.held_out.tolist(), strict=True)) for one in known]
    both, clips = [], []
    for at, item in enumerate(items, 1):
        try:
            clip = sandbox.run(look, os.fsencode(item.path))
        except InputError:
            continue
        if all(np.isfinite(one.get(clip.sha256, np.nan)) for one in scores):
            both.append(dataclasses.replace(manifest.described(item, clip), sha256=clip.sha256))
            clips.append(clip)
        tell(at / len(items), f"{at}/{len(items)} clips")
    if {item.synthetic for item in both} != {False, True}:
        named = " and ".join(asked.of)
        raise UsageError(f"{named} held out no clips of both labels together; train them on this table")
    each = [fusion.fused([one[item.sha256] for one in scores]) for item in both]
    fake = np.array([frames.soft_vote(np.array([one])) for one in each])
    synthetic, units = np.array([item.synthetic for item in both]), [item.unit for item in both]
    calibration = evaluate.calibration(fake, both)

    def counted(scope: str, said: Values) -> Metric:
        return teach.metric("AUC", scope, bootstrap(lambda w: auc(said, synthetic, w), synthetic, units))

    alone = [np.array([one[item.sha256] for item in both]) for one in scores]
    metrics = (
        counted("clips that all parts held out", fake),
        *(counted(f"{name} alone, the same clips", said) for name, said in zip(asked.of, alone, strict=True)),
    )
    described = _card(asked, both, metrics, (), teach.warnings(calibration, both), {"of": list(asked.of)}, ())
    names = np.array([clip.sha256 for clip in clips])
    fit = Reference(calibration, reference.scope(clips), synthetic, fake, names, reference.forms(clips))
    return fusion.save(described, asked.of, fit, asked.to)


def card(
    asked: Clips, found: Read, tested: LeaveOneOut | None, own: Controls | None, limits: tuple[str, ...],
    recipe: dict[str, Any],
) -> Card:  # fmt: skip
    """What the model is, learned and scored, and what scores the same without looking at the picture."""
    trained = {"epochs": asked.epochs, "frames_asked": asked.frames, "precision": asked.precision}
    trained |= {"scratch": asked.scratch}
    if recipe.get("faces"):
        trained["clips_cropped_to_a_face"] = sum(one.pictures.faces for one in found.seen)
    if tested is None or own is None:
        return _card(asked, found.items, (), (), (UNTESTED,), recipe | trained, found.left_out)
    name = "AUC, mean over the held out"
    metrics = (
        teach.metric(name, "generator held out", tested.auc.macro),
        teach.metric(name, "generator held out, pairs alike in metadata", tested.matched.macro),
    )
    alone = (
        teach.metric(name, "metadata only", own.metadata.auc.macro),
        teach.metric(name, "length only", own.length.auc.macro),
    )
    return _card(asked, found.items, metrics, alone, limits, recipe | trained, found.left_out)


def _card(
    asked: Clips, items: Sequence[Item], metrics: tuple[Metric, ...], alone: tuple[Metric, ...],
    limits: tuple[str, ...], recipe: dict[str, Any], left_out: tuple[str, ...],
) -> Card:  # fmt: skip
    libraries = ("torch", "onnx", "onnxruntime", "scikit-learn")
    return Card(
        name=asked.called,
        method=METHODS.get(asked.recipe, "frames"),
        summary=RECIPES[asked.recipe][1],
        recipe=recipe,
        sources=teach.sources(items),
        split=_split(asked, len(items)),
        metrics=metrics,
        controls=alone,
        limits=limits,
        not_for=teach.NOT_FOR,
        versions={**dict(versions()), **{one: version(one) for one in libraries}},
        made=datetime.now(UTC).date().isoformat(),
        left_out=left_out,
    )


def _split(asked: Clips, count: int) -> str:
    if not asked.folds:
        return "none"
    if asked.recipe in QUICK and count <= MANY:
        return "each generator with its sources and scenes, and a fifth of the real sources"
    if asked.recipe == "fusion":
        return "the clips that every part held out"
    return f"{asked.folds} folds of whole sources, with all their generators"
