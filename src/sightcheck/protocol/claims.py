"""What is a score of a claim worth on sources nobody taught? Calibration with whole sources held out, and its cost."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sightcheck.protocol.metrics import cllr
from sightcheck.verdict import Calibration, calibrate, group_weights
from sightcheck.weights import Metric

Values = NDArray[np.float64]

ALIKE = "sources held out, units alike"
MODERATE = 1.0
WRONGLY = 0.02
"""Largest share of a source's true claims that may be denied at MODERATE or more."""


@dataclass(frozen=True)
class Claims:
    """n claims: their score, whether they are true, the unit that weighs alike, the photo's source.

    `compared`: the source of what each photo was compared with, the photo's own where it was compared with nothing.
    """

    score: Values
    there: NDArray[np.bool_]
    unit: NDArray[np.str_]
    source: NDArray[np.str_]
    compared: NDArray[np.str_]

    def __getitem__(self, where: NDArray[np.bool_]) -> "Claims":
        return Claims(*(getattr(self, name)[where] for name in self.__dataclass_fields__))

    @property
    def sources(self) -> list[str]:
        """Every source of a photo."""
        return sorted(set(self.source.tolist()))


def calibration(found: Claims) -> Calibration:
    """Claims of sources that the scores did not learn from -> calibration of the score.

    What speaks for a claim is bounded by the units, what speaks against it by the sources of true claims; a denial
    reaches MODERATE only where the true claims of every source bear it.
    """
    fitted = calibrate(found.score, found.there, found.unit.tolist())
    floor = min(fitted.bound, float(np.log10(len(found[found.there].sources) + 1)))
    told = fitted.slope * found.score + fitted.offset <= -MODERATE
    worst = max(float(told[found.there & (found.source == one)].mean()) for one in found[found.there].sources)
    return replace(fitted, floor=min(floor, MODERATE - 0.01) if worst > WRONGLY else floor)


def ratios(found: Claims) -> Values:
    """(n,) log10 LR of each claim by a calibration on claims that its photo's source had no part in."""
    given = np.zeros(len(found.score))
    for one in found.sources:
        model = calibration(found[(found.source != one) & (found.compared != one)])
        given[found.source == one] = [model.log10_lr(score) for score in found.score[found.source == one]]
    return given


def informed(found: Claims) -> tuple[Metric, ...]:
    """Claims -> Cllr of their ratios and the share of true ones denied at MODERATE or more, each source held out."""
    given, rows = ratios(found), []
    for one in found.sources:
        here = found.source == one
        if found.there[here].any() and not found.there[here].all():
            scope = f"{one}, held out"
            rows.append(Metric("Cllr", scope, cllr(given[here], found.there[here])))
            rows.append(
                Metric("denied wrongly, moderate", scope, float((given[here & found.there] <= -MODERATE).mean()))
            )
    return (Metric("Cllr", ALIKE, cost(found, given)), *rows)


def cost(found: Claims, given: Values) -> float:
    """Claims and their log10 LR (n,) -> Cllr with units weighing alike."""
    return cllr(given, found.there, group_weights(found.there, found.unit))
