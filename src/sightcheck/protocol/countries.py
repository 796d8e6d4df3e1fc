"""How well is the country told? Measures of chapter 7 on held-out photos, with what calibrates the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightcheck.place import country
from sightcheck.protocol.claims import Claims
from sightcheck.protocol.metrics import Estimate, Values, bootstrap

Classes = NDArray[np.intp]

COVERAGE = 0.9
TOPS = (1, 3, 5, 10)
ROWS = ("upper left", "upper right", "lower left", "lower right", "centre", "maximum", "resize", "average")
"""Rows of Table 7.3 in its order; `centre` is its central crop, `average` the developed method."""


@dataclass(frozen=True)
class Measures:
    """Accuracy among the k likeliest for TOPS, balanced accuracy, calibration error; shortlists' coverage and size."""

    top: tuple[Estimate, ...]
    balanced: Estimate
    ece: float
    coverage: Estimate
    size: float
    photos: int


def hits(probabilities: Values, truth: Classes, k: int) -> NDArray[np.bool_]:
    """(n, C), (n,) -> (n,) whether the true class is among the k likeliest; ties count for the lower index."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return np.asarray((order == truth[:, None]).any(1))


def balanced(hit: NDArray[np.bool_], truth: Classes, weights: Values | None = None) -> float:
    """(n,) hits, (n,) classes -> mean of the classes' shares of hits; a class without weight is left out."""
    given = np.ones(len(truth)) if weights is None else weights
    total = np.bincount(truth, given)
    right = np.bincount(truth, given * hit)
    return float(np.mean(right[total > 0] / total[total > 0])) if total.any() else float("nan")


def ece(probabilities: Values, truth: Classes, bins: int = 10) -> float:
    """Expected calibration error of the likeliest class: |probability - share right|, averaged over equal bins."""
    likeliest = probabilities.max(1)
    gap = likeliest - hits(probabilities, truth, 1)
    at = np.minimum((likeliest * bins).astype(np.intp), bins - 1)
    return float(np.abs(np.bincount(at, gap, minlength=bins)).sum() / len(truth))


def threshold(
    probabilities: Values, truth: Classes, coverage: float = COVERAGE, weights: Values | None = None
) -> float:
    """Held-out (n, C), (n,) -> the probability a class must reach to be on the shortlist.

    Split conformal prediction with the true class's probability as score (Sadinle, Lei and Wasserman 2019), photos
    weighing as `weights` (n,) say, alike by default.
    """
    given = np.ones(len(truth)) if weights is None else weights
    scores = probabilities[np.arange(len(truth)), truth]
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(given[order]) / given.sum() * len(truth) / (len(truth) + 1)
    return float(scores[order][max(int(np.searchsorted(below, 1 - coverage, side="right")) - 1, 0)])


def temperature(logits: NDArray[np.floating], truth: Classes, weights: Values | None = None) -> float:
    """Held-out (n, k, C) logits, (n,) -> the temperature of least cross-entropy of the averaged cuts."""
    from scipy.optimize import minimize_scalar

    def cost(log_t: float) -> float:
        found = country.fused(logits, temperature=float(np.exp(log_t)))
        costs = -np.log(np.maximum(found[np.arange(len(truth)), truth], 1e-12))
        return float(np.average(costs, weights=weights))

    return float(np.exp(minimize_scalar(cost, bounds=(-2, 2), method="bounded").x))


def cross_fitted(
    logits: NDArray[np.floating], truth: Classes, fold: NDArray[Any], fusion: str = "average", alike: bool = False
) -> tuple[Values, NDArray[np.bool_]]:
    """(n, k, C) held-out logits, their folds -> (n, C) probabilities and (n, C) shortlists.

    Temperature and threshold of a fold come from the other folds, so nothing is tuned on what it is scored on. `alike`:
    these folds are sources, which weigh alike whatever their size.
    """
    probabilities = np.zeros((len(truth), logits.shape[-1]))
    listed = np.zeros(probabilities.shape, bool)
    for number in np.unique(fold):
        here, others = fold == number, fold != number
        weights = evenly(fold[others]) if alike else None
        t = temperature(logits[others], truth[others], weights)
        probabilities[here] = country.fused(logits[here], fusion, t)
        least = threshold(country.fused(logits[others], fusion, t), truth[others], weights=weights)
        listed[here] = probabilities[here] >= least
        listed[here, probabilities[here].argmax(1)] = True
    return probabilities, listed


def evenly(sources: NDArray[Any]) -> Values:
    """Sources (n,) -> (n,) weights by which each source counts alike, their sum n."""
    _, at, counts = np.unique(sources, return_inverse=True, return_counts=True)
    weights = 1 / counts[at]
    return np.asarray(weights * len(weights) / weights.sum())


def measures(probabilities: Values, listed: NDArray[np.bool_], truth: Classes, groups: Sequence[str]) -> Measures:
    """(n, C) probabilities and shortlists, (n,) classes and groups -> Measures with intervals over groups."""
    one_side = np.zeros(len(truth), bool)
    found = [hits(probabilities, truth, k) for k in TOPS]

    def share(hit: NDArray[np.bool_]) -> Estimate:
        return bootstrap(lambda w: float(np.average(hit, weights=w)), one_side, groups, 400)

    return Measures(
        tuple(share(hit) for hit in found),
        bootstrap(lambda w: balanced(found[0], truth, w), one_side, groups, 400),
        ece(probabilities, truth),
        share(listed[np.arange(len(truth)), truth]),
        float(listed.sum(1).mean()),
        len(truth),
    )


def claimed(
    probabilities: Values,
    truth: Classes,
    sources: NDArray[np.str_],
    countries: NDArray[np.str_],
    covered: NDArray[np.bool_],
) -> Claims:
    """(n, C) by heads that never saw a photo's source -> every photo claimed for every class, its log odds the score.

    `sources`, `countries` (n,) of the photos; `covered` (n, C): the classes that its heads were taught.
    """
    held = np.clip(probabilities, 1e-9, 1 - 1e-9)
    scores = np.log(held) - np.log1p(-held)
    there = np.arange(scores.shape[1]) == truth[:, None]
    unit = np.char.add(np.char.add(countries, " "), sources)
    named = [np.repeat(one[:, None], scores.shape[1], 1)[covered] for one in (unit, sources)]
    return Claims(scores[covered], there[covered], named[0], named[1], named[1])
