"""How is a linear detector fitted to a handful of clips? F-SVM as published, and a regression that learns from pairs.

An aligned pair is a real clip and a synthetic one that differ in nothing but the making. What differs inside it cannot
be the scene, the camera or the encoder, so the regression of `traces` learns from the difference too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightcheck.verdict import group_weights
from sightcheck.video import appearance, traces

Matrix = NDArray[np.float64]
Pairs = Sequence[tuple[int, int]]
"""Numbers of a real clip and of a synthetic one that are aligned."""

PAIRED = 2.0
"""What an aligned pair weighs on average, in clips: as much as the two it is made of; all pairs, at most as all clips.

Both bounds: a single pair of a large table must not weigh as much as the table, nor many pairs of few clips more.
"""
STRENGTH = 0.1
"""C of the fits of `footprint` and `traces`: the inverse of their penalty."""
FAMILIES = {"traces": traces.FAMILIES, "appearance": (("all", appearance.LENGTH),)}
"""Method -> names and lengths of what makes up its vectors."""
STRENGTHS = {"traces": STRENGTH, "appearance": 0.003}


@dataclass(frozen=True)
class Linear:
    """score = coef . clip((x - centre) / scale, -limit, limit) + intercept, all (d,) but intercept and limit."""

    centre: Matrix
    scale: Matrix
    coef: Matrix
    intercept: float
    limit: float

    def scores(self, vectors: Matrix) -> Matrix:
        """(..., d) -> (...,) higher is more synthetic."""
        standard = np.clip((vectors - self.centre) / self.scale, -self.limit, self.limit)
        scores: Matrix = standard @ self.coef + self.intercept
        return scores


@dataclass(frozen=True)
class Taught:
    """What a regression learns from: rows (m, d) with labels and weights (m,), and `constant` (m,) or None.

    With pairs, `constant` is 1 for a clip and 0 for a difference, which has no intercept.
    """

    rows: Matrix
    labels: NDArray[np.bool_]
    weights: Matrix
    constant: Matrix | None = None


def fit(
    method: str,
    vectors: Matrix,
    synthetic: NDArray[np.bool_],
    groups: Sequence[str] | NDArray[np.str_],
    pairs: Pairs = (),
) -> Linear:
    """Vectors (n, d) or (n, forms, d), labels (n,), groups (n,), aligned pairs (p) of the n -> Linear.

    `footprint`: linear LibSVM, C = 0.1, on fractions as they are (algorithm 1), whatever is paired. `traces` and
    `appearance`: `late_fusion` of their families.
    """
    if method == "footprint":
        return svm(vectors, synthetic)
    return late_fusion(vectors, synthetic, groups, pairs, FAMILIES[method], STRENGTHS[method])


def svm(vectors: Matrix, synthetic: NDArray[np.bool_]) -> Linear:
    """Vectors (n, d) or (n, forms, d), labels (n,) -> Linear."""
    from sklearn.svm import SVC

    rows = vectors.reshape(-1, vectors.shape[-1])
    model = SVC(kernel="linear", C=STRENGTH).fit(rows, np.repeat(synthetic, len(rows) // len(vectors)))
    ones = np.ones(rows.shape[1])
    return Linear(0 * ones, ones, model.coef_[0], float(model.intercept_[0]), np.inf)


def late_fusion(
    vectors: Matrix,
    synthetic: NDArray[np.bool_],
    groups: Sequence[str] | NDArray[np.str_],
    pairs: Pairs = (),
    families: Sequence[tuple[str, int]] = traces.FAMILIES,
    strength: float = STRENGTH,
) -> Linear:
    """Vectors (n, d) or (n, forms, d), labels, groups (n,), pairs (p), names and lengths of what makes up d -> Linear.

    A ridge-penalised logistic regression for each family, standardised by the clips, their scores added after division
    by their spread over the clips, so that no family drowns another by its length. Pairs: see `with_pairs`.
    """
    forms = vectors.shape[1] if vectors.ndim == 3 else 1
    rows, labels = vectors.reshape(-1, vectors.shape[-1]), np.repeat(synthetic, forms)
    units = np.asarray(groups, dtype=np.str_)
    weight = group_weights(labels, np.repeat(units, forms), softness=0.5)
    centre = np.average(rows, axis=0, weights=weight)
    scale = np.sqrt(np.average((rows - centre) ** 2, axis=0, weights=weight)) + 1e-9
    standard = np.clip((rows - centre) / scale, -3, 3)
    taught = Taught(standard, labels, weight)
    if len(pairs):
        taught = with_pairs(taught, units, np.asarray(pairs, dtype=np.intp))
    coef, intercept, at = np.zeros(rows.shape[1]), 0.0, 0
    for _, length in families:
        family = slice(at, at + length)
        coef[family], own = _regression(taught, family, len(rows), strength)
        intercept += own
        at += length
    return Linear(centre, scale, coef, intercept, 3.0)


def with_pairs(clips: Taught, units: NDArray[np.str_], pairs: NDArray[np.intp]) -> Taught:
    """Rows (n * forms, d) of clips, units (n,), pairs (p, 2) -> the clips and, after them, each pair's difference.

    Synthetic less real is synthetic, its mirror image real; both halves of the pair's weight. The pairs of a unit, that
    of the synthetic clip, weigh as the square root of their number; PAIRED says what all weigh together.
    """
    by_clip = clips.rows.reshape(len(units), -1, clips.rows.shape[1])  # (n, forms, d)
    inside = (by_clip[pairs[:, 1]] - by_clip[pairs[:, 0]]).reshape(-1, clips.rows.shape[1])  # (p * forms, d)
    forms = by_clip.shape[1]
    each = group_weights(np.ones(len(pairs), dtype=bool), units[pairs[:, 1]], softness=0.5)  # sums to p
    each *= min(PAIRED, len(units) / len(pairs)) / 2
    halves = np.repeat(each, forms)
    fake = np.ones(len(inside), dtype=bool)
    return Taught(
        np.concatenate([clips.rows, inside, -inside]),
        np.concatenate([clips.labels, fake, ~fake]),
        np.concatenate([clips.weights, halves, halves]),
        np.concatenate([np.ones(len(clips.rows)), np.zeros(2 * len(inside))]),
    )


def _regression(taught: Taught, family: slice, clips: int, strength: float) -> tuple[Matrix, float]:
    """A family's columns, the first rows `clips` -> coefficients and intercept, scores of the clips having spread 1."""
    from sklearn.linear_model import LogisticRegression

    rows, alone = taught.rows[:, family], taught.constant is None
    if taught.constant is not None:
        rows = np.column_stack([rows, taught.constant])
    model = LogisticRegression(C=strength, max_iter=1000, fit_intercept=alone)
    model.fit(rows, taught.labels, sample_weight=taught.weights)
    spread = float(np.std(model.decision_function(rows[:clips]))) + 1e-9
    if alone:
        return model.coef_[0] / spread, float(model.intercept_[0]) / spread
    return model.coef_[0, :-1] / spread, float(model.coef_[0, -1]) / spread
