"""What may be taught, and what must be held out? Splits that never part a group."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightcheck.data.manifest import Item

By = Literal["source", "generator"]


def linked_groups(
    items: Sequence[Item], near_copies: Iterable[tuple[int, int]] = (), by_source: bool = False
) -> NDArray[np.intp]:
    """(n) items -> (n,) component: items joined by group, by sha256, by `near_copies` and, if asked, by source."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first: dict[Hashable, int] = {}
    edges = [(i, j) for i, j in near_copies]
    for i, item in enumerate(items):
        keys = [("group", item.group), ("sha256", item.sha256)] + [("source", item.source)] * by_source
        edges += [(i, first.setdefault(key, i)) for key in keys if key[1]]
    rows, columns = np.array(edges, dtype=np.intp).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(items), len(items)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.intp)


def folds(
    items: Sequence[Item], k: int = 5, seed: int = 0, by: Literal["source", "group"] = "source"
) -> NDArray[np.intp]:
    """(n) items -> (n,) fold in [0, k), balanced by label; no source (or group) lies in two folds."""
    units = linked_groups(items, by_source=by == "source")
    return balanced(units, np.array([item.synthetic for item in items]), k, seed)


def balanced(units: NDArray[np.intp], positive: NDArray[np.bool_], k: int, seed: int = 0) -> NDArray[np.intp]:
    """Units (n,), labels (n,) -> (n,) fold in [0, k): units stay whole, and each fold gets its share of both labels.

    Greedy: the largest unit first, each to the fold that has least of what it brings; `seed` orders equal sizes.
    With fewer units than folds some folds stay empty.
    """
    _, at = np.unique(units, return_inverse=True)
    sizes = np.stack([np.bincount(at[positive == side], minlength=at.max() + 1) for side in (False, True)], 1)
    shares = sizes / np.maximum(sizes.sum(0), 1)
    order = np.random.default_rng(seed).permutation(len(shares))
    loads, fold = np.zeros((k, 2)), np.zeros(len(shares), dtype=np.intp)
    for unit in order[np.argsort(-shares[order].sum(1), kind="stable")]:
        fold[unit] = np.argmin(loads @ shares[unit])
        loads[fold[unit]] += shares[unit]
    return fold[at]


def published(
    items: Sequence[Item], labels: Sequence[str], shares: tuple[float, float] = (0.02, 0.02), seed: int = 0
) -> NDArray[np.str_]:
    """Items (n), labels (n) -> (n,) `train`, `validation` or `test`: 96, 2 and 2 % of each label by group (7.2).

    The largest group of a label teaches, and so does a group of several labels. Of the others those are held out that
    come nearest to the share, one at least: a label of one group is never held out, one of two only tests.
    """
    parts = np.full(len(items), "train", dtype="<U10")
    names, groups = np.asarray(labels), np.unique([item.group for item in items], return_inverse=True)[1]
    several = {group for group in np.unique(groups) if len(set(names[groups == group].tolist())) > 1}
    for label in np.unique(names):
        own, sizes = np.unique(groups[names == label], return_counts=True)
        order = np.random.default_rng(seed).permutation(len(own))
        free = {int(own[at]): int(sizes[at]) for at in order if at != sizes.argmax() and own[at] not in several}
        for part, share in (("test", shares[1]), ("validation", shares[0])):
            held = _up_to(free, share * float(sizes.sum()))
            parts[np.isin(groups, held)] = part
            free = {group: size for group, size in free.items() if group not in held}
    return parts


def _up_to(sizes: dict[int, int], wanted: float) -> list[int]:
    """Groups with their sizes, in a random order -> those that bring their sum nearest to `wanted`, one at least."""
    held: list[int] = []
    for group, size in sizes.items():
        if size <= 2 * wanted:  # nearer with it than without
            held.append(group)
            wanted -= size
    return held or sorted(sizes, key=lambda group: sizes[group])[:1]


def names_by(items: Sequence[Item], by: By) -> NDArray[np.str_]:
    """(n) items -> (n,) name of the source, or of the generator ("" for a real item)."""
    return np.array([item.origin if by == "source" else item.maker for item in items], dtype=np.str_)


def joined(items: Sequence[Item], near_copies: Iterable[tuple[int, int]]) -> tuple[Item, ...]:
    """The items with one group name a component of `linked_groups`, so that near copies are held out together."""
    groups = linked_groups(items, near_copies)
    names = [items[i].group for i in np.unique(groups, return_index=True)[1]]
    return tuple(replace(item, group=names[group]) for item, group in zip(items, groups, strict=True))
