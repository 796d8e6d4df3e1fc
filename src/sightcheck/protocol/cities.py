"""How well is a city verified? Trials of chapter 8: claims true and false, and rates by equations 8.3 and 8.4."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightcheck.place import city
from sightcheck.protocol.metrics import Estimate, Values, auc, bootstrap, tpr_at_fpr

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Photos:
    """n photos as a model sees them: city vectors (n, 64), scene groups (n, 16), names of city and group.

    `gate[i, c]`: whether photo i passes the gate of city `names[c]`; `numbers` (n,): GeoNames numbers of the cities,
    where nearness is to leave a claimed city out of other places.
    """

    vectors: Values
    scenes: Values
    cities: NDArray[np.str_]
    groups: NDArray[np.str_]
    names: tuple[str, ...]
    gate: NDArray[np.bool_]
    numbers: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Trial:
    """One photo claimed for one city: the vote's margin, whether its gate passed, and the truth."""

    margin: float
    passed: bool
    claimed: str
    truth: str
    group: str


@dataclass(frozen=True)
class Rates:
    """True positives at fixed false positives, AUC, and both rates by the thesis's own decision (8.3, 8.4)."""

    at_2: Estimate
    at_5: Estimate
    auc: Estimate
    tp: float
    fp: float
    trials: int


def trials(
    photos: Photos, verifier: city.Verifier, queries: Rows, references: Rows, top: int = 0, weighted: bool = True
) -> list[Trial]:
    """Every query claimed for every city that has references; near copies of the query never vote on it.

    `top` and `weighted` are settings of a pair head's vote.
    """
    found = []
    for claimed in sorted(set(photos.cities[references].tolist())):
        of_city = references[photos.cities[references] == claimed]
        column, asked = photos.names.index(claimed), verifier
        if isinstance(verifier, city.Nearest) and photos.numbers is not None:
            asked = verifier.elsewhere(int(photos.numbers[of_city[0]]))
        for query in queries:
            rows = of_city[photos.groups[of_city] != photos.groups[query]]
            seen, others = ((photos.vectors[at], photos.scenes[at]) for at in (query, rows))
            outcome = city.verify(asked, *seen, *others, top, weighted)
            passed = bool(photos.gate[query, column])
            truth, group = str(photos.cities[query]), str(photos.groups[query])
            found.append(Trial(outcome.margin, passed, claimed, truth, group))
    return found


def scores(found: Sequence[Trial], gate: bool) -> Values:
    """Trials -> margins; with the gate a rejected query is below every other."""
    return np.array([one.margin if one.passed or not gate else -2.0 for one in found])


def rates(found: Sequence[Trial], gate: bool) -> Rates:
    """Trials -> Rates with intervals over groups of photos."""
    score, there = scores(found, gate), np.array([one.claimed == one.truth for one in found])
    groups = [one.group for one in found]
    cells = matrix(found, gate)
    names = sorted({one.claimed for one in found})
    diagonal = [cells[name, name] for name in names if (name, name) in cells]
    others = [value for (claimed, truth), value in cells.items() if claimed != truth]
    return Rates(
        bootstrap(lambda w: tpr_at_fpr(score, there, 0.02, w), there, groups, 400),
        bootstrap(lambda w: tpr_at_fpr(score, there, 0.05, w), there, groups, 400),
        bootstrap(lambda w: auc(score, there, w), there, groups, 400),
        float(np.mean(diagonal)) if diagonal else float("nan"),
        float(np.mean(others)) if others else float("nan"),
        len(found),
    )


def matrix(found: Sequence[Trial], gate: bool) -> dict[tuple[str, str], float]:
    """(claimed, true city) -> share of its queries verified, as in Tables 8.2 and 8.3."""
    score = scores(found, gate)
    cells: dict[tuple[str, str], list[bool]] = {}
    for one, value in zip(found, score, strict=True):
        cells.setdefault((one.claimed, one.truth), []).append(bool(value > 0))
    return {cell: float(np.mean(verified)) for cell, verified in cells.items()}
