"""What betrays the label without forensics? Copies across splits, and what size, rate, length and codec give away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sightcheck.data.manifest import Item
from sightcheck.data.split import balanced, joined, linked_groups
from sightcheck.verdict import group_weights

Features = NDArray[np.float64]
Score = Callable[[Features], NDArray[np.float64]]
"""Features (n, d) -> scores (n,), higher is more synthetic, 0 the decision boundary."""

NEAR_BITS = 6
"""Frames whose fingerprints differ in at most this many of 64 bits are taken for the same picture.

Measured on 216 clips: 95 % of frames stay within 6 bits when halved in size and saved as JPEG of quality 10; among
22,870 pairs of clips from different scenes 11 came within 6 bits, all made from one source picture or take.
"""
LEAK = 0.75
"""AUC from which a sentence warns that something other than forensics separates the classes."""
FEWEST_GROUPS = 3


@dataclass(frozen=True)
class Separation:
    """How well something tells two sides apart: AUC by cross-validation over groups, None with too few groups."""

    auc: float | None
    groups: int


@dataclass(frozen=True)
class Audit:
    """What the table gives away. Pairs are indices of items.

    `duplicates` have one sha256 and differ in label, split or group. `near_copies` differ in split or group; inside a
    group a clip and its synthetic twin are as they should be.
    `metadata`: logistic regression on size, frame rate, bits per pixel, duration and codec. `length`: on the number of
    frames and the duration. `column`: the one column of `metadata` that separates best, chosen after looking.
    `sources_metadata`, `sources_features`: each real source against the other real ones, averaged over sources.
    """

    groups_real: int
    groups_synthetic: int
    duplicates: tuple[tuple[int, int], ...]
    near_copies: tuple[tuple[int, int], ...]
    metadata: Separation
    length: Separation
    column: str
    column_alone: Separation
    sources_metadata: Separation
    sources_features: Separation | None
    warnings: tuple[str, ...]


def audit(
    items: Sequence[Item],
    fingerprints: Sequence[NDArray[np.uint64]] | None = None,
    features: Features | None = None,
) -> Audit:
    """(n) items, fingerprints of each (t,), a detector's features (n, d) -> Audit.

    Near copies are looked for only where fingerprints are given, and are held out together with their originals.
    """
    near = near_copies(fingerprints) if fingerprints is not None else ()
    synthetic = np.array([item.synthetic for item in items])
    groups = linked_groups(items, near)
    names, values = metadata(items)
    alone = {name: grouped_auc(values[:, [at]], synthetic, groups) for at, name in enumerate(names)}
    column = max(alone, key=lambda name: alone[name].auc or 0)
    sides = [len(set(groups[synthetic == side])) for side in (False, True)]
    linked = joined(items, near)
    found = Audit(
        groups_real=sides[0],
        groups_synthetic=sides[1],
        duplicates=_apart(items, _duplicates(items), "label", "split", "group"),
        near_copies=_apart(items, near, "split", "group"),
        metadata=grouped_auc(values, synthetic, groups),
        length=grouped_auc(length(items), synthetic, groups),
        column=column,
        column_alone=alone[column],
        sources_metadata=real_against_real(values, linked),
        sources_features=None if features is None else real_against_real(features, linked),
        warnings=(),
    )
    return replace(found, warnings=tuple(_sentences(found)))


def fingerprint(frames: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """(T, H, W) grey uint8 -> (T,) difference hashes: 8x8 bits, each whether a cell is brighter than its left one."""
    import cv2

    small = np.stack([cv2.resize(frame, (9, 8), interpolation=cv2.INTER_AREA) for frame in frames])
    bits = small[:, :, 1:] > small[:, :, :-1]  # (T, 8, 8)
    return np.packbits(bits.reshape(len(bits), 64), axis=1).view(">u8").astype(np.uint64)[:, 0]  # (T,)


def near_copies(fingerprints: Sequence[NDArray[np.uint64]]) -> tuple[tuple[int, int], ...]:
    """Fingerprints of n clips, (t,) each -> pairs i < j where half of the frames of each are within NEAR_BITS.

    Flat frames (fewer than 4 bits set or unset) match nothing.
    """
    hashes = np.concatenate(fingerprints) if fingerprints else np.zeros(0, np.uint64)
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1).astype(np.float32)
    bits = bits * 2 - 1  # (N, 64), so that a dot product is 64 - 2 * distance
    usable = np.abs(bits.sum(1)) <= 64 - 2 * 4
    owner = np.repeat(np.arange(len(fingerprints)), [len(own) for own in fingerprints])
    share = np.zeros((len(fingerprints), len(fingerprints)))
    for i in range(len(fingerprints)):
        mine = (owner == i) & usable
        close = bits[mine] @ bits.T >= 64 - 2 * NEAR_BITS
        found, total = close.any(0), np.bincount(owner, minlength=len(share))
        share[i] = np.bincount(owner, found, minlength=len(share)) / np.maximum(total, 1)
    return tuple((int(i), int(j)) for i, j in np.argwhere(np.triu(np.minimum(share, share.T) >= 0.5, 1)))


def metadata(items: Sequence[Item]) -> tuple[tuple[str, ...], Features]:
    """(n) items -> names of the columns, and the columns (n, d): what a file says of itself, in logarithms."""
    pixels = np.array([item.width * item.height * item.fps for item in items], dtype=np.float64)
    rates = np.array([item.bit_rate for item in items])
    known = {
        "width": _column(items, lambda item: item.width),
        "height": _column(items, lambda item: item.height),
        "frame rate": _column(items, lambda item: item.fps),
        "bits per pixel": np.divide(rates, pixels, out=np.zeros(len(items)), where=pixels > 0),
        "duration": _column(items, _duration_s),
    }
    columns = {name: column for given, values in known.items() for name, column in _logs(given, values)}
    for codec in sorted({item.codec for item in items}):
        columns[f"codec {codec or 'unknown'}"] = np.array([float(item.codec == codec) for item in items])
    return tuple(columns), np.stack(list(columns.values()), 1)


def length(items: Sequence[Item]) -> Features:
    """(n) items -> (n, 2..4): log frames and log duration in seconds, and whether each is unknown."""
    frames = _logs("frames", _column(items, lambda item: item.frames))
    durations = _logs("duration", _column(items, _duration_s))
    return np.stack([column for _, column in frames + durations], 1)


def logistic(features: Features, synthetic: NDArray[np.bool_], groups: NDArray[np.str_]) -> Score:
    """Features (n, d), labels (n,), groups (n,) -> log odds of synthetic as a function of features.

    Standardised logistic regression (C = 1); classes weigh alike, groups alike within each.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    weights = group_weights(synthetic, groups)
    model.fit(features, synthetic, logisticregression__sample_weight=weights)
    return lambda rows: np.asarray(model.decision_function(rows), dtype=np.float64)


