"""What is a score worth on sources nobody taught? Each source scored by a model that saw nothing of it, then weighed.

Everything of a source is held out at once: its clips, its scenes wherever they recur, its generators wherever else they
were used. Scores of all models are pooled, as one model meets them, and turned into ratios by a calibration that saw no
clip of the source. Sources weigh alike, so that a large one cannot hide the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sightcheck.data import pairs
from sightcheck.data.manifest import Item
from sightcheck.data.split import folds as dealt
from sightcheck.data.split import linked_groups, names_by
from sightcheck.protocol.held_out import Fit
from sightcheck.protocol.metrics import NAN, Labels, Values, auc, cllr
from sightcheck.verdict import BANDS, group_weights

Indices = NDArray[np.intp]
Teach = Callable[[Indices], Callable[[Indices], Values]]
"""Numbers of the items that teach -> what gives the scores (m,) of items by their numbers (m,)."""
TOLD = BANDS[-1][0]
"""|log10 LR| from which on an answer is given."""
WRONG = (0.02, 0.03)
"""Largest shares of real clips that may be called synthetic, and of synthetic ones told "no sign of synthesis"."""


@dataclass(frozen=True)
class Worth:
    """What scores are worth. `by_source`: sources weigh alike; `pairs`: share of aligned pairs in the right order.

    `aligned`: AUC over the members of aligned pairs. `false_synthetic`, `false_none`: shares of the real clips that are
    called synthetic, and of the synthetic ones that are told "no sign of synthesis"; `decided`: share of all with an
    answer.
    """

    auc: float
    auc_by_source: float
    aligned: float
    pairs: float
    cllr: float
    cllr_by_source: float
    decided: float
    false_synthetic: float
    false_none: float


def trials(items: Sequence[Item], folds: int = 0) -> list[tuple[Indices, Indices]]:
    """Items (n) -> (taught, held out) of each model: one a source or, for the costly, `folds` of whole sources."""
    origins, groups = names_by(items, "source"), linked_groups(items)
    makers, synthetic = names_by(items, "generator"), labels(items)
    part = dealt(items, folds) if folds else np.unique(origins, return_inverse=True)[1]
    planned = []
    for at in np.unique(part):
        out = part == at
        same = out | np.isin(groups, groups[out]) | (synthetic & np.isin(makers, makers[out & synthetic]))
        planned.append((np.flatnonzero(~same), np.flatnonzero(out)))
    return planned


def held_out(items: Sequence[Item], teach: Teach, folds: int = 0) -> Values:
    """Items (n) -> (n,) the score of each by the model that saw nothing of its source, nan where none was taught."""
    synthetic, scores = labels(items), np.full(len(items), NAN)
    with threadpool_limits(1):  # many small fits: threads only wait for each other
        for taught, out in trials(items, folds):
            if {*synthetic[taught]} == {False, True}:
                scores[out] = teach(taught)(out)
    return scores


def teaching(fit: Fit, vectors: Values, items: Sequence[Item], asked: Values | None = None) -> Teach:
    """A fit of the protocols on vectors (n, ...) of the items, which score `asked` (n, ...), by default the same."""
    exam = vectors if asked is None else asked

    def teach(taught: Indices) -> Callable[[Indices], Values]:
        score = fit(vectors[taught], [items[at] for at in taught.tolist()])
        return lambda out: score(exam[out])

    return teach


def fused(scores: Values, synthetic: Labels, sources: NDArray[np.str_], strength: float = 1.0) -> tuple[Values, float]:
    """Scores (n, k), labels, sources -> coefficients (k,) and offset of log10 LR: logistic fusion, sources alike.

    Brümmer and du Preez 2006; `strength` is the inverse of the penalty that shrinks it towards saying nothing. A
    detector whose coefficient would turn its score round has no voice.
    """
    from sklearn.linear_model import LogisticRegression

    spread, kept = scores.std(0) + 1e-9, np.arange(scores.shape[1])
    coefficients, offset = np.zeros(scores.shape[1]), 0.0
    weight = group_weights(synthetic, sources)
    while len(kept):
        model = LogisticRegression(C=strength).fit(scores[:, kept] / spread[kept], synthetic, sample_weight=weight)
        if (model.coef_[0] > 0).all():
            coefficients[kept] = model.coef_[0] / spread[kept] / np.log(10)
            offset = float(model.intercept_[0] / np.log(10))
            break
        kept = kept[model.coef_[0] > 0]
    return coefficients, offset


@dataclass(frozen=True)
class Shrinkage:
    """How much of log10 LR is stated on each side, so that few held-out clips would be told the opposite."""

    synthetic: float = 1.0
    real: float = 1.0

    def stated(self, log10_lr: Values) -> Values:
        """(n,) -> (n,) shrunk towards saying nothing."""
        return np.asarray(log10_lr * np.where(log10_lr > 0, self.synthetic, self.real))


def shrinkage(log10_lr: Values, synthetic: Labels, sources: NDArray[np.str_]) -> Shrinkage:
    """Held-out log10 LR (n,), labels, sources -> what keeps wrong answers at WRONG, by sources alike and by clips.

    Of n clips and one more, as in conformal prediction (Vovk et al. 2005): (wrong + 1) / (n + 1).
    """
    alike = group_weights(synthetic, sources)

    def least(towards: Values, side: Labels, most: float) -> float:
        order = np.argsort(-towards[side])
        by_source = np.cumsum(alike[side][order]) / alike[side].sum()
        by_clip = (np.arange(len(order)) + 2) / (len(order) + 1)
        allowed = int(np.argmax(np.append(np.maximum(by_source, by_clip), np.inf) > most))
        first = float(towards[side][order][allowed]) if allowed < len(order) else 0.0
        return float(min(1.0, TOLD / max(first, 1e-9)) * (1 - 1e-6))

    return Shrinkage(least(log10_lr, ~synthetic, WRONG[0]), least(-log10_lr, synthetic, WRONG[1]))


def borne(log10_lr: Values, synthetic: Labels, sources: NDArray[np.str_]) -> tuple[float, float]:
    """Held-out log10 LR (n,), labels, sources -> how loud each side may speak: synthetic, then real.

    The largest log10 of (share of its own clips told at least so much + nothing) over (that of the other's + one source
    more), sources alike, over all that is told: no ratio is stated that nothing held out would bear.
    """
    alike = group_weights(synthetic, sources)

    def most(towards: Values, side: Labels) -> float:
        others = len(set(sources[~side].tolist()))
        least = TOLD
        for edge in np.unique(towards[side & (towards >= TOLD)]):
            own = alike[side & (towards >= edge)].sum() / alike[side].sum()
            other = alike[~side & (towards >= edge)].sum() / alike[~side].sum()
            least = max(least, float(np.log10(own * (others + 1) / (other * others + 1))))
        return least

    return most(log10_lr, synthetic), most(-log10_lr, ~synthetic)


def ratios(
    scores: Values, items: Sequence[Item], strength: float = 1.0, shrunk: bool = True, asked: Values | None = None
) -> Values:
    """Held-out scores (n,) or (n, k) -> (n,) log10 LR of each by a fusion that saw no clip of its source or scenes.

    `shrunk`: as it would be stated, by a shrinkage that saw none of them either. `asked` (n,): the scores of copies of
    the clips, which are turned into ratios in their place.
    """
    exam = scores if asked is None else asked
    rows, synthetic = scores.reshape(len(items), -1), labels(items)
    origins, given = names_by(items, "source"), np.zeros(len(items))
    with threadpool_limits(1):
        for taught, out in trials(items):
            some = (rows[taught], synthetic[taught], origins[taught])
            coefficients, offset = fused(*some, strength)
            given[out] = exam.reshape(len(items), -1)[out] @ coefficients + offset
            if shrunk:
                less = shrinkage(some[0] @ coefficients + offset, *some[1:])
                stated = less.stated(some[0] @ coefficients + offset)
                most, floor = borne(stated, *some[1:])
                given[out] = np.clip(less.stated(given[out]), -floor, most)
    return given


def worth(scores: Values, log10_lr: Values, items: Sequence[Item]) -> Worth:
    """Scores (n,), their ratios (n,) -> what they are worth."""
    synthetic, origins = labels(items), names_by(items, "source")
    alike, couples = group_weights(synthetic, origins), np.array(pairs.aligned(items), np.intp).reshape(-1, 2)
    members = np.unique(couples)
    gap = scores[couples[:, 1]] - scores[couples[:, 0]]
    return Worth(
        auc(scores, synthetic),
        auc(scores, synthetic, alike),
        auc(scores[members], synthetic[members]),
        float(np.mean((gap > 0) + 0.5 * (gap == 0))) if len(gap) else NAN,
        cllr(log10_lr, synthetic),
        cllr(log10_lr, synthetic, alike),
        float(np.mean(np.abs(log10_lr) >= TOLD)),
        float(np.mean(log10_lr[~synthetic] >= TOLD)),
        float(np.mean(log10_lr[synthetic] <= -TOLD)),
    )


def labels(items: Sequence[Item]) -> Labels:
    """(n,) whether each is synthetic."""
    return np.array([item.synthetic for item in items])
