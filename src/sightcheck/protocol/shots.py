"""How many clips must a person give? Accuracy against the number of clips a class that taught the detector."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sightcheck.data.manifest import Item
from sightcheck.data.pairs import aligned
from sightcheck.data.split import linked_groups
from sightcheck.protocol.held_out import EVERYTHING, Fit, Indices, Scope, of_kinds
from sightcheck.protocol.metrics import NAN, Estimate, Labels, Values, auc, balanced_accuracy


@dataclass(frozen=True)
class Shot:
    """Means over draws with the 2.5th and 97.5th percentile of the draws, for `clips` clips a class.

    `draws`: how many of the draws left both classes to be tested on. A score above 0 is called synthetic.
    """

    clips: int
    draws: int
    auc: Estimate
    balanced_accuracy: Estimate


def few_shot(
    features: Values,
    items: Sequence[Item],
    fit: Fit,
    sizes: Sequence[int] = (1, 2, 4, 8, 16, 32),
    draws: int = 20,
    seed: int = 0,
    by_source: bool = False,
    scope: Scope = EVERYTHING,
    paired: bool = False,
) -> tuple[Shot, ...]:
    """Features (n, d), (n) items -> one Shot a size.

    A draw takes clips at random, as many of each class, and tests on every clip of the scope that shares no group (nor,
    with `by_source`, source) with them. `paired`: it takes aligned pairs of as many scenes. The unit that a weighting
    knows is the scene of a source.
    """
    synthetic = np.array([item.synthetic for item in items])
    groups = linked_groups(items)
    teachers = _by_scene(items, groups)
    units = linked_groups(items, by_source=True) if by_source else groups
    taught, scored = of_kinds(items, scope.taught), of_kinds(items, scope.scored)
    drawn = partial(_pairs, items, groups, taught) if paired else partial(_clips, synthetic, taught)
    curve = []
    for size in sizes:
        rows, tested = [], np.zeros(len(items), dtype=bool)
        for draw in range(draws):
            train = drawn(size, np.random.default_rng((seed, size, draw)))
            test = scored & ~np.isin(units, units[train])
            if len(train) and len(set(synthetic[test])) == 2:
                found = fit(features[train], [teachers[at] for at in train])(features[test])
                rows.append((auc(found, synthetic[test]), balanced_accuracy(found > 0, synthetic[test])))
                tested |= test
        of = (int(tested.sum()), len(set(groups[tested])))
        curve.append(Shot(size, len(rows), *(_spread([row[at] for row in rows], *of) for at in (0, 1))))
    return tuple(curve)


def _clips(synthetic: Labels, taught: Labels, size: int, draw: np.random.Generator) -> Indices:
    """`size` items of each class at random; none where a class has fewer."""
    sides = [np.flatnonzero(taught & (synthetic == side)) for side in (False, True)]
    if min(map(len, sides)) < size:
        return np.zeros(0, dtype=np.intp)
    return np.concatenate([draw.choice(side, size, replace=False) for side in sides])


def _pairs(items: Sequence[Item], groups: Indices, taught: Labels, size: int, draw: np.random.Generator) -> Indices:
    """The clips of one aligned pair of each of `size` groups at random, real ones first; none where there are fewer."""
    pairs = np.array(aligned(items), dtype=np.intp).reshape(-1, 2)
    pairs = draw.permutation(pairs[taught[pairs].all(1)])
    first = np.sort(np.unique(groups[pairs[:, 0]], return_index=True)[1])[:size]
    return pairs[first].T.ravel() if len(first) == size else np.zeros(0, dtype=np.intp)


def _by_scene(items: Sequence[Item], groups: Indices) -> list[Item]:
    """The items with each scene of a source as a source of its own, so that it is their unit; pairs stay pairs."""
    named = zip(items, groups, strict=True)
    return [replace(item, source=f"{item.origin} {group}", generator="") for item, group in named]


def _spread(values: list[float], n: int, groups: int) -> Estimate:
    low, high = np.percentile(values, [2.5, 97.5]) if values else (NAN, NAN)
    return Estimate(float(np.mean(values)) if values else NAN, float(low), float(high), n, groups)