def grouped_auc(features: Features, positive: NDArray[np.bool_], groups: NDArray[np.intp], k: int = 5) -> Separation:
    """Features (n, d), sides (n,), groups (n,) -> AUC of `logistic` over k folds of whole groups.

    Groups weigh alike in the fit and in the AUC; only scores of one model are compared, and the folds' AUCs are
    averaged by the weight of their pairs. None where a side has fewer than FEWEST_GROUPS groups.
    """
    from sklearn.metrics import roc_auc_score

    smaller = min(len(set(groups[positive == side])) for side in (False, True))
    count = len(set(groups))
    if smaller < FEWEST_GROUPS:
        return Separation(None, count)
    weights, aucs, pairs = group_weights(positive, groups.astype(np.str_)), [], []
    fold = balanced(groups, positive, min(k, smaller))
    for test in (fold == f for f in range(fold.max() + 1)):
        if len(set(positive[test])) == len(set(positive[~test])) == 2:
            scores = logistic(features[~test], positive[~test], groups[~test].astype(np.str_))(features[test])
            aucs.append(roc_auc_score(positive[test], scores, sample_weight=weights[test]))
            pairs.append(weights[test & positive].sum() * weights[test & ~positive].sum())
    return Separation(float(np.average(aucs, weights=pairs)) if aucs else None, count)


