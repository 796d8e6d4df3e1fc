"""How good are these scores? Metrics as functions of arrays, and intervals over groups.

Labels are (n,) bool, True for synthetic; scores are (n,), higher is more synthetic; weights are (n,), 1 each unless
given. A metric that needs both classes, or any clip, is nan without them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Labels = NDArray[np.bool_]
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, the number of clips and of groups behind it; nan where it is undefined."""

    value: float
    low: float
    high: float
    n: int
    groups: int


def accuracy(called: Labels, synthetic: Labels, weights: Values | None = None) -> float:
    """Answers (n,) bool, labels (n,) -> weighted share of right answers."""
    return _mean(called == synthetic, _ones(weights, called))


def balanced_accuracy(called: Labels, synthetic: Labels, weights: Values | None = None) -> float:
    """Answers (n,) bool, labels (n,) -> mean of the two classes' shares of right answers."""
    given = _ones(weights, called)
    return (_mean(called[synthetic], given[synthetic]) + _mean(~called[~synthetic], given[~synthetic])) / 2


def auc(scores: Values, synthetic: Labels, weights: Values | None = None) -> float:
    """Probability that a synthetic clip scores above a real one, ties counting half."""
    fpr, tpr = _roc(scores, synthetic, _ones(weights, scores))
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1])) / 2)


def tpr_at_fpr(scores: Values, synthetic: Labels, fpr: float, weights: Values | None = None) -> float:
    """Largest true positive rate of a threshold whose false positive rate is at most `fpr`; no interpolation."""
    rates, found = _roc(scores, synthetic, _ones(weights, scores))
    return NAN if np.isnan(found).any() else float(found[rates <= fpr + 1e-12].max())


def ece(probabilities: Values, synthetic: Labels, bins: int = 10, weights: Values | None = None) -> float:
    """Expected calibration error of P(synthetic) in [0, 1]: |mean probability - share synthetic|, averaged over bins.

    Bins have equal widths and include their lower edge (the last one both); each weighs by its clips.
    """
    given = _ones(weights, probabilities)
    at = np.minimum((probabilities * bins).astype(np.intp), bins - 1)
    gaps = np.bincount(at, given * (probabilities - synthetic), minlength=bins)
    return float(np.abs(gaps).sum() / given.sum()) if given.sum() > 0 else NAN


def cllr(log10_lr: Values, synthetic: Labels) -> float:
    """log10 likelihood ratios (n,), labels (n,) -> their cost in bits: 0 is perfect, 1 says nothing, above misleads.

    Brümmer and du Preez 2006: the mean over the classes of log2(1 + 1 / LR), and of log2(1 + LR).
    """
    cost = np.logaddexp(0.0, np.where(synthetic, -log10_lr, log10_lr) * np.log(10)) / np.log(2)
    sides = [cost[synthetic == side] for side in (False, True)]
    return float(np.mean([side.mean() for side in sides])) if all(len(side) for side in sides) else NAN


def bootstrap(
    metric: Callable[[Values], float], synthetic: Labels, groups: Sequence[str], n: int = 1000, seed: int = 0
) -> Estimate:
    """Metric of weights (clips,) -> its value with every weight 1, and a 95 % interval over n `resamples`.

    For instance `bootstrap(lambda w: auc(scores, synthetic, w), synthetic, groups)`. See `estimate`.
    """
    draws = np.array([metric(weights) for weights in resamples(synthetic, groups, n, seed)])
    return estimate(metric(np.ones(len(synthetic))), draws, synthetic, groups)


def estimate(value: float, draws: Values, synthetic: Labels, groups: Sequence[str]) -> Estimate:
    """A value and its resampled values (n,) -> Estimate with the 2.5th and 97.5th percentiles.

    Resamples where the metric is undefined are left out. The interval is nan where a class present has one group only,
    because nothing is then known of how groups differ.
    """
    names, known = np.asarray(groups), draws[~np.isnan(draws)]
    counts = [len(set(names[synthetic == side])) for side in (False, True)]
    single = 1 in counts or not len(known)
    low, high = (NAN, NAN) if single else np.percentile(known, [2.5, 97.5])
    return Estimate(value, float(low), float(high), len(names), len(set(names)))


def resamples(synthetic: Labels, groups: Sequence[str], n: int = 1000, seed: int = 0) -> Values:
    """Labels (c,), groups (c,) -> (n, c) weights: how often each clip's group was drawn in its class."""
    draw, names = np.random.default_rng(seed), np.asarray(groups)
    weights = np.zeros((n, len(names)))
    for side in (False, True):
        found, at = np.unique(names[synthetic == side], return_inverse=True)
        if len(found):
            times = draw.multinomial(len(found), np.full(len(found), 1 / len(found)), size=n)  # (n, groups)
            weights[:, synthetic == side] = times[:, at]
    return weights


def _roc(scores: Values, synthetic: Labels, weights: Values) -> tuple[Values, Values]:
    """False and true positive rates (t + 1,) at every distinct score from above, (0, 0) first; nan with one class."""
    if min(weights[synthetic].sum(), weights[~synthetic].sum()) <= 0:
        return np.full(2, NAN), np.full(2, NAN)
    order = np.argsort(-scores, kind="stable")
    last = np.r_[np.diff(scores[order]) != 0, True]
    found = [np.cumsum(weights[order] * side[order])[last] for side in (~synthetic, synthetic)]
    return np.r_[0.0, found[0] / found[0][-1]], np.r_[0.0, found[1] / found[1][-1]]


def _mean(values: Labels, weights: Values) -> float:
    return float(np.average(values, weights=weights)) if weights.sum() > 0 else NAN


def _ones(weights: Values | None, like: NDArray[np.generic]) -> Values:
    return np.ones(len(like)) if weights is None else weights
