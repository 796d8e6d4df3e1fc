"""Which clips of a table teach, which validate, which test? Parts that never split a group."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from sightcheck.bench.tables.layout import shuffled
from sightcheck.bench.tables.plans import DANCE, STREETS
from sightcheck.data.manifest import Item

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("test", "train", "validation")
"""Of two parts that lack as much, the first is filled."""

Shares = Mapping[str, tuple[int, int, int]]
"""Subset -> clips that teach, validate and test, in ratio."""

FAKEDANCE: Shares = {"Swap": (16, 0, 4), "Puppet": (8, 0, 2), "Fit": (108, 14, 26), "Splice": (0, 0, 20)}
FEW_SHOT: Shares = {**dict.fromkeys(STREETS, (128, 22, 50)), "DeepFor": (703, 96, 201), "VFHQ": (394, 113, 89)}


def shares(number: str, own: bool) -> Shares:
    """Number of a table -> how its subsets are split (3.2.2, Table 4.3, 5.3.2); other data is split alike in 4."""
    if number == "4.sota":
        return dict.fromkeys(DANCE, (0, 0, 1))
    if number.startswith("3."):
        return dict.fromkeys(STREETS, (60, 15, 25))
    if number.startswith("5."):
        return FEW_SHOT
    return FAKEDANCE if own else {**dict.fromkeys(DANCE, (70, 10, 20)), "Splice": (0, 0, 1)}


def split(items: Sequence[Item], wanted: Shares, tests: frozenset[str] = frozenset()) -> dict[str, Part]:
    """Items with a subset and a linked group -> group -> part: the largest group first, to the part that lacks it most.

    What a group brings counts by its subset and label, as a share of all clips of that subset and label. `tests`: the
    groups that only test, whatever else they hold.
    """
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for item in items:
        counts.setdefault(item.group, Counter())[item.subset, item.label] += 1
    totals = sum(counts.values(), Counter())
    lacking = {
        (part, key): total * wanted[key[0]][("train", "validation", "test").index(part)] / sum(wanted[key[0]])
        for key, total in totals.items()
        for part in PARTS
    }
    found: dict[str, Part] = {}
    for group in sorted(shuffled(sorted(counts)), key=lambda name: (name not in tests, -counts[name].total())):
        brought = counts[group]
        lacks = [sum(n * lacking[part, key] / totals[key] for key, n in brought.items()) for part in PARTS]
        found[group] = "test" if group in tests else PARTS[int(np.argmax(np.round(lacks, 9)))]
        for key, n in brought.items():
            lacking[found[group], key] -= n
    return found


def few(items: Sequence[Item], count: int) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """The first `count` clips of each label, 0 for all, in an order that makes 2 a part of 4; and the rest."""
    rank = {name: at for at, name in enumerate(shuffled(sorted({item.group for item in items}), "taught"))}
    taken: Counter[str] = Counter()
    kept: list[Item] = []
    spare: list[Item] = []
    for item in sorted(items, key=lambda item: (rank[item.group], item.subset, item.sha256)):
        taken[item.label] += 1
        (kept if not count or taken[item.label] <= count else spare).append(item)
    return tuple(kept), tuple(spare)
