"""The scene model: a head on the shared backbone that imitates a Places365 network (8.3.2)."""

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.errors import UsageError
from sightcheck.learn.place.photos import SPLIT, Photos, card
from sightcheck.nets import heads
from sightcheck.nets.export import to_onnx
from sightcheck.nets.place import scene as scenes
from sightcheck.nets.place.features import Features
from sightcheck.place import country, scene
from sightcheck.weights import Metric


def train(photos: Photos, views: Features, teacher: Path, name: str, root: Path | None = None) -> Path:
    """The scene head, distilled from `teacher` (.npz: path, probs (n, 365)) -> its model folder.

    `hierarchy.csv` beside the teacher gives the 3 and 16 groups of each scene. A fifth of the photos is held out for
    the card; the model that is kept learned from all.
    """
    truth = _teacher(teacher, photos.items)
    groups3, groups16, names = _hierarchy(teacher.parent / "hierarchy.csv")
    recipe = scenes.Scene()
    fold = tables.folds(photos.items, [item.source for item in photos.items])
    with tempfile.TemporaryDirectory() as folder:
        held = scenes.train(recipe, views[fold > 0].teaching, truth[fold > 0], Path(folder))
    found = country.softmax(heads.outputs(held, views[fold == 0].centre))
    metrics = _agreement(found, truth[fold == 0].astype(np.float64), groups3, groups16)
    with tempfile.TemporaryDirectory() as folder:
        head = scenes.train(recipe, views.teaching, truth, Path(folder))
    network, golden = to_onnx(head, (2, views.values.shape[-1]))
    described = card(
        name, "365 Places scenes by a head on the shared backbone, distilled from a Places365 network",
        {"reads": f"features of {views.read}", **asdict(recipe)}, tables.sources(photos.items), SPLIT, metrics, (),
        ("learned to imitate one network on photos of few places; it is no better than that network",), photos, "scene",
    )  # fmt: skip
    arrays = {"golden": golden, "groups3": groups3, "groups16": groups16, "names": names}
    return weights.save(described, arrays, root, network)


def _agreement(
    found: NDArray[np.float64], truth: NDArray[np.float64], groups3: NDArray[np.float32], groups16: NDArray[np.float32]
) -> tuple[Metric, ...]:
    """Head's and teacher's (n, 365) on held-out photos -> how far they agree."""
    rows = np.random.default_rng(0).integers(0, len(found), (2000, 2))
    ours, theirs = (scene.grouped(p, groups16) for p in (found, truth))
    pairs_ours, pairs_theirs = (
        np.array([scene.similarity(g[i], g[j : j + 1])[0] for i, j in rows]) for g in (ours, theirs)
    )
    urban = groups3[:, scene.URBAN] > 0
    said = [np.array([scene.urban(row, urban) > 0.5 for row in p]) for p in (found, truth)]
    top5 = np.argsort(-found, axis=1)[:, :5]
    scope = "held-out photos, against the teacher"
    values = {
        "top-1 agreement": (found.argmax(1) == truth.argmax(1)).mean(),
        "teacher's likeliest scene in our five": (top5 == truth.argmax(1)[:, None]).any(1).mean(),
        "16 groups, top-1 agreement": (ours.argmax(1) == theirs.argmax(1)).mean(),
        "urban or not, agreement": (said[0] == said[1]).mean(),
        "correlation of similarities": np.corrcoef(pairs_ours, pairs_theirs)[0, 1],
        "mean difference of similarities": np.abs(pairs_ours - pairs_theirs).mean(),
    }
    return tuple(Metric(name, scope, float(value)) for name, value in values.items())


def _teacher(path: Path, items: Sequence[Item]) -> NDArray[np.float32]:
    """Teacher's probabilities (n, 365), row by row of the items; they are found by the end of the path."""
    with np.load(path, allow_pickle=False) as file:
        known = dict(zip(file["path"].tolist(), file["probs"].astype(np.float32), strict=True))
    try:
        rows = np.stack([known["/".join(Path(item.path).parts[-2:])] for item in items])
    except KeyError as error:
        raise UsageError(f"{path} has no probabilities of {error}; give the table it was made for") from None
    return np.asarray(rows / rows.sum(1, keepdims=True))


def _hierarchy(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.str_]]:
    """Places365's scene hierarchy -> (365, 3) and (365, 16) of 0 and 1, and the scenes' names."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    levels = [
        np.array([[float(row[key]) for key in row if key.startswith(level)] for row in rows], np.float32)
        for level in ("L1:", "L2:")
    ]
    return levels[0], levels[1], np.array([row["category"] for row in rows])