def real_against_real(features: Features, items: Sequence[Item]) -> Separation:
    """Features (n, d), (n) items -> mean AUC of each real source against the other real ones, and the real groups.

    .5 says that the features do not know where real clips come from. Sources of fewer than FEWEST_GROUPS groups are
    only among the others.
    """
    real = np.array([not item.synthetic for item in items])
    groups = linked_groups([item for item in items if not item.synthetic])
    origins = np.array([item.origin for item in items if not item.synthetic])
    sides = [origins == name for name in np.unique(origins)]
    aucs = [grouped_auc(features[real], side, groups).auc for side in sides]
    told = [auc for auc in aucs if auc is not None]
    return Separation(float(np.mean(told)) if told else None, len(set(groups)))


def _column(items: Sequence[Item], value: Callable[[Item], float]) -> Features:
    return np.array([value(item) for item in items], dtype=np.float64)


def _logs(name: str, values: Features) -> list[tuple[str, Features]]:
    """Values, 0 where unknown -> log2 (the mean where unknown) and, where some are unknown, whether each is."""
    known = values > 0
    logs = np.log2(values, out=np.zeros(len(values)), where=known)
    logs[~known] = logs[known].mean() if known.any() else 0
    return [(name, logs)] + ([] if known.all() else [(f"{name} unknown", (~known).astype(np.float64))])


def _duration_s(item: Item) -> float:
    return item.duration_s or (item.frames / item.fps if item.fps else 0.0)


def _duplicates(items: Sequence[Item]) -> list[tuple[int, int]]:
    """Pairs (first, i) of items with one sha256."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(item.sha256, i), i) for i, item in enumerate(items) if item.sha256]
    return [(i, j) for i, j in pairs if i != j]


def _apart(items: Sequence[Item], pairs: Sequence[tuple[int, int]], *columns: str) -> tuple[tuple[int, int], ...]:
    """The pairs that differ in one of the columns."""
    return tuple((i, j) for i, j in pairs if any(getattr(items[i], c) != getattr(items[j], c) for c in columns))


def _sentences(found: Audit) -> list[str]:
    """Audit -> what the person should know, most harmful first."""
    said = []
    if found.duplicates:
        said.append(f"{len(found.duplicates)} files occur twice with another label, split or group: keep one of each")
    if found.near_copies:
        said.append(
            f"{len(found.near_copies)} pairs of near copies are in different groups or splits: give each pair one group"
        )
    if min(found.groups_real, found.groups_synthetic) < FEWEST_GROUPS:
        said.append(
            f"{found.groups_real} real and {found.groups_synthetic} synthetic groups are too few to measure what "
            f"betrays the label: give at least {FEWEST_GROUPS} of each"
        )
    taught = "a detector taught on this may have learnt them"
    for what, score in (
        ("size, frame rate, bit rate, duration and codec together separate", found.metadata),
        ("the number of frames and the duration alone separate", found.length),
        (f"one column alone ({found.column}) separates", found.column_alone),
    ):
        if score.auc is not None and score.auc >= LEAK:
            said.append(f"{what} the classes (AUC {_points(score.auc)}, {score.groups} groups): {taught}")
    return said + _source_sentences(found)


def _source_sentences(found: Audit) -> list[str]:
    """What is known of real clips against real clips, in sentences."""
    measured = [("metadata tells", found.sources_metadata)]
    if found.sources_features is not None:
        measured.append(("the detector's features tell", found.sources_features))
    said = []
    for what, score in measured:
        if score.auc is None:
            said.append(f"whether {what} real sources apart is unknown: give two sources of {FEWEST_GROUPS} groups")
        elif score.auc >= LEAK:
            said.append(f"{what} real sources apart (AUC {_points(score.auc)}): hold sources out, not only groups")
    return list(dict.fromkeys(said))


def _points(auc: float) -> str:
    return f"{auc:.2f}".lstrip("0")
